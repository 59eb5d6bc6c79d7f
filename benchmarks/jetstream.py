"""`python -m benchmarks.jetstream`: messages into a JetStream stream, acknowledged, by two clients in turn.

Both publish the same envelopes with ids into a stream on disk and end when every one is acknowledged; what
counts is the wall clock from the first message to the last answer. The relay's part starts behind classification:
its batches go through buffer, envelope and window. Only the ratio within one run means anything.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from random import Random
from typing import Any

import nats
import uvloop

from streamset_api.nats import JetStreamCreate
from streamset_api.relay_config import BufferConfig, RelayConfig, Timing
from streamset_relay.core.batch import Batch
from streamset_relay.core.buffer import Buffer
from streamset_relay.core.envelope import encode
from streamset_relay.core.stream import Streams
from streamset_relay.core.stream_info import Wanted
from streamset_relay.core.window import SAFETY, Limits
from streamset_relay.jetstream_sink import JetStreamSink
from streamset_relay.nats_session import NatsSession
from streamset_relay.pipeline import Pipeline, publish, send
from tests.support.nats_server import NatsServer

STREAM, SUBJECT, WINDOW = "BENCH", "bench.trades", 120
SLICE = 500
PENDING = 4_000
#: A trade as Binance sends it, 172 bytes with its frame.
PAYLOAD = (
    b'{"e":"trade","E":1672515782136,"s":"BTCUSDT","t":%d,"p":"16573.12000000",'
    b'"q":"0.00100000","T":1672515782134,"m":true,"M":true}'
)
CONFIG = RelayConfig.model_validate({"streams": ["btcusdt@trade"], "nats": {"subject": SUBJECT}})


def batches(count: int) -> list[Batch]:
    """Numbered trades, as classification hands them on."""
    stream = Streams(CONFIG).get("btcusdt@trade")
    now, made = time.time_ns(), []
    for start in range(0, count, SLICE):
        numbers = range(start, min(start + SLICE, count))
        messages = [(stream, PAYLOAD % number, number) for number in numbers]
        made.append(Batch(now, 0.0, messages, sum(len(message[1]) for message in messages)))
    return made


async def relay(url: str, count: int, *, ordered: bool = False) -> float:
    """The relay's own way; seconds."""
    loop, timing = asyncio.get_running_loop(), Timing()
    streams = Streams(CONFIG)
    limits = Limits(
        timing.window_messages, timing.window_bytes, timing.ack_timeout, WINDOW - SAFETY, 60.0
    )
    sink = JetStreamSink(
        NatsSession([url], name="bench", timing=timing, rng=Random(1)),
        Wanted(STREAM, WINDOW, SUBJECT, JetStreamCreate()),
        streams,
        limits,
        timing,
        Random(1),
        ordered=ordered,
    )
    pipeline = Pipeline(streams, Buffer(BufferConfig(max_messages=10 * count)), sink)
    todo = batches(count)
    tasks = [asyncio.create_task(sink.run()), asyncio.create_task(publish(pipeline))]
    await sink.wait_ready()
    started = time.perf_counter()
    for batch in todo:
        pipeline.buffer.put(batch._replace(arrived=loop.time()))
        send(pipeline, loop.time())
        if pipeline.buffer.messages > 10 * SLICE:
            await asyncio.sleep(0)
    pipeline.end()
    await tasks[1]
    assert await sink.drain(120)
    seconds = time.perf_counter() - started
    await sink.stop(1)
    await tasks[0]
    account = sink.account.jetstream
    assert account is not None
    assert account.acked == count
    return seconds


async def publish_async(url: str, count: int) -> float:
    """nats-py's asynchronous publishing, with as many acknowledgements outstanding; seconds."""
    client = await nats.connect(url)
    js = client.jetstream(publish_async_max_pending=PENDING)
    await js.add_stream(name=STREAM, subjects=[SUBJECT], duplicate_window=WINDOW)
    bodies = []
    for batch in batches(count):
        for message in batch.messages:
            one = encode([batch._replace(messages=[message])], 1 << 20).wire
            body = one.partition(b"\r\n")[2][:-2]
            bodies.append((json.loads(body)["message_id"], body))
    started = time.perf_counter()
    acks = []
    for message_id, body in bodies:
        headers = {"Nats-Msg-Id": message_id}
        acks.append(await js.publish_async(SUBJECT, body, headers=headers, stream=STREAM))
    await js.publish_async_completed()
    seconds = time.perf_counter() - started
    assert all(ack.result().seq for ack in acks)
    await client.close()
    return seconds


CLIENTS = {
    "publish_async": (publish_async, 60_000),
    "relay": (relay, 200_000),
    "relay, ordered": (lambda url, count: relay(url, count, ordered=True), 10_000),
}


async def measure(name: str, rounds: int, size: float) -> dict[str, list[float]]:
    """Messages per second of each client, round by round; every run has a process and a stream of its own."""
    rates: dict[str, list[float]] = {client: [] for client in CLIENTS}
    for number in range(1, rounds + 1):
        for client, (_, messages) in CLIENTS.items():
            if name not in ("all", client):
                continue
            count = int(messages * size)
            async with NatsServer(jetstream=True) as server:
                command = [sys.executable, "-m", "benchmarks.jetstream", "--url", server.url]
                process = await asyncio.create_subprocess_exec(
                    *(*command, "--client", client, "--count", str(count)),
                    stdout=asyncio.subprocess.PIPE,
                )
                output, _ = await process.communicate()
                assert process.returncode == 0
            rates[client].append(count / float(output))
            print(
                f"round {number}/{rounds}  {client:<16}{rates[client][-1]:>10,.0f} msg/s",
                file=sys.stderr,
            )
    return rates


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        prog="python -m benchmarks.jetstream",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=5, help="runs of each client (default: 5)")
    parser.add_argument("--size", type=float, default=1.0, help="scale the messages of a run")
    parser.add_argument("--client", default="all", choices=["all", *CLIENTS])
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.url:
        run, _ = CLIENTS[arguments.client]
        print(uvloop.run(run(arguments.url, arguments.count)))
        return 0
    rates: dict[str, Any] = asyncio.run(measure(arguments.client, arguments.rounds, arguments.size))
    reference = rates["publish_async"]
    for client, found in rates.items():
        if found:
            ratios = [rate / peer for rate, peer in zip(found, reference, strict=False)]
            ratio = f"{statistics.median(ratios):.2f}" if ratios else "-"
            print(f"{client:<16}{statistics.median(found):>12,.0f} msg/s  ratio {ratio}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

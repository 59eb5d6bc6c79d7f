"""Two ways in Python to publish into a JetStream stream: the relay's, and nats-py's own. A process of its own.

    python -m benchmarks.publishers relay|ordered|publish_async NATS FRAME COUNT FILE

It prints the seconds from the first message to the last acknowledgement. The relay's way starts behind
classification: its batches go through buffer, envelope and window. nats-py's gets ready-made messages out of the file
(`write_messages`).
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

import nats
import uvloop

from benchmarks.clients import STORE, SUBJECT
from benchmarks.frames import Events, stream_names
from benchmarks.peers.protocol import PENDING
from benchmarks.plan import Frame
from benchmarks.world import DUPLICATE_WINDOW
from streamset_api.nats import JetStreamCreate
from streamset_api.relay_config import BufferConfig, RelayConfig, Timing
from streamset_relay.core.batch import Batch
from streamset_relay.core.buffer import Buffer
from streamset_relay.core.classify import classify
from streamset_relay.core.envelope import encode
from streamset_relay.core.stream import Streams
from streamset_relay.core.stream_info import Wanted
from streamset_relay.core.window import SAFETY, Limits
from streamset_relay.jetstream_sink import JetStreamSink
from streamset_relay.nats_session import NatsSession
from streamset_relay.pipeline import SLICE, Pipeline, publish, send

STREAMS: Final = 3
PATIENCE: Final = 60.0
_NO_LIMIT: Final = 1 << 30


def batches(frame: Frame, count: int) -> Iterator[Batch]:
    """Yield messages as classification hands them on."""
    events, streams = _events(frame)
    now = time.time_ns()
    for start in range(0, count, SLICE):
        found = classify(events.texts(range(start, min(start + SLICE, count))), streams)
        yield Batch(now, 0.0, found.messages, found.size)


def write_messages(frame: Frame, count: int, file: Path) -> None:
    """Write the same messages in their envelopes, one a line: id, subject, body."""
    with file.open("wb") as lines:
        for batch in batches(frame, count):
            for message in batch.messages:
                frame_out = encode([batch._replace(messages=[message])], _NO_LIMIT).wire
                body = frame_out.partition(b"\r\n")[2].removesuffix(b"\r\n")
                message_id = body.rpartition(b'"message_id":"')[2].partition(b'"')[0]
                lines.write(b"%b %b %b\n" % (message_id, SUBJECT.encode(), body))


async def relay(url: str, todo: list[Batch], streams: Streams, *, ordered: bool) -> float:
    """Publish as the relay does."""
    loop, timing = asyncio.get_running_loop(), Timing()
    limits = Limits(
        messages=timing.window_messages,
        bytes=timing.window_bytes,
        timeout=timing.ack_timeout,
        lifetime=DUPLICATE_WINDOW - SAFETY,
        ttl=PATIENCE,
    )
    sink = JetStreamSink(
        NatsSession([url], name="bench", timing=timing, rng=Random(1)),
        Wanted(STORE, int(DUPLICATE_WINDOW), SUBJECT, JetStreamCreate()),
        streams,
        limits,
        timing,
        Random(1),
        ordered=ordered,
    )
    count = sum(len(batch.messages) for batch in todo)
    buffer = Buffer(BufferConfig(max_messages=10 * SLICE + count, max_bytes=_NO_LIMIT))
    pipeline = Pipeline(streams, buffer, sink)
    running = asyncio.create_task(sink.run())
    publishing = asyncio.create_task(publish(pipeline))
    await sink.wait_ready()
    started = time.perf_counter()
    for batch in todo:
        pipeline.buffer.put(batch._replace(arrived=loop.time()))
        send(pipeline, loop.time())
        if pipeline.buffer.messages > 10 * SLICE:
            await asyncio.sleep(0)
    pipeline.end()
    await publishing
    drained = await sink.drain(PATIENCE)
    seconds = time.perf_counter() - started
    await sink.stop(1)
    await running
    account = sink.account.jetstream
    if not drained or account is None or account.acked != count:
        raise RuntimeError(f"{account} of {count} messages")
    return seconds


async def publish_async(url: str, messages: list[tuple[str, str, bytes]]) -> float:
    """Publish as nats-py offers it, with as many acknowledgements outstanding."""
    client = await nats.connect(url)
    js = client.jetstream(publish_async_max_pending=PENDING)
    started = time.perf_counter()
    acks = []
    for message_id, subject, body in messages:
        headers = {"Nats-Msg-Id": message_id}
        acks.append(await js.publish_async(subject, body, headers=headers, stream=STORE))
    await js.publish_async_completed()
    seconds = time.perf_counter() - started
    for ack in acks:
        ack.result()
    await client.close()
    return seconds


def _events(frame: Frame) -> tuple[Events, Streams]:
    names = stream_names(frame, STREAMS)
    config = RelayConfig.model_validate({"streams": names, "nats": {"subject": SUBJECT}})
    streams = Streams(config)
    streams.plan(names)
    return Events(names), streams


def _read(file: Path) -> list[tuple[str, str, bytes]]:
    parts = (line.rstrip(b"\n").split(b" ", 2) for line in file.read_bytes().splitlines())
    return [(message_id.decode(), subject.decode(), body) for message_id, subject, body in parts]


def main() -> None:
    way, url, frame, count, file = sys.argv[1:]
    if way == "publish_async":
        seconds = uvloop.run(publish_async(url, _read(Path(file))[: int(count)]))
    else:
        _, streams = _events(Frame(frame))
        todo = list(batches(Frame(frame), int(count)))
        seconds = uvloop.run(relay(url, todo, streams, ordered=way == "ordered"))
    print(seconds)


if __name__ == "__main__":
    main()

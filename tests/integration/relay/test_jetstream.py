"""The whole relay into JetStream: what the exchange sent is in the stream, once each and in order."""

import asyncio
import json
import signal
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from exchange_simulator import Simulator, SimulatorConfig
from tests.support.jetstream import administration, content
from tests.support.nats_server import NatsServer
from tests.support.relay import LocalRelay, document, eventually, get, info, metrics
from tests.support.relay_process import Ended, RelayProcess, exchange_process
from tests.support.subscriber import Received

TRADES = "btcusdt@trade"
STREAMS = tuple(
    f"{symbol}usdt@{channel}"
    for symbol in ("btc", "eth", "bnb", "sol")
    for channel in ("trade", "aggTrade")
)
RATE = 5_000
SECONDS = 12
FLOOR = 3_000
"""Messages per second that must really have flowed: a test under less proves less."""
BUFFER = {"maxMessages": 20 * RATE, "maxBytes": 256 << 20}


def jetstream(exchange: str, nats: str, *streams: str, **fields: Any) -> dict[str, Any]:
    """A configuration that delivers into the stream MD, which the relay makes."""
    config = document(exchange, nats, *streams, buffer=BUFFER)
    config["nats"] |= {
        "subject": "md.{symbol}.{channel}",
        "jetStream": {"stream": "MD", "create": {}, **fields},
    }
    config["timing"] = {**config["timing"], "ackTimeout": 2}
    return config


def numbers(stored: Sequence[Received]) -> dict[str, list[int]]:
    """The native ids of each stream's events, in the order of storage."""
    found: dict[str, list[int]] = {}
    for message in stored:
        envelope = json.loads(message.payload)
        data = envelope["data"]
        number = data["t"] if envelope["stream"].endswith("@trade") else data["a"]
        found.setdefault(envelope["stream"], []).append(number)
        assert f"Nats-Msg-Id: {envelope['message_id']}\r\n".encode() in message.headers
    return found


def check(ended: Ended, stored: Sequence[Received]) -> None:
    """Ended in order; every frame is in the stream, once, without a hole, in order."""
    ledger = ended.ledger
    assert ended.code == 0
    assert ledger["difference"] == ledger["in_flight"] == ledger["duplicate"] == 0
    assert ledger["dropped"] == {}
    assert len(stored) == ledger["acked"] == ledger["received"]
    for name, found in numbers(stored).items():
        assert found == list(range(found[0], found[0] + len(found))), name


@pytest.mark.timeout(120)
@pytest.mark.parametrize("ordered", [False, True])
async def test_nothing_is_lost_or_doubled_with_the_server_killed_on_the_way(
    tmp_path: Path, ordered: bool
) -> None:
    random = Random(ordered)
    async with (
        NatsServer(jetstream=True) as server,
        exchange_process("--rate", str(RATE)) as exchange,
        RelayProcess(
            tmp_path, jetstream(exchange.url, server.url, *STREAMS, ordered=ordered)
        ) as relay,
    ):
        await _acked(relay, 1)
        for _ in range(3):
            await asyncio.sleep(random.uniform(0.5, 1.5) * SECONDS / 4)
            await server.kill()
            await asyncio.sleep(random.uniform(0.0, 0.5))
            await server.restart()
            await _acked(relay, (await info(relay))["ledger"]["acked"] + RATE)
        await asyncio.sleep(SECONDS / 4)
        delivery = (await info(relay))["jetstream"]
        ended = await relay.stop()
        stored = await content(server.url, "MD")

    check(ended, stored)
    assert ended.ledger["received"] > FLOOR * SECONDS, "the load was too small"
    assert sorted(numbers(stored)) == sorted(STREAMS)
    assert delivery["reordered"] == 0
    print(f"\n{len(stored):,} messages, 3 kills: {delivery}")


@pytest.mark.timeout(120)
async def test_sigterm_in_full_flow_waits_for_the_answers(tmp_path: Path) -> None:
    async with (
        NatsServer(jetstream=True) as server,
        exchange_process("--rate", "10000") as exchange,
    ):
        for number in range(5):
            folder = tmp_path / str(number)
            folder.mkdir()
            async with RelayProcess(folder, jetstream(exchange.url, server.url, *STREAMS)) as relay:
                await _acked(relay, 2_000 + 500 * number)
                ended = await relay.stop()
            stored = await content(server.url, "MD")
            check(ended, stored)
            async with administration(server.url) as js:
                await js.delete_stream("MD")


async def test_sigterm_with_a_server_that_hangs_counts_what_may_have_arrived(
    tmp_path: Path,
) -> None:
    async with NatsServer(jetstream=True) as server, exchange_process("--rate", "2000") as exchange:
        config = jetstream(exchange.url, server.url, *STREAMS)
        config["timing"] |= {"gracePeriod": 7, "natsPingTimeout": 20, "ackTimeout": 20}
        async with RelayProcess(tmp_path, config) as relay:
            await _acked(relay, 1_000)
            server.pause()
            await asyncio.sleep(0.5)
            ended = await relay.stop(timeout=7)
        server.resume()

    ledger = ended.ledger
    assert ended.code == 0
    assert ledger["difference"] == ledger["in_flight"] == 0
    assert ledger["dropped"].keys() <= {"unacked_shutdown", "shutdown"}
    assert ledger["dropped"]["unacked_shutdown"] > 0
    assert ledger["received"] == ledger["acked"] + sum(ledger["dropped"].values())


async def test_the_relay_says_how_delivery_goes() -> None:
    async with (
        NatsServer(jetstream=True) as server,
        Simulator(SimulatorConfig(rates={TRADES: 500})) as exchange,
    ):
        config = jetstream(exchange.url, server.url, TRADES)
        del config["nats"]["jetStream"]["create"]
        async with LocalRelay(config) as relay:
            await relay.until(lambda s: s.queue_size > 50)
            described = await info(relay)
            assert described["nats_state"] == "disconnected"
            assert "no stream MD" in described["last_errors"]["nats"]
            assert relay.relay._failures()["nats"] == "StreamMissing"
            assert await get(relay.url + "/ready") == (
                503,
                '{"status": "not_ready", "reason": "nats_disconnected"}',
            )
            assert (await get(relay.url + "/healthz"))[0] == 200
            assert relay.said("JetStream does not take messages")

            async with administration(server.url) as js:
                await js.add_stream(name="MD", subjects=["md.>"], duplicate_window=120)
            await relay.until(lambda s: s.not_ready is None and (s.ledger.acked or 0) > 100)
            assert (await get(relay.url + "/ready"))[0] == 200
            described, sampled = await info(relay), await metrics(relay)
            assert described["jetstream"]["acked"] > 100
            assert described["jetstream"]["window_limit"] == 4096
            assert sampled["socket_client_acked_total"] > 100
            assert sampled["socket_client_breaker_state{name=nats,state=closed}"] == 1
            ledger = await relay.stop()
        stored = await content(server.url, "MD")

    assert ledger.acked == ledger.received == len(stored)
    assert (ledger.published, ledger.unconfirmed, ledger.dropped) == (0, 0, {})


async def test_a_second_sigterm_waits_no_longer(tmp_path: Path) -> None:
    async with NatsServer(jetstream=True) as server, exchange_process("--rate", "500") as exchange:
        config = jetstream(exchange.url, server.url, *STREAMS)
        config["timing"] |= {"natsPingTimeout": 60, "ackTimeout": 60, "gracePeriod": 60}
        async with RelayProcess(tmp_path, config) as relay:
            await _acked(relay, 100)
            server.pause()
            await asyncio.sleep(0.3)
            relay.send(signal.SIGTERM)
            await eventually(lambda: relay.said("Stopping: no more reading, sending what waits"))
            ended = await relay.stop(timeout=10)
        server.resume()

    assert ended.code == 0
    assert ended.ledger["difference"] == ended.ledger["in_flight"] == 0


async def _acked(relay: RelayProcess, count: int) -> None:
    async with asyncio.timeout(30):
        while (await info(relay))["ledger"].get("acked", 0) < count:
            await asyncio.sleep(0.05)

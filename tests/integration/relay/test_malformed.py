"""Frames that no exchange should send."""

import json
from collections import Counter
from collections.abc import Callable
from typing import get_args

import pytest

from exchange_simulator import Simulator, SimulatorConfig
from exchange_simulator.core.malformed import Malformed
from streamset_relay.status import Status
from tests.integration.relay.witness import numbers
from tests.support.nats_server import NatsServer
from tests.support.raw_websocket import BINARY, Peer, frame, serve, text
from tests.support.relay import LocalRelay, document, metrics
from tests.support.subscriber import Subscriber

TRADES = "btcusdt@trade"
MARKET = SimulatorConfig(rates={TRADES: 200})
CLIENTS = ("picows", "websockets")
LARGEST = 16 << 20

COUNTED = {
    "truncated_json": "not_json",
    "not_json": "not_json",
    "no_stream": "no_stream",
    "stream_not_text": "no_stream",
    "invalid_utf8": "not_utf8",
    "binary": "binary",
}
FATAL: dict[Malformed, int] = {
    "oversize": 1009,
    "reserved_opcode": 1002,
    "reserved_bit": 1002,
    "masked": 1002,
    "stray_continuation": 1002,
    "long_ping": 1002,
}


def test_every_kind_of_the_simulator_is_tested() -> None:
    assert set(get_args(Malformed)) == COUNTED.keys() | FATAL.keys()


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_malformed_frame_is_counted_and_the_connection_stays(
    client: str, nats_server: NatsServer, subscriber: Subscriber
) -> None:
    async with (
        Simulator(MARKET) as exchange,
        LocalRelay(document(exchange.url, nats_server.url, TRADES, transport=client)) as relay,
    ):
        await relay.until(lambda s: s.active == 1)
        for kind in get_args(Malformed):
            for _ in range(3 if kind in COUNTED else 0):
                exchange.faults.malformed(kind)
                exchange.faults.burst(TRADES, 5)
        expected = {"not_json": 6, "no_stream": 6, "not_utf8": 3, "binary": 3}
        await relay.until(lambda s: s.ledger.dropped == expected)
        at = relay.status.ledger.published
        await relay.until(lambda s: s.ledger.published > at + 20)
        samples = await metrics(relay)
        ledger = await relay.stop()

    assert relay.status.reconnects == 0
    assert len(exchange.stats().attempts) == 1
    assert ledger.received == ledger.published + 18
    for reason, count in expected.items():
        assert samples[f"socket_client_dropped_total{{reason={reason}}}"] == count
    (run,) = exchange.stats().streams[TRADES].runs
    await subscriber.settle()
    seen = numbers(subscriber.payloads, TRADES)
    assert seen == list(range(run.first, run.first + len(seen))), "all the good ones around them"
    reported = [line for line in relay.lines if line.message == "Frames were dropped"]
    assert 1 <= len(reported) < 18
    logged = sum(sum(line.fields["reasons"].values()) for line in reported)
    assert logged <= 18


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_frame_against_the_protocol_replaces_the_connection(
    client: str, nats_server: NatsServer, subscriber: Subscriber
) -> None:
    async with (
        Simulator(MARKET) as exchange,
        LocalRelay(document(exchange.url, nats_server.url, TRADES, transport=client)) as relay,
    ):
        for times, kind in enumerate(FATAL, 1):
            await relay.until(lambda s: s.connections["healthy"])
            exchange.faults.malformed(kind)
            await relay.until(reconnected(times), kind)
        await relay.until(lambda s: s.connections["healthy"])
        samples = await metrics(relay)
        ledger = await relay.stop()

    assert len(exchange.stats().attempts) == 1 + len(FATAL)
    for code, count in Counter(FATAL.values()).items():
        assert samples[f"socket_client_disconnects_total{{reason=close_{code}}}"] == count
    failures = relay.said("Binance connection failed")
    assert all(line.fields["retry_in_seconds"] > 0 for line in failures)
    assert await subscriber.settle() == ledger.received == ledger.published


@pytest.mark.parametrize("client", CLIENTS)
async def test_frames_of_16_mib_are_counted_and_the_connection_stays(
    client: str, nats_server: NatsServer, subscriber: Subscriber
) -> None:
    empty = len(_event("").encode())
    frames = [
        text(_event("first").encode()),
        text(b"x" * LARGEST),
        text(b'"' + b"\xe5" * (LARGEST - 2) + b'"'),
        frame(BINARY, b"x" * LARGEST),
        text(_event("x" * (LARGEST - empty)).encode()),  # valid, and more than NATS takes
        text(b'{"stream":"' + b"s" * (LARGEST - 24) + b'","data":{}}'),
        text(_event("last").encode()),
    ]
    upgrades = 0

    async def script(peer: Peer) -> None:
        nonlocal upgrades
        upgrades += 1
        await peer.upgrade()
        await peer.receive()
        await peer.write(text(b'{"result":null,"id":1}'))
        for each in frames:
            await peer.write(each)
        await peer.finish()

    async with (
        serve(script) as url,
        LocalRelay(document(url, nats_server.url, TRADES, transport=client)) as relay,
    ):
        await relay.until(lambda s: s.ledger.received == 7 and s.ledger.in_flight == 0)
        ledger = await relay.stop()

    reasons = {"not_json": 1, "not_utf8": 1, "binary": 1, "oversize": 1, "no_stream": 1}
    assert ledger.dropped == reasons
    assert upgrades == 1
    await subscriber.settle()
    assert [json.loads(p)["data"]["x"] for p in subscriber.payloads] == ["first", "last"]


async def test_channels_and_events_nobody_knows_are_relayed(
    nats_server: NatsServer, subscriber: Subscriber
) -> None:
    events = {
        "btcusdt@fromTheFuture": '{"e":"new","x":[1,{"y":null}]}',
        "btcusdt@trade": '{"e":"trade","t":"not a number"}',
        "nobody@askedForThis": "[1.0,2e400,-0]",
        "btc币@trade": '"\\u0000 just text"',
    }

    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await peer.receive()
        for stream, data in events.items():
            await peer.write(text(f'{{"stream":"{stream}","data":{data}}}'.encode()))
        await peer.finish()

    async with (
        serve(script) as url,
        LocalRelay(document(url, nats_server.url, *list(events)[:2])) as relay,
    ):
        await relay.until(lambda s: s.ledger.published == len(events))
        await relay.stop()

    await subscriber.settle()
    for payload, (stream, data) in zip(subscriber.payloads, events.items(), strict=True):
        assert payload.startswith(f'{{"stream":"{stream}","data":{data},"timestamp"'.encode())


def reconnected(times: int) -> Callable[[Status], bool]:
    """Whether there were so many reconnects."""
    return lambda status: status.reconnects == times


def _event(value: str) -> str:
    return f'{{"stream":"{TRADES}","data":{{"x":"{value}"}}}}'

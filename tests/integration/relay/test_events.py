"""Records on the subject of events: whoever reads them can fill every hole in the data, and finds none without one."""

import json
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from exchange_simulator import Simulator, SimulatorConfig
from tests.integration.relay.witness import numbers
from tests.support.jetstream import administration, content
from tests.support.nats_server import NatsServer
from tests.support.relay import LocalRelay, document, info, metrics
from tests.support.subscriber import Received, Subscriber

TRADES, DEPTH = "btcusdt@trade", "btcusdt@depth@100ms"
QUOTES, TICKER = "btcusdt@bookTicker", "btcusdt@ticker"
STREAMS = (TRADES, DEPTH, QUOTES, TICKER)
EVENTS = "binance.events"
MARKET = SimulatorConfig(rates={"*": 100})
SHUTDOWN_SOON = 0.05

MODES = pytest.mark.parametrize("mode", ["core", "jetstream", "ordered"])


def told(exchange: str, nats: str, *streams: str, mode: str = "core", **parts: Any) -> Any:
    """A configuration whose relay records events; on JetStream, in the stream that has the messages too."""
    config = document(exchange, nats, *(streams or STREAMS), **parts)
    config["identity"] = {"relay": "majors-0"}
    config["nats"] |= {"subject": "md.{symbol}.{channel}", "eventsSubject": EVENTS}
    if mode != "core":
        config["nats"]["jetStream"] = {"stream": "MD", "create": {}, "ordered": mode == "ordered"}
    return config


class Read:
    """What a consumer of both subjects got, in order. Relays talk to each other on others."""

    def __init__(self, messages: Sequence[Received]) -> None:
        self.messages = [m for m in messages if m.subject.startswith(("md.", EVENTS))]
        self.records = [
            (at, json.loads(message.payload))
            for at, message in enumerate(self.messages)
            if message.subject == EVENTS
        ]
        self.data = [message.payload for message in self.messages if message.subject != EVENTS]

    def of(self, kind: str, **fields: Any) -> list[dict[str, Any]]:
        return [
            record
            for _, record in self.records
            if record["type"] == kind and fields.items() <= record.items()
        ]

    def holes(self, stream: str = TRADES) -> list[tuple[int, int]]:
        """What is missing among the numbers of a stream of single events."""
        seen = numbers(self.data, stream)
        return [(a + 1, b - 1) for a, b in pairwise(seen) if b > a + 1]

    def place(self, stream: str, number: int) -> int:
        """Where in the order an event of a stream came."""
        for at, message in enumerate(self.messages):
            if message.subject != EVENTS:
                envelope = json.loads(message.payload)
                if envelope["stream"] == stream and envelope["data"]["t"] == number:
                    return at
        raise AssertionError(f"{stream} {number} did not come")

    def ahead(self) -> None:
        """Every gap of trades came before the first trade behind it."""
        for at, record in self.records:
            if record["type"] == "gap" and record["stream"] == TRADES and record["to"]:
                assert at < self.place(TRADES, record["to"] + 1)


async def read(mode: str, nats: NatsServer, subscriber: Subscriber) -> Read:
    if mode != "core":
        stored = await content(nats.url, "MD")
        for message in stored:
            message_id = json.loads(message.payload)["message_id"]
            assert f"Nats-Msg-Id: {message_id}\r\n".encode() in message.headers
        return Read(stored)
    await subscriber.settle()
    return Read(subscriber.messages)


def span(record: dict[str, Any]) -> tuple[Any, Any]:
    return record["from"], record["to"]


def when(record: dict[str, Any], field: str) -> datetime:
    return datetime.fromisoformat(record[field])


@MODES
async def test_a_lost_connection_and_what_it_cost(mode: str) -> None:
    async with (
        NatsServer(jetstream=mode != "core") as nats,
        Subscriber(nats.url, keep=True) as subscriber,
        Simulator(MARKET) as exchange,
        LocalRelay(told(exchange.url, nats.url, mode=mode)) as relay,
    ):
        await relay.until(lambda s: s.active == len(STREAMS))
        exchange.faults.close(1008, "Too many requests")
        await relay.until(lambda s: s.reconnects == 1 and s.active == len(STREAMS))
        await relay.until(lambda s: s.ledger.in_flight == 0)
        sampled, described = await metrics(relay), await info(relay)
        ledger = await relay.stop()
        found = await read(mode, nats, subscriber)

    [first, again], [lost] = found.of("connect"), found.of("disconnect")
    [order] = [[r["type"] for _, r in found.records if r["type"] != "gap"]]
    assert order == ["connect", "disconnect", "connect"]
    assert (first["since"], first["down_seconds"], first["attempts"]) == (None, None, 1)
    assert (lost["code"], lost["reason"]) == (1008, "Too many requests")
    assert (lost["streams"], lost["streams_count"]) == (list(STREAMS), len(STREAMS))
    assert lost["url"] == exchange.url + "/stream"
    times = [json.loads(payload)["timestamp"] for payload in found.data]
    assert lost["since"] == max(time for time in times if time < lost["timestamp"])
    assert again["since"] == lost["since"]
    down = (when(again, "timestamp") - when(lost, "since")).total_seconds()
    assert again["down_seconds"] == pytest.approx(down, abs=0.01)

    gaps = {record["stream"]: record for record in found.of("gap", reason="disconnected")}
    assert len(gaps) == len(found.of("gap")) == len(STREAMS)
    assert [span(gaps[TRADES])] == found.holes()
    assert gaps[TRADES]["missing"] == gaps[TRADES]["to"] - gaps[TRADES]["from"] + 1
    assert gaps[DEPTH]["missing"] == gaps[DEPTH]["to"] - gaps[DEPTH]["from"] + 1
    for name in (QUOTES, TICKER):
        assert (*span(gaps[name]), gaps[name]["missing"]) == (None, None, None)
    for gap in gaps.values():
        assert gap["since"] == lost["since"]
        assert when(gap, "until") > when(again, "timestamp")
        assert (gap["relay"], gap["market"], gap["cause"]) == ("majors-0", "spot", None)
    found.ahead()

    records = {"connect": 2, "disconnect": 1, "gap": 4}
    assert ledger.records == len(found.records) == 7
    assert ledger.received + 7 == (ledger.acked if mode != "core" else ledger.published)
    assert len(found.messages) == ledger.received + 7
    for kind, count in records.items():
        assert sampled[f"socket_client_event_records_total{{type={kind}}}"] == count
    assert sampled["socket_client_ledger_difference"] == 0
    assert described["ledger"]["records"] == 7


async def test_gaps_and_resets_while_connected(
    nats_server: NatsServer, subscriber: Subscriber
) -> None:
    async with (
        Simulator(MARKET) as exchange,
        LocalRelay(told(exchange.url, nats_server.url, TRADES)) as relay,
    ):
        await relay.until(lambda s: s.ledger.received > 10)
        exchange.faults.skip(TRADES, 1)
        await relay.until(lambda s: s.gaps == 1)
        exchange.faults.skip(TRADES, 5)
        await relay.until(lambda s: s.gaps == 2)
        exchange.faults.restart_ids(TRADES)
        await relay.until(lambda s: s.sequence_resets == 1)
        await relay.stop()
        found = await read("core", nats_server, subscriber)

    seen = numbers(found.data, TRADES)
    [(last, restarted)] = [(a, b) for a, b in pairwise(seen) if b <= a]
    [reset] = found.of("reset")
    assert (reset["stream"], reset["last"], reset["first"]) == (TRADES, last, restarted)
    assert (reset["reason"], reset["since"], reset["until"]) == ("exchange", None, None)
    gaps = found.of("gap")
    assert [span(gap) for gap in gaps] == found.holes()
    assert [(gap["missing"], gap["reason"]) for gap in gaps] == [(1, "exchange"), (5, "exchange")]
    found.ahead()


async def test_a_rotation_that_loses_nothing(
    nats_server: NatsServer, subscriber: Subscriber
) -> None:
    timing = {"handoverTimeout": 5}
    async with (
        Simulator(MARKET) as exchange,
        LocalRelay(told(exchange.url, nats_server.url, timing=timing)) as relay,
    ):
        await relay.until(lambda s: s.active == len(STREAMS))
        exchange.faults.announce_shutdown()
        await relay.until(lambda s: s.handovers == {"aligned": 1})
        at = relay.status.ledger.published
        await relay.until(lambda s: s.ledger.published > at + 100)
        await relay.stop()
        found = await read("core", nats_server, subscriber)

    assert [record["type"] for _, record in found.records] == ["connect", "rotation"]
    [rotation] = found.of("rotation")
    assert (rotation["reason"], rotation["outcome"]) == ("shutdown announced", "aligned")
    assert (rotation["unaligned"], rotation["unaligned_count"]) == ([], 0)
    assert when(rotation, "since") < when(rotation, "timestamp")
    assert found.holes() == []


async def test_a_rotation_that_comes_too_late(
    nats_server: NatsServer, subscriber: Subscriber
) -> None:
    async with (
        Simulator(MARKET) as exchange,
        LocalRelay(told(exchange.url, nats_server.url, TRADES, TICKER)) as relay,
    ):
        await relay.until(lambda s: s.active == 2)
        exchange.faults.reject_upgrades(503, count=3)
        exchange.faults.announce_shutdown(close_after=SHUTDOWN_SOON)
        await relay.until(lambda s: s.handovers == {"late": 1})
        await relay.until(lambda s: s.active == 2 and s.not_ready is None)
        await relay.stop()
        found = await read("core", nats_server, subscriber)

    [rotation], [_, opened] = found.of("rotation"), found.of("connect")
    assert rotation["outcome"] == "late"
    assert found.of("disconnect") == []
    assert opened["down_seconds"] > 0
    gaps = {record["stream"]: record for record in found.of("gap", reason="rotation")}
    assert [span(gaps[TRADES])] == found.holes()
    assert span(gaps[TICKER]) == (None, None)
    assert {gap["since"] for gap in gaps.values()} == {opened["since"]}
    found.ahead()


@pytest.mark.parametrize(
    ("overflow", "causes"),
    [("DropNewest", {"buffer_full", "expired"}), ("DropOldest", {"buffer_full"})],
)
async def test_what_the_relay_had_to_drop_while_nats_was_away(
    overflow: str, causes: set[str]
) -> None:
    """What is kept for long grows too old; of two causes there are two records, whose ranges may overlap."""
    buffer = {"maxMessages": 50, "ttlSeconds": 1, "overflow": overflow}
    async with NatsServer(jetstream=True) as nats, Simulator(MARKET) as exchange:
        config = told(exchange.url, nats.url, TRADES, mode="jetstream", buffer=buffer)
        config["timing"] = {**config["timing"], "windowMessages": 20, "ackTimeout": 1}
        async with LocalRelay(config) as relay:
            await relay.until(lambda s: (s.ledger.acked or 0) > 20)
            await nats.kill()
            await relay.until(lambda s: s.ledger.dropped.get("buffer_full", 0) > 20)
            await relay.until(lambda s: s.ledger.dropped.keys() == causes)
            await nats.restart()
            acked = relay.status.ledger.acked or 0
            await relay.until(lambda s: (s.ledger.acked or 0) > acked + 50)
            await relay.until(lambda s: s.event_records.get("gap", 0) >= len(causes))
            ledger = await relay.stop()
        found = Read(await content(nats.url, "MD"))

    gaps = found.of("gap", stream=TRADES, reason="dropped")
    assert {gap["cause"] for gap in gaps} == ledger.dropped.keys()
    assert sum(gap["missing"] for gap in gaps) == ledger.dropped_total
    missing = {number for first, last in found.holes() for number in range(first, last + 1)}
    told_of = {number for gap in gaps for number in range(gap["from"], gap["to"] + 1)}
    assert missing <= told_of
    assert len(missing) == ledger.dropped_total
    assert all(when(gap, "since") <= when(gap, "until") for gap in gaps)


async def test_what_a_lost_nats_connection_leaves_in_doubt(nats_server: NatsServer) -> None:
    config = told("", nats_server.url, TRADES)
    config["timing"] = {**config["timing"], "confirmInterval": 1}
    async with Simulator(MARKET) as exchange:
        config["endpoint"] = exchange.url
        async with (
            Subscriber(nats_server.url, EVENTS, keep=True, reconnect=True) as subscriber,
            LocalRelay(config) as relay,
        ):
            await relay.until(lambda s: s.ledger.published > 50)
            await relay.until(lambda s: s.ledger.in_flight > 20)
            await nats_server.kill()
            await relay.until(lambda s: s.ledger.unconfirmed > 20)
            await nats_server.restart()
            await subscriber.wait_subscribed()
            await relay.until(lambda s: s.event_records.get("gap"))
            await relay.stop()
            await subscriber.settle()
            ledger, found = relay.status.ledger, Read(subscriber.messages)

    [gap] = found.of("gap")
    assert (gap["stream"], gap["reason"], gap["cause"]) == (TRADES, "unconfirmed", None)
    assert gap["missing"] is None, "most of them have arrived"
    assert gap["to"] - gap["from"] + 1 == ledger.unconfirmed


async def test_two_relays_with_the_same_gap_record_it_once() -> None:
    async with NatsServer(jetstream=True) as nats, Simulator(MARKET) as exchange:
        config = told(exchange.url, nats.url, TRADES, mode="jetstream")
        async with LocalRelay(config) as one, LocalRelay(config) as other:
            for relay in (one, other):
                await relay.until(lambda s: s.ledger.received > 20)
            exchange.faults.skip(TRADES, 3)
            for relay in (one, other):
                await relay.until(lambda s: s.event_records.get("gap"))
            ledgers = [await relay.stop() for relay in (one, other)]
        found = Read(await content(nats.url, "MD"))

    [gap] = found.of("gap")
    assert [span(gap)] == found.holes()
    assert sum(ledger.duplicate for ledger in ledgers) > 1
    assert len(found.of("connect")) == 2


async def test_a_stream_that_does_not_listen_to_events_is_named() -> None:
    """Records belong into the stream that has the messages: there they are stored once, and ahead of them."""
    async with NatsServer(jetstream=True) as nats, Simulator(MARKET) as exchange:
        async with administration(nats.url) as js:
            await js.add_stream(name="MD", subjects=["md.>"], duplicate_window=120)
        config = told(exchange.url, nats.url, TRADES, mode="jetstream")
        async with LocalRelay(config) as relay:
            await relay.until(lambda s: "nats" in s.last_errors)
            error = (await info(relay))["last_errors"]["nats"]
            assert relay.relay._failures()["nats"] == "SubjectNotInStream"
            async with administration(nats.url) as js:
                await js.update_stream(name="MD", subjects=["md.>", EVENTS], duplicate_window=120)
            await relay.until(lambda s: (s.ledger.acked or 0) > 20)
            await relay.stop()
        found = Read(await content(nats.url, "MD"))

    assert error == f"stream MD listens to md.>, not to {EVENTS}"
    assert len(found.of("connect")) == 1


async def test_records_do_not_wait_for_a_message(nats_server: NatsServer) -> None:
    """Of a connection that never brings one, too."""
    async with (
        Simulator(SimulatorConfig(rates={"*": 0.001})) as exchange,
        Subscriber(nats_server.url, keep=True) as subscriber,
        LocalRelay(told(exchange.url, nats_server.url, TRADES)) as relay,
    ):
        await subscriber.wait_for(1)
        exchange.faults.abort()
        await subscriber.wait_for(3)
        found = Read(subscriber.messages)
        await relay.stop()

    assert [record["type"] for _, record in found.records] == ["connect", "disconnect", "connect"]
    assert found.of("disconnect")[0]["code"] == 1006


async def test_nothing_is_recorded_for_nobody(
    nats_server: NatsServer, subscriber: Subscriber
) -> None:
    config = document("", nats_server.url, *STREAMS)
    async with Simulator(MARKET) as exchange:
        config["endpoint"] = exchange.url
        async with LocalRelay(config) as relay:
            await relay.until(lambda s: s.active == len(STREAMS))
            exchange.faults.close(1001)
            await relay.until(lambda s: s.reconnects == 1 and s.active == len(STREAMS))
            exchange.faults.skip(TRADES, 3)
            await relay.until(lambda s: s.gaps >= 2)
            sampled = await metrics(relay)
            ledger = await relay.stop()
            await subscriber.settle()

    assert {message.subject for message in subscriber.messages} == {"binance.websocket.data"}
    assert len(subscriber.messages) == ledger.published == ledger.received
    assert ledger.records is None
    assert "records" not in ledger.as_dict()
    assert not any(name.startswith("socket_client_event_records") for name in sampled)

"""NATS is slow, stopped, killed, or was never there: the buffer fills, drops by policy, and counts."""

import asyncio
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from exchange_simulator import Simulator, SimulatorConfig
from streamset_relay.status import Status
from tests.integration.relay.witness import numbers
from tests.support.nats_server import NatsServer, free_ports
from tests.support.relay import LocalRelay, document, eventually, get, info, metrics
from tests.support.relay_process import RelayProcess
from tests.support.subscriber import Subscriber

TRADES = "btcusdt@trade"
TICKER = "btcusdt@ticker"
#: Nothing comes by itself in the time of a test: bursts alone decide what is sent.
STILL = SimulatorConfig(rates={"*": 0.0001})
ROOM = 100
FILLS = "NATS is slower than the exchange, the buffer fills"
ROOM_AGAIN = "The buffer has room again"


@pytest.mark.parametrize(
    ("overflow", "kept"),
    [("DropNewest", slice(0, ROOM)), ("DropOldest", slice(-ROOM, None))],
)
async def test_a_burst_over_the_buffer_drops_by_policy_and_counts_exactly(
    overflow: str, kept: slice, nats_server: NatsServer, subscriber: Subscriber
) -> None:
    nats_server.pause()  # the relay cannot connect; the subscriber already has
    config = document("", nats_server.url, TRADES, timing={"natsPingTimeout": 0.3})
    config["buffer"] = {"maxMessages": ROOM, "overflow": overflow}
    async with Simulator(STILL) as exchange:
        config["endpoint"] = exchange.url
        async with LocalRelay(config) as relay:
            await eventually(lambda: exchange.stats().connections)
            await eventually(lambda: exchange.stats().connections[0].streams)
            for events in (ROOM - 1, 1, 1, 350, 50):
                exchange.faults.burst(TRADES, events)
                await asyncio.sleep(0.05)
            status = await relay.until(lambda s: s.ledger.received == 501)
            assert status.ledger.dropped == {"buffer_full": 401}
            assert (status.queue_size, status.ledger.in_flight) == (ROOM, ROOM)
            assert status.queue_utilization == 1.0
            assert status.not_ready == "nats_disconnected"
            assert (await metrics(relay))["socket_client_messages_dropped_total"] == 401

            await relay.until(lambda _: relay.said(FILLS))
            nats_server.resume()
            await relay.until(lambda s: s.ledger.published == ROOM and relay.said(ROOM_AGAIN))
            ledger = await relay.stop()

    sent = exchange.stats().streams[TRADES]
    assert sent.deliveries == 501 == ledger.published + ledger.dropped_total
    await subscriber.settle()
    assert numbers(subscriber.payloads, TRADES) == list(range(sent.first, sent.first + 501))[kept]


async def test_a_channel_keeps_its_own_policy(
    nats_server: NatsServer, subscriber: Subscriber
) -> None:
    nats_server.pause()
    config = document("", nats_server.url, TRADES, TICKER, timing={"natsPingTimeout": 0.3})
    oldest = {"channel": "ticker", "overflow": "DropOldest"}
    config["buffer"] = {"maxMessages": ROOM, "channels": [oldest]}
    async with Simulator(STILL) as exchange:
        config["endpoint"] = exchange.url
        config["timing"] |= {"silenceFloor": 60}
        async with LocalRelay(config) as relay:
            await eventually(lambda: exchange.stats().connections)
            await eventually(lambda: len(exchange.stats().connections[0].streams) == 2)
            exchange.faults.burst(TRADES, 60)
            await relay.until(lambda s: s.ledger.received == 60)
            exchange.faults.burst(TICKER, 90)  # evicts tickers only, and there are but 40 places
            await relay.until(lambda s: s.ledger.received == 150)
            exchange.faults.burst(TRADES, 10)  # no ticker gives way to a trade
            status = await relay.until(lambda s: s.ledger.received == 160)
            assert status.ledger.dropped == {"buffer_full": 60}
            nats_server.resume()
            await relay.until(lambda s: s.ledger.published == ROOM)
            await relay.stop()

    await subscriber.settle()
    first = exchange.stats().streams[TRADES].first
    assert numbers(subscriber.payloads, TRADES) == list(range(first, first + 60))


async def test_what_waits_too_long_expires(nats_server: NatsServer, subscriber: Subscriber) -> None:
    nats_server.pause()
    config = document("", nats_server.url, TRADES, timing={"natsPingTimeout": 0.3})
    config["buffer"] = {"ttlSeconds": 0.5}
    async with Simulator(STILL) as exchange:
        config["endpoint"] = exchange.url
        async with LocalRelay(config) as relay:
            await eventually(lambda: exchange.stats().connections)
            await eventually(lambda: exchange.stats().connections[0].streams)
            exchange.faults.burst(TRADES, 70)
            await relay.until(lambda s: s.ledger.dropped == {"expired": 70})
            assert relay.status.queue_size == 0
            nats_server.resume()
            await relay.until(lambda s: s.nats_connected)
            exchange.faults.burst(TRADES, 30)
            await relay.until(lambda s: s.ledger.published == 30)
            await relay.stop()

    assert await subscriber.settle() == 30


async def test_a_server_that_stops_with_data_pending_and_goes_on_loses_nothing(
    nats_server: NatsServer, subscriber: Subscriber
) -> None:
    timing = {"natsPingTimeout": 20}  # it stays connected all the while
    config = document("", nats_server.url, TRADES, timing=timing)
    config["buffer"] = {"maxMessages": 3_000}
    async with Simulator(STILL) as exchange:
        config["endpoint"] = exchange.url
        async with LocalRelay(config) as relay:
            await relay.until(lambda s: s.nats_connected and s.websocket_connected)
            await eventually(lambda: exchange.stats().connections[0].streams)
            exchange.faults.burst(TRADES, 10)
            await relay.until(lambda s: s.ledger.published == 10)
            nats_server.pause()
            sent = 10
            while not relay.status.ledger.dropped:  # the kernel takes some megabytes first
                exchange.faults.burst(TRADES, 2_000)
                sent += 2_000
                await relay.until(received(sent))
            status = relay.status
            assert status.nats_connected, "half-open: nobody has noticed yet"
            assert status.queue_size <= 3_000
            nats_server.resume()
            await relay.until(lambda s: s.ledger.in_flight == 0)
            ledger = await relay.stop()

    assert ledger.received == exchange.stats().streams[TRADES].deliveries == sent
    assert ledger.unconfirmed == 0
    assert ledger.published + ledger.dropped["buffer_full"] == sent
    assert await subscriber.settle() == ledger.published
    seen = numbers(subscriber.payloads, TRADES)
    assert all(later > earlier for earlier, later in pairwise(seen))


async def test_a_stopped_server_is_noticed_and_what_it_held_is_unconfirmed(
    nats_server: NatsServer, subscriber: Subscriber
) -> None:
    config = document("", nats_server.url, TRADES, timing={"natsPingTimeout": 0.5})
    async with Simulator(STILL) as exchange:
        config["endpoint"] = exchange.url
        async with LocalRelay(config) as relay:
            await relay.until(lambda s: s.nats_connected)
            await eventually(lambda: exchange.stats().connections[0].streams)
            exchange.faults.burst(TRADES, 40)
            await relay.until(lambda s: s.ledger.published == 40)
            nats_server.pause()
            exchange.faults.burst(TRADES, 50)
            await relay.until(lambda s: s.ledger.unconfirmed == 50)
            assert relay.status.not_ready == "nats_disconnected"
            assert (await info(relay))["breakers"]["nats"] in ("open", "half_open")
            exchange.faults.burst(TRADES, 60)
            await relay.until(lambda s: s.queue_size == 60)
            nats_server.resume()
            await relay.until(lambda s: s.ledger.published == 100)
            assert relay.status.nats_reconnects >= 1
            ledger = await relay.stop()

    assert (ledger.received, ledger.unconfirmed, ledger.dropped) == (150, 50, {})
    assert ledger.published <= await subscriber.settle() <= ledger.published + ledger.unconfirmed


async def test_a_server_killed_and_restarted_gets_what_waited(
    nats_server: NatsServer, subscriber: Subscriber
) -> None:
    async with (
        Simulator(SimulatorConfig(rates={TRADES: 500})) as exchange,
        LocalRelay(document(exchange.url, nats_server.url, TRADES)) as relay,
    ):
        await relay.until(lambda s: s.ledger.published > 100)
        await nats_server.kill()
        await relay.until(lambda s: s.not_ready == "nats_disconnected")
        assert (await get(relay.url + "/healthz"))[0] == 200
        status = await relay.until(lambda s: s.queue_size > 200)
        await nats_server.restart()
        goal = status.ledger.published + status.queue_size + 100
        await relay.until(lambda s: s.not_ready is None and s.ledger.published > goal)
        ledger = await relay.stop()

    assert ledger.dropped == {}
    assert ledger.received == ledger.published + ledger.unconfirmed
    assert len(exchange.stats().connections) == 1, "the exchange was not troubled"


async def test_nats_that_was_never_there_costs_messages_and_nothing_else(tmp_path: Path) -> None:
    nowhere = f"nats://127.0.0.1:{free_ports(1)[0]}"
    async with Simulator(SimulatorConfig(rates={TRADES: 500})) as exchange:
        config = document(exchange.url, nowhere, TRADES, timing={"gracePeriod": 6})
        config["buffer"] = {"maxMessages": 50}
        async with RelayProcess(tmp_path, config) as relay:
            while (await info(relay))["dropped_messages"] < 100:
                await asyncio.sleep(0.05)
            assert (await get(relay.url + "/healthz"))[0] == 200
            status, reason = await get(relay.url + "/ready")
            assert (status, "nats_disconnected" in reason) == (503, True)
            assert "cannot connect to NATS" in (await info(relay))["last_errors"]["nats"]
            ended = await relay.stop(timeout=10)

    assert ended.code == 0
    assert ended.ledger["difference"] == ended.ledger["in_flight"] == 0
    assert ended.ledger["published"] == ended.ledger["unconfirmed"] == 0
    assert ended.ledger["dropped"].keys() == {"buffer_full", "shutdown"}
    assert ended.ledger["dropped"]["shutdown"] == 50
    assert len([m for m in relay.messages() if m == "Cannot connect to NATS"]) == 1


async def test_both_away_at_sigterm_the_process_ends_in_time(tmp_path: Path) -> None:
    port, other = free_ports(2)
    config = document(f"ws://127.0.0.1:{port}", f"nats://127.0.0.1:{other}", TRADES)
    config["timing"] = {**config["timing"], "gracePeriod": 7}
    async with RelayProcess(tmp_path, config) as relay:
        while (await info(relay))["last_errors"].keys() != {"exchange", "nats"}:
            await asyncio.sleep(0.05)
        ended = await relay.stop(timeout=7)

    assert ended.code == 0
    assert ended.ledger["received"] == ended.ledger["difference"] == 0


def received(count: int) -> Callable[[Status], bool]:
    """Whether so many frames have come."""
    return lambda status: status.ledger.received == count

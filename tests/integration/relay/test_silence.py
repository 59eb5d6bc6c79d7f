"""Streams and connections that go silent without ending."""

from itertools import pairwise

import pytest

from exchange_simulator import Simulator, SimulatorConfig
from streamset_relay.core.session import State
from tests.integration.relay.witness import numbers
from tests.support.nats_server import NatsServer
from tests.support.relay import LocalRelay, document, eventually, get, info
from tests.support.subscriber import Subscriber

TRADES = "btcusdt@trade"
TICKER = "btcusdt@ticker"
MINI = "ethusdt@miniTicker"
MARKET = SimulatorConfig(rates={"*@trade": 100, "*icker": 20})


async def test_one_silent_stream_is_renewed_once_and_disturbs_no_other(
    nats_server: NatsServer, subscriber: Subscriber
) -> None:
    async with (
        Simulator(MARKET) as exchange,
        LocalRelay(document(exchange.url, nats_server.url, TRADES, TICKER, MINI)) as relay,
    ):
        await relay.until(lambda s: s.active == 3)
        exchange.faults.silence(TICKER)
        status = await relay.until(lambda s: s.silent)
        assert status.silent == (TICKER,)
        assert (await get(relay.url + "/ready"))[0] == 200
        at = relay.status.ledger.received
        await relay.until(lambda s: s.ledger.received > at + 300)  # for longer than a deadline
        assert (await info(relay))["silent_streams"] == [TICKER]
        assert (await get(relay.url + "/ready"))[0] == 200

        exchange.faults.clear()
        await relay.until(lambda s: not s.silent)
        (connection,) = exchange.stats().connections
        await relay.stop()

    asked = [(m.kind, TICKER in m.text) for m in connection.control if "SUBSCRIBE" in m.kind]
    assert asked == [("SUBSCRIBE", True), ("UNSUBSCRIBE", True), ("SUBSCRIBE", True)]
    renewals = [m.text for m in connection.control if "SUBSCRIBE" in m.kind][1:]
    assert not any(TRADES in text or MINI in text for text in renewals)
    await subscriber.settle()
    seen = numbers(subscriber.payloads, TRADES)
    assert all(later == earlier + 1 for earlier, later in pairwise(seen))
    messages = [line.message for line in relay.lines]
    assert messages.count("Streams fell silent; subscribing to them again") == 1
    assert messages.count("Streams resumed") == 1


async def test_a_quiet_stream_of_events_is_no_fault(nats_server: NatsServer) -> None:
    async with (
        Simulator(MARKET) as exchange,
        LocalRelay(document(exchange.url, nats_server.url, TRADES, TICKER)) as relay,
    ):
        await relay.until(lambda s: s.active == 2)
        exchange.faults.silence(TRADES)
        at = relay.status.ledger.received
        status = await relay.until(lambda s: s.ledger.received > at + 40)
        assert status.not_ready is None
        assert status.silent == ()
        assert len(exchange.stats().connections) == 1


async def test_silence_of_all_replaces_the_connection_and_is_no_data_meanwhile(
    nats_server: NatsServer, subscriber: Subscriber
) -> None:
    async with (
        Simulator(MARKET) as exchange,
        LocalRelay(document(exchange.url, nats_server.url, TRADES, TICKER, MINI)) as relay,
    ):
        await relay.until(lambda s: s.active == 3)
        exchange.faults.stall()
        await relay.until(lambda s: s.not_ready == "no_data")
        status, body = await get(relay.url + "/ready")
        assert status == 503
        assert "no_data" in body or "websocket_disconnected" in body
        await relay.until(lambda s: s.reconnects >= 2)  # the first replacement is as dead

        exchange.faults.clear()
        await relay.until(lambda s: s.not_ready is None and s.active == 3)
        ledger = await relay.stop()

    closed = exchange.stats().connections[0]
    assert closed.close_received == 1000
    assert await subscriber.settle() == ledger.received


@pytest.mark.parametrize("client", ["picows", "websockets"])
async def test_a_connection_with_neither_frame_nor_ping_is_replaced(
    client: str, nats_server: NatsServer
) -> None:
    timing = {"noDataAfter": 1}
    config = SimulatorConfig(rates={TRADES: 100}, ping_interval=0.1, control_rate=100)
    async with (
        Simulator(config) as exchange,
        LocalRelay(
            document(exchange.url, nats_server.url, TRADES, transport=client, timing=timing)
        ) as relay,
    ):
        await relay.until(lambda s: s.active == 1)
        exchange.faults.silence(TRADES)  # trades may be quiet as long as pings come
        pings = exchange.stats().connections[0].pongs_received
        await eventually(lambda: exchange.stats().connections[0].pongs_received > pings + 8)
        assert (relay.status.reconnects, relay.status.not_ready) == (0, None)

        exchange.faults.stall(pings=False)
        await relay.until(lambda s: s.reconnects == 1)
        exchange.faults.clear()
        at = relay.status.ledger.published
        await relay.until(lambda s: s.not_ready is None and s.ledger.published > at)
        reasons = [line.fields["reason"] for line in relay.lines if "reason" in line.fields]
        assert "neither frame nor ping" in reasons


async def test_a_stream_the_exchange_does_not_know_is_silent_and_condemns_no_other(
    nats_server: NatsServer,
) -> None:
    unknown = "btcusdtt_x_y@ticker"
    async with (
        Simulator(MARKET) as exchange,
        LocalRelay(document(exchange.url, nats_server.url, TRADES, unknown)) as relay,
    ):
        status = await relay.until(lambda s: s.silent == (unknown,) and s.connections["healthy"])
        assert (status.active, status.not_ready) == (1, None)
        assert status.connections[State.HEALTHY.value] == 1
        assert len(exchange.stats().connections) == 1

"""What a connection knows of the one before it, and what it must not."""

import pytest

from exchange_simulator import Simulator, SimulatorConfig
from tests.support.nats_server import NatsServer
from tests.support.relay import LocalRelay, document, get, metrics

TRADES = "btcusdt@trade"
TICKER = "btcusdt@ticker"
MARKET = SimulatorConfig(rates={"*@trade": 100, "*icker": 20})


async def test_events_of_the_connection_before_are_no_data_of_the_new_one(
    nats_server: NatsServer,
) -> None:
    patient = {"silenceFloor": 8}
    async with (
        Simulator(MARKET) as exchange,
        LocalRelay(
            document(exchange.url, nats_server.url, TRADES, TICKER, timing=patient)
        ) as relay,
    ):
        await relay.until(lambda s: s.ledger.received > 30)
        exchange.faults.stall()
        exchange.faults.close(1001)
        at = (await relay.until(lambda s: s.connections["subscribing"])).uptime
        status = await relay.until(lambda s: s.uptime > at + 2.5)  # looked at, more than once
        assert status.connections["subscribing"] == 1
        assert status.not_ready == "no_data"


async def test_the_reason_of_a_loss_is_its_own(nats_server: NatsServer) -> None:
    async with (
        Simulator(MARKET) as exchange,
        LocalRelay(document(exchange.url, nats_server.url, TRADES, TICKER)) as relay,
    ):
        await relay.until(lambda s: s.active == 2)
        exchange.faults.stall()
        await relay.until(lambda s: "stalled" in s.last_errors.get("exchange", ""))
        exchange.faults.clear()
        await relay.until(lambda s: s.not_ready is None)
        lost = relay.status.reconnects
        exchange.faults.close(1008)
        await relay.until(lambda s: s.reconnects > lost and s.not_ready is None)
        assert "1008" in relay.status.last_errors["exchange"]
        assert (await metrics(relay))["socket_client_disconnects_total{reason=close_1008}"] == 1


@pytest.mark.parametrize("streams", [(TRADES,), (TRADES, TICKER)])
async def test_a_connection_whose_every_stream_is_refused_is_not_ready(
    streams: tuple[str, ...], nats_server: NatsServer
) -> None:
    timing = {"silenceFloor": 0.3, "rateLimitedDelay": 60}
    config = document("", nats_server.url, *streams, timing=timing)
    async with Simulator(MARKET) as exchange:
        exchange.faults.reply_error(2, "Invalid request", shape="nested")
        config["endpoint"] = exchange.url
        async with LocalRelay(config) as relay:
            at = (await relay.until(lambda s: s.refused)).uptime
            await relay.until(lambda s: s.uptime > at + 1)
            assert (await get(relay.url + "/ready"))[0] == 503


async def test_a_refused_subscription_is_asked_for_again_after_a_while(
    nats_server: NatsServer,
) -> None:
    """The reason may have been the moment's: nothing else would bring the streams back before the next connect."""
    config = document("", nats_server.url, "btcusdt@trade", timing={"rateLimitedDelay": 0.3})
    async with Simulator(MARKET) as exchange:
        exchange.faults.reply_error(2, "Invalid request", shape="nested")
        config["endpoint"] = exchange.url
        async with LocalRelay(config) as relay:
            await relay.until(lambda s: s.refused)
            await relay.until(lambda s: s.active == 1 and not s.refused)
            [connection] = exchange.stats().connections

    subscribes = [message for message in connection.control if "SUBSCRIBE" in message.text]
    assert len(subscribes) == 2

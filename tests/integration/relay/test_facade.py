"""`BinanceWebSocketClient`, the Python API of the service that the relay replaces."""

import asyncio
import logging
from itertools import pairwise

import pytest

from exchange_simulator import Simulator, SimulatorConfig
from streamset_api.errors import ConfigError
from streamset_relay import BinanceWebSocketClient
from streamset_relay.errors import AttemptsExhausted
from tests.integration.relay.witness import numbers, parse
from tests.support.nats_server import NatsServer, free_ports
from tests.support.relay import eventually, get
from tests.support.subscriber import Subscriber

TRADES = "btcusdt@trade"
MARKET = SimulatorConfig(rates={"*": 200})
KEYS_OF_OLD = {
    "is_connected",
    "is_running",
    "reconnect_attempts",
    "processed_messages",
    "dropped_messages",
    "queue_size",
    "last_message_time",
    "last_ping",
    "websocket_state",
    "nats_state",
    "uptime_seconds",
    "messages_per_second",
}


async def test_it_relays_between_start_and_stop(
    nats_server: NatsServer, subscriber: Subscriber
) -> None:
    async with Simulator(MARKET) as exchange:
        client = BinanceWebSocketClient(
            exchange.url, [TRADES, "ethusdt@trade"], nats_server.url, "my.topic"
        )
        assert client.get_metrics() == {"is_connected": False, "is_running": False}
        await client.start()
        assert (client.get_metrics()["is_connected"], client.get_metrics()["is_running"]) == (
            True,
            True,
        )
        await subscriber.wait_for(100)
        await client.stop()
        told = client.get_metrics()
        await client.stop()

    assert told.keys() >= KEYS_OF_OLD
    assert told["processed_messages"] == await subscriber.settle()
    assert told["is_running"] is False
    assert {message.subject for message in subscriber.messages} == {"my.topic"}
    assert {parse(payload)["stream"] for payload in subscriber.payloads} == {
        TRADES,
        "ethusdt@trade",
    }
    seen = numbers(subscriber.payloads, TRADES)
    assert all(later == earlier + 1 for earlier, later in pairwise(seen))


async def test_it_can_be_started_again(nats_server: NatsServer, subscriber: Subscriber) -> None:
    async with Simulator(MARKET) as exchange:
        client = BinanceWebSocketClient(exchange.url, [TRADES], nats_server.url, "topic")
        for _ in range(2):
            before = subscriber.count
            await client.start()
            await subscriber.wait_for(before + 10)
            await client.stop()
    assert len(exchange.stats().connections) == 2


async def test_its_health_endpoints_listen_on_the_loopback_address_alone(
    nats_server: NatsServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "streamset_relay")
    async with Simulator(MARKET) as exchange:
        client = BinanceWebSocketClient(exchange.url, [TRADES], nats_server.url, "topic")
        await client.start()
        (record,) = [r for r in caplog.records if r.message == "Serving health and metrics"]
        port = vars(record)["port"]
        own = await get(f"http://127.0.0.1:{port}/healthz")
        others = await asyncio.gather(
            get(f"http://127.0.0.2:{port}/healthz"), return_exceptions=True
        )
        await client.stop()
    assert own[0] == 200
    assert isinstance(others[0], OSError)


async def test_it_raises_when_no_attempt_is_left(nats_server: NatsServer) -> None:
    nowhere = f"ws://127.0.0.1:{free_ports(1)[0]}"
    client = BinanceWebSocketClient(
        nowhere,
        [TRADES],
        nats_server.url,
        "topic",
        max_reconnect_attempts=2,
        reconnect_delay=0.01,
    )
    with pytest.raises(AttemptsExhausted) as raised:
        await client.start()
    assert raised.value.attempts == 2
    await client.stop()
    assert client.get_metrics()["is_running"] is False


async def test_it_reconnects_when_the_exchange_ends_the_connection(
    nats_server: NatsServer, subscriber: Subscriber
) -> None:
    async with Simulator(MARKET) as exchange:
        client = BinanceWebSocketClient(
            exchange.url, [TRADES], nats_server.url, "topic", reconnect_delay=0.05
        )
        await client.start()
        exchange.faults.close(1001)
        await eventually(lambda: client.get_metrics()["reconnect_attempts"] == 1)
        await subscriber.wait_for(subscriber.count + 50)
        await client.stop()
    assert client.get_metrics()["processed_messages"] == await subscriber.settle()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("http://binance.com", [TRADES], "nats://localhost", "topic"), "BINANCE_WS_URL"),
        (("wss://binance.com", [], "nats://localhost", "topic"), "BINANCE_STREAMS"),
        (("", [TRADES], "nats://localhost", "topic"), "BINANCE_WS_URL"),
        (("wss://binance.com", [TRADES], "nats://localhost", ""), "NATS_TOPIC"),
        (("wss://binance.com", ["nonsense"], "nats://localhost", "topic"), "BINANCE_STREAMS"),
        (("wss://binance.com", [TRADES], "http://localhost", "topic"), "NATS_URL"),
        (("wss://binance.com", [TRADES], "nats://localhost", "a b"), "NATS_TOPIC"),
    ],
)
def test_wrong_arguments_are_refused_at_once(
    arguments: tuple[str, list[str], str, str], named: str
) -> None:
    with pytest.raises(ConfigError, match=named):
        BinanceWebSocketClient(*arguments)

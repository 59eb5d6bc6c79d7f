"""What the relay says of itself: probes, metrics, `/info`, the heartbeat, and a log that is JSON."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from exchange_simulator import Simulator, SimulatorConfig
from tests.support.nats_server import NatsServer, free_ports
from tests.support.relay import LocalRelay, document, eventually, get, info, metrics
from tests.support.relay_process import RelayProcess

TRADES = "btcusdt@trade"
KEPT = {
    "socket_client_messages_processed_total{stream=btcusdt@trade}",
    "socket_client_messages_dropped_total",
    "socket_client_queue_size",
    "socket_client_queue_utilization_percent",
    "socket_client_websocket_connected",
    "socket_client_nats_connected",
    "socket_client_reconnect_attempts_total",
    "socket_client_uptime_seconds",
    "socket_client_messages_per_second",
    "socket_client_time_since_last_message_seconds",
}
NEW = {
    "socket_client_received_total",
    "socket_client_published_total",
    "socket_client_unconfirmed_total",
    "socket_client_duplicate_total",
    "socket_client_in_flight",
    "socket_client_ledger_difference",
    "socket_client_exchange_lag_seconds",
    "socket_client_clock_skew_suspected",
    "socket_client_sequence_gaps_total",
    "socket_client_sequence_resets_total",
    "socket_client_subscribe_errors_total",
    "socket_client_breaker_state{name=exchange,state=closed}",
    "socket_client_connections{state=healthy}",
    "process_resident_memory_bytes",
}
HEARTBEAT = {
    "connection_status",
    "websocket_state",
    "nats_state",
    "messages_processed_since_last",
    "messages_dropped_since_last",
    "messages_per_second",
    "total_processed",
    "total_dropped",
    "overall_rate_per_second",
    "queue_size",
    "queue_utilization_percent",
    "time_since_last_message_seconds",
    "uptime_seconds",
    "heartbeat_interval_seconds",
    "reconnect_attempts",
    "last_ping_seconds_ago",
}


@pytest_asyncio.fixture
async def exchange() -> AsyncIterator[Simulator]:
    async with Simulator(SimulatorConfig(rates={"*": 100})) as exchange:
        yield exchange


async def test_readiness_in_every_state(exchange: Simulator, nats_server: NatsServer) -> None:
    ticker = "btcusdt@ticker"
    exchange.faults.reject_upgrades(503)
    config = document(exchange.url, nats_server.url, ticker)
    async with LocalRelay(config) as relay:

        async def answers(status: int, reason: str | None) -> None:
            await relay.until(lambda s: s.not_ready == reason, f"{reason}")
            expected = {"status": "ready"}
            if reason is not None:
                expected = {"status": "not_ready", "reason": reason}
            assert await get(relay.url + "/ready") == (status, json.dumps(expected))
            assert await get(relay.url + "/healthz") == (200, '{"status": "healthy"}')

        await answers(503, "websocket_disconnected")
        exchange.faults.clear()
        await answers(200, None)
        nats_server.pause()
        await answers(503, "nats_disconnected")
        nats_server.resume()
        await answers(200, None)
        exchange.faults.stall()
        await answers(503, "no_data")
        exchange.faults.clear()
        await answers(200, None)
        await relay.stop()


async def test_metrics_and_info_agree_with_what_was_sent(
    exchange: Simulator, nats_server: NatsServer
) -> None:
    async with LocalRelay(document(exchange.url, nats_server.url, TRADES)) as relay:
        await relay.until(lambda s: s.connections["healthy"] and s.ledger.published > 50)
        exchange.faults.silence(TRADES)
        await relay.until(lambda s: s.ledger.in_flight == 0)
        sent = exchange.stats().streams[TRADES].deliveries
        await relay.until(lambda s: s.ledger.published == sent)
        samples, told = await metrics(relay), await info(relay)

    assert samples.keys() >= KEPT | NEW
    assert samples["socket_client_messages_processed_total{stream=btcusdt@trade}"] == sent
    assert samples["socket_client_received_total"] == sent
    assert samples["socket_client_published_total"] == sent
    assert samples["socket_client_ledger_difference"] == 0
    assert samples["socket_client_websocket_connected"] == 1
    assert samples["socket_client_nats_connected"] == 1
    assert samples["socket_client_connections{state=healthy}"] == 1
    assert told["processed_messages"] == told["ledger"]["published"] == sent
    assert (told["is_connected"], told["is_running"], told["ready"]) == (True, True, True)
    assert (told["streams"], told["stream_count"]) == ([TRADES], 1)
    assert told["market"] == "spot"


async def test_the_root_shows_the_status_and_other_paths_are_not_there(
    exchange: Simulator, nats_server: NatsServer
) -> None:
    async with LocalRelay(document(exchange.url, nats_server.url, TRADES)) as relay:
        status, body = await get(relay.url + "/")
        assert (status, json.loads(body).keys()) == (200, (await info(relay)).keys())
        assert (await get(relay.url + "/nothing"))[0] == 404
        _, text = await get(relay.url + "/metrics")
        assert "# TYPE socket_client_messages_dropped_total counter" in text


async def test_a_heartbeat_says_what_happened_since_the_last(
    tmp_path: Path, exchange: Simulator, nats_server: NatsServer
) -> None:
    config = document(exchange.url, nats_server.url, TRADES)
    config["heartbeat"] = {"enabled": True, "intervalSeconds": 0.3}
    async with RelayProcess(tmp_path, config) as relay:
        await eventually(lambda: len(relay.said("HEARTBEAT: WebSocket Client Statistics")) >= 4)
        ended = await relay.stop()

    beats = relay.said("HEARTBEAT: WebSocket Client Statistics")
    total = 0
    for beat in beats:
        assert beat.keys() >= HEARTBEAT | {"timestamp", "level", "logger"}
        assert beat["level"] == "INFO"
        assert beat["heartbeat_interval_seconds"] == 0.3
        total += beat["messages_processed_since_last"]
        assert total == beat["total_processed"]
    assert beats[-1]["websocket_state"] == beats[-1]["nats_state"] == "connected"
    assert 0 < total <= ended.ledger["published"]
    assert "Connected to Binance" in "\n".join(relay.messages())


async def test_without_heartbeat_there_is_none(
    tmp_path: Path, exchange: Simulator, nats_server: NatsServer
) -> None:
    environ = {
        "BINANCE_WS_URL": exchange.url + "/ws",
        "BINANCE_STREAMS": TRADES,
        "NATS_URL": nats_server.url,
        "HEALTH_PORT": str(free_ports(1)[0]),
        "ENABLE_HEARTBEAT": "false",
        "HEARTBEAT_INTERVAL": "0.1",
    }
    async with RelayProcess(tmp_path, environ=environ) as relay:
        while (await info(relay))["processed_messages"] < 50:
            await asyncio.sleep(0.05)
        assert not (await info(relay))["heartbeat_enabled"]
        await relay.stop()
    assert not [message for message in relay.messages() if message.startswith("HEARTBEAT")]


async def test_credentials_show_nowhere(tmp_path: Path, exchange: Simulator) -> None:
    secret = "hunter2"
    users = f"authorization {{ users: [{{user: me, password: {secret}}}] }}"
    other = free_ports(1)[0]
    async with NatsServer(users) as server:
        address = server.url.removeprefix("nats://")
        for password in (secret, secret + "-wrong"):
            environ = {
                "NATS_URL": f"nats://me:{password}@{address},nats://me:{password}@127.0.0.1:{other}",
                "LOG_LEVEL": "DEBUG",
            }
            config = document(exchange.url, "nats://unused", TRADES, timing={"gracePeriod": 6})
            async with RelayProcess(tmp_path, config, environ=environ) as relay:
                told = await info(relay)
                while not (told["processed_messages"] or told["last_errors"]):
                    await asyncio.sleep(0.05)
                    told = await info(relay)
                said = json.dumps(told) + str(await metrics(relay))
                ended = await relay.stop()
            said += b"".join(relay.output).decode() + ended.stderr
            assert (told["processed_messages"] > 0) == (password == secret)
            assert secret not in said
            assert "***" in said

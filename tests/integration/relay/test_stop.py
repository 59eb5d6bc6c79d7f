"""SIGTERM: the relay stops reading, sends what waits, and leaves in time, whatever is away."""

import asyncio
import signal
from pathlib import Path

import pytest

from exchange_simulator import Simulator, SimulatorConfig
from tests.integration.relay.witness import Numbered
from tests.support.nats_server import NatsServer
from tests.support.relay import LocalRelay, document, eventually, get, info
from tests.support.relay_process import RelayProcess, exchange_process
from tests.support.subscriber import Subscriber

TRADES = "btcusdt@trade"
STREAMS = ("btcusdt@trade", "ethusdt@trade", "solusdt@aggTrade", "bnbusdt@trade")
TIMES = 20
LANES = 2  # at a time: starting a process is most of it
RATE = 10_000
ROOM = {"maxMessages": 200_000}
"""For what comes while a starved machine leaves NATS, or the relay, without a turn: it is to be late, not dropped."""


@pytest.mark.timeout(300)
async def test_sigterm_under_load_loses_nothing_twenty_times(
    tmp_path: Path, nats_server: NatsServer
) -> None:
    async with (
        exchange_process("--rate", str(RATE)) as exchange,
        asyncio.TaskGroup() as tasks,
    ):
        for lane in range(LANES):
            tasks.create_task(_stop_under_load(lane, tmp_path, exchange.url, nats_server.url))


async def _stop_under_load(lane: int, folder: Path, exchange: str, nats: str) -> None:
    """Start a relay and stop it in full flow, a little later each time."""
    for number in range(lane, TIMES, LANES):
        own = folder / str(number)
        own.mkdir()
        config = document(exchange, nats, *STREAMS, buffer=ROOM, timing={"natsPingTimeout": 10})
        config["nats"]["subject"] = f"run.{number}"
        async with (
            Numbered(nats, f"run.{number}") as witness,
            RelayProcess(own, config) as relay,
        ):
            await witness.wait_for(1_000 + 200 * number)
            ended = await relay.stop()
            arrived = await witness.settled()

        ledger = ended.ledger
        assert ended.code == 0
        assert ledger, "the ledger is the last line"
        assert ledger["difference"] == ledger["in_flight"] == ledger["unconfirmed"] == 0
        assert ledger["dropped"] == {}
        assert arrived == ledger["published"] == ledger["received"]
        assert not any(seen.breaks for seen in witness.streams.values())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_what_waits_when_the_signal_comes_is_sent(
    number: signal.Signals, tmp_path: Path, nats_server: NatsServer, subscriber: Subscriber
) -> None:
    nats_server.pause()
    async with Simulator(SimulatorConfig(rates={TRADES: 0.0001})) as exchange:
        config = document(exchange.url, nats_server.url, TRADES)
        async with RelayProcess(tmp_path, config) as relay:
            await eventually(lambda: exchange.stats().open)
            await eventually(lambda: exchange.stats().connections[0].streams)
            exchange.faults.burst(TRADES, 2_000)
            while (await info(relay))["queue_size"] < 2_000:
                await asyncio.sleep(0.05)
            relay.send(number)
            await eventually(lambda: relay.said("Stopping: no more reading, sending what waits"))
            assert (await get(relay.url + "/ready")) == (
                503,
                '{"status": "not_ready", "reason": "draining"}',
            )
            assert (await get(relay.url + "/healthz"))[0] == 200
            await eventually(lambda: exchange.stats().open == 0)
            assert exchange.stats().connections[0].close_received == 1000
            nats_server.resume()
            ended = await relay.wait()

    assert ended.code == 0
    assert ended.ledger["published"] == 2_000 == await subscriber.settle()


async def test_with_nats_stuck_the_process_ends_within_the_grace_period_less_five_seconds(
    tmp_path: Path, nats_server: NatsServer
) -> None:
    grace = 7
    timing = {"gracePeriod": grace, "natsPingTimeout": 60}
    async with Simulator(SimulatorConfig(rates={TRADES: 1_000})) as exchange:
        config = document(exchange.url, nats_server.url, TRADES, timing=timing)
        async with RelayProcess(tmp_path, config) as relay:
            while (await info(relay))["ledger"]["published"] < 100:
                await asyncio.sleep(0.05)
            nats_server.pause()
            while (await info(relay))["ledger"]["in_flight"] < 500:
                await asyncio.sleep(0.05)
            ended = await relay.stop(timeout=grace - 2)  # of 2 s, and what a busy machine adds

    assert ended.code == 0
    assert ended.ledger["difference"] == ended.ledger["in_flight"] == 0
    assert ended.ledger["unconfirmed"] >= 500


async def test_a_second_signal_hurries(tmp_path: Path, nats_server: NatsServer) -> None:
    timing = {"gracePeriod": 600, "natsPingTimeout": 600}
    async with Simulator(SimulatorConfig(rates={TRADES: 1_000})) as exchange:
        config = document(exchange.url, nats_server.url, TRADES, timing=timing)
        async with RelayProcess(tmp_path, config) as relay:
            while (await info(relay))["ledger"]["published"] < 100:
                await asyncio.sleep(0.05)
            nats_server.pause()
            while (await info(relay))["ledger"]["in_flight"] < 500:
                await asyncio.sleep(0.05)
            relay.send(signal.SIGTERM)
            await eventually(lambda: relay.said("Stopping: no more reading, sending what waits"))
            ended = await relay.stop(timeout=10)

    assert ended.code == 0
    assert ended.ledger["difference"] == ended.ledger["in_flight"] == 0


async def test_a_stop_while_connecting_does_not_wait_for_the_connection(
    nats_server: NatsServer,
) -> None:
    async with Simulator(SimulatorConfig()) as exchange:
        exchange.faults.reject_upgrades(429, retry_after=600)
        config = document(exchange.url, nats_server.url, TRADES)
        async with LocalRelay(config) as relay:
            await relay.until(lambda s: s.last_errors)
            ledger = await relay.stop(timeout=5)
    assert ledger.received == 0

"""Connections are replaced again and again, at full rate: nobody downstream can tell.

The simulator keeps the exchange's limits: 300 connects in 5 minutes, 5 control messages a second.
"""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from exchange_simulator import Simulator, SimulatorConfig
from tests.integration.relay.witness import Numbered
from tests.support.nats_server import NatsServer
from tests.support.relay import LocalRelay, document, info, metrics
from tests.support.relay_process import RelayProcess, exchange_process

RATE = 8_000
FLOOR = 5_000
"""Events per second, and what must really have flowed: a test under less proves less."""
SECONDS = 15
STREAMS = tuple(
    f"{symbol}usdt@{channel}"
    for symbol in ("btc", "eth", "bnb", "sol", "xrp")
    for channel in ("trade", "aggTrade")
)
QUIET = "btcusdt@nosuch"
ROTATIONS = 100


class Timed(Numbered):
    """Also the longest time in which a stream brought nothing."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.longest = 0.0
        self._at: dict[bytes, float] = {}

    def _received(self, subject: bytes, headers: bytes, payload: bytes) -> None:
        super()._received(subject, headers, payload)
        name, now = payload[11 : payload.index(b'"', 11)], time.monotonic()
        self.longest = max(self.longest, now - self._at.get(name, now))
        self._at[name] = now


@pytest.mark.timeout(SECONDS + 60)
@pytest.mark.parametrize("client", ["picows", "websockets"])
async def test_rotations_under_load_lose_double_and_reorder_nothing(
    client: str, tmp_path: Path, nats_server: NatsServer
) -> None:
    """With a stream that is always quiet, so that the two connections deliver side by side until the deadline."""
    timing = {"connectionLifetime": 2, "lifetimeJitter": 0.5, "handoverTimeout": 0.7}
    async with (
        exchange_process("--rate", str(RATE)) as exchange,
        Timed(nats_server.url) as witness,
        RelayProcess(
            tmp_path,
            document(
                exchange.url, nats_server.url, *STREAMS, QUIET, timing=timing, transport=client
            ),
        ) as relay,
    ):
        await witness.wait_for(1)
        await asyncio.sleep(SECONDS)
        handovers = (await info(relay))["handovers"]
        samples = await metrics(relay)
        ended = await relay.stop()
        arrived = await witness.settled()
        stats = await exchange.stats()

    ledger = ended.ledger
    print(f"\n{arrived:,} messages, {ledger['duplicate']:,} duplicates, {handovers}; ", end="")
    print(f"longest pause {witness.longest:.3f} s")
    assert arrived > FLOOR * SECONDS, "the load was too small"
    assert handovers.keys() == {"deadline"}
    assert handovers["deadline"] >= SECONDS // 4
    assert ledger["duplicate"] > 0.1 * arrived
    assert ledger["difference"] == ledger["in_flight"] == ledger["unconfirmed"] == 0
    assert ledger["dropped"] == {}
    assert arrived == ledger["published"] == ledger["received"] - ledger["duplicate"]
    assert samples["socket_client_ledger_difference"] == 0
    assert samples["socket_client_sequence_gaps_total"] == 0
    assert samples["socket_client_sequence_resets_total"] == 0
    assert sorted(witness.streams) == sorted(STREAMS)
    for name, seen in witness.streams.items():
        assert seen.breaks == []
        assert len(stats["streams"][name]["runs"]) == 1
        assert seen.first == stats["streams"][name]["first"]
        assert seen.last - seen.first + 1 == seen.count
    assert witness.longest < 1.0
    assert stats["violations"] == {}


@pytest.mark.timeout(240)
async def test_a_hundred_rotations_keep_within_the_limits(nats_server: NatsServer) -> None:
    """Of two connections, each on its route, with the relay's own budgets on, in scaled time."""
    depth, trades = "btcusdt@depth@100ms", "btcusdt@aggTrade"
    market = SimulatorConfig(market="usdm", rates={"*": 300})
    timing: dict[str, Any] = {
        "connectionLifetime": 0.4,
        "lifetimeJitter": 0.3,
        "handoverTimeout": 2,
        "healthyAfter": 0.05,
        "controlPerSecond": 4,
        "connectsPerWindow": 30,
        "connectWindow": 4,
    }
    async with Simulator(market) as exchange, Numbered(nats_server.url, "aggTrade") as witness:
        config = document(
            exchange.url, nats_server.url, depth, trades, market="usdm", timing=timing
        )
        config["nats"]["subject"] = "{channel}"
        async with LocalRelay(config) as relay:
            while relay.status.handovers.get("aligned", 0) < ROTATIONS:
                await relay.until(lambda s: s.not_ready is None)
                assert relay.status.ledger.difference == 0
                await asyncio.sleep(0.05)
            ledger = await relay.stop()
            await witness.settled()

    status, stats = relay.status, exchange.stats()
    assert status.handovers.keys() == {"aligned"}
    assert (status.gaps, status.sequence_resets, status.reconnects) == (0, 0, 0)
    assert ledger.dropped == {}
    assert ledger.received == ledger.published + ledger.duplicate
    assert stats.violations == {}
    assert all(len(stats.streams[name].runs) == 1 for name in (depth, trades))
    seen = witness.streams[trades]
    assert (seen.breaks, seen.first) == ([], stats.streams[trades].first)
    times = [attempt.at for attempt in stats.attempts]
    assert len(times) >= ROTATIONS + 2
    assert all(times[nth + 30] - at > 3.9 for nth, at in enumerate(times[:-30]))
    for connection in stats.connections:
        assert _rate([message.at for message in connection.control]) <= 5


def _rate(times: list[float]) -> int:
    """The most in any second."""
    return max(sum(1 for other in times if 0 <= other - at < 1) for at in times)

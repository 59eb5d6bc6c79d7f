"""Connections are replaced under full load, and a hundred times in a row: nothing lost, doubled or out of order.

What the exchange says to have sent is held against what is at the NATS side, event by event.
"""

import asyncio
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from exchange_simulator import Simulator, SimulatorConfig
from streamset_relay.status import Status
from tests.faults.timeline import NOTHING, Live, stored
from tests.faults.timing import late_turns, most
from tests.support.jetstream import content
from tests.support.nats_server import NatsServer
from tests.support.relay import LocalRelay, document, eventually, info
from tests.support.relay_process import Exchange, RelayProcess, exchange_process

RATE = 4_500
FLOOR = 3_000
"""Messages per second: asked for, and what must really have flowed. A run under less proves less."""
SECONDS = 9
LIFETIME = 3.0
"""Seconds that a connection lives, of the 23 hours by default."""
LOAD = tuple(
    f"{symbol}usdt@{channel}"
    for symbol in ("btc", "eth", "bnb", "sol")
    for channel in ("trade", "aggTrade", "depth@100ms", "bookTicker", "depth20@100ms")
)

ROTATIONS = 100
ROUTES = ("btcusdt@depth@100ms", "btcusdt@bookTicker"), ("btcusdt@aggTrade", "btcusdt@markPrice@1s")
"""Streams of the two routes of USD-M: two connections, which rotate by themselves."""
BUDGET, WINDOW, CONTROL = 30, 4.0, 4
"""Connects, and the seconds for them; control messages per second. The defaults but for the seconds, 300."""
SLACK = 0.05 * WINDOW
"""By so much may connects move together on their way to the exchange."""


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("client", "jetstream"), [("picows", False), ("websockets", False), ("picows", True)]
)
async def test_rotations_under_full_load(client: str, jetstream: bool, tmp_path: Path) -> None:
    timing = {
        "connectionLifetime": LIFETIME,
        "lifetimeJitter": 0.2,
        "connectsPerWindow": BUDGET,
        "connectWindow": WINDOW,
    }
    async with (
        NatsServer(jetstream=jetstream) as server,
        exchange_process("--rate", str(RATE)) as exchange,
        Live(server.url, "md.>") as live,
    ):
        config = document(exchange.url, server.url, *LOAD, timing=timing, transport=client)
        config["nats"]["subject"] = "md.{symbol}.{channel}"
        config["buffer"] = {"maxMessages": 20 * RATE, "maxBytes": 256 << 20}
        if jetstream:
            config["nats"]["jetStream"] = {"stream": "MD", "create": {}}
        async with late_turns() as turns, RelayProcess(tmp_path, config) as relay:
            await live.wait_for(1)
            began = time.monotonic()
            await asyncio.sleep(SECONDS)
            rate = live.count / (time.monotonic() - began)
            longest = live.timeline.longest
            sent = await everything(exchange, live)
            handovers = (await info(relay))["handovers"]
            ended = await relay.stop()
        arrived = live.timeline
        if jetstream:
            arrived = stored(await content(server.url, "MD"))
        stats = await exchange.stats()

    difference = arrived.difference(sent)
    print(f"\n{client}, {'JetStream' if jetstream else 'core'}: {arrived.count:,} messages at")
    print(f"{rate:,.0f}/s, {handovers}, {difference}; longest pause of a stream {longest:.3f} s,")
    print(f"of this test {max(turns):.3f} s; {len(stats['attempts'])} connects")
    assert rate > FLOOR, "the load was too small"
    assert sum(handovers.values()) >= SECONDS / LIFETIME - 1
    assert handovers.keys() <= {"aligned", "deadline"}
    assert sorted(sent) == sorted(LOAD)
    assert all(len(stream["runs"]) == 1 for stream in sent.values()), "the exchange left one out"
    assert difference == live.timeline.difference(sent) == NOTHING
    assert longest < 1.0 + max(turns)
    ledger = ended.ledger
    assert (ended.code, ledger["difference"], ledger["dropped"]) == (0, 0, {})
    assert ledger["acked" if jetstream else "published"] == arrived.count
    assert stats["violations"] == {}
    assert most([attempt["at"] for attempt in stats["attempts"]], WINDOW - SLACK) <= BUDGET


@pytest.mark.timeout(150)
@pytest.mark.parametrize(
    ("client", "reason"),
    [("picows", "age"), ("websockets", "serverShutdown"), ("picows", "bare serverShutdown")],
)
async def test_a_hundred_rotations_in_a_row(client: str, reason: str) -> None:
    """As soon as one is done, the next one is due."""
    age = {"connectionLifetime": 0.4, "lifetimeJitter": 0.3} if reason == "age" else {}
    timing = {
        **age,
        "healthyAfter": 0.05,
        "silenceFloor": 0.4,
        "silenceFactor": 100,
        "handoverTimeout": 3,
        "controlPerSecond": CONTROL,
        "connectsPerWindow": BUDGET,
        "connectWindow": WINDOW,
    }
    names = [name for route in ROUTES for name in route]
    market = SimulatorConfig(market="usdm", rates={"*": 900})
    async with (
        NatsServer() as server,
        Simulator(market) as exchange,
        Live(server.url, "md.>") as live,
        late_turns() as turns,
    ):
        config = document(exchange.url, server.url, *names, market="usdm", timing=timing)
        config["nats"]["subject"] = "md.{channel}"
        async with LocalRelay(config | {"transport": client}) as relay:
            began = time.monotonic()
            while (done := _rotations(relay.status)) < ROTATIONS:
                if reason != "age":
                    await relay.until(lambda s: s.connections["healthy"] == len(ROUTES))
                    exchange.faults.announce_shutdown(bare=reason.startswith("bare"))
                await relay.until(lambda s: _rotations(s) >= done + len(ROUTES))
                assert relay.status.ledger.difference == 0
            seconds = time.monotonic() - began
            exchange.faults.stall()
            await eventually(lambda: live.count >= exchange.stats().events)
            status, ledger = relay.status, await relay.stop()
            await live.settle()
        stats = exchange.stats()

    sent = {name: asdict(stream) for name, stream in stats.streams.items()}
    difference = live.timeline.difference(sent)
    connects = [attempt.at for attempt in stats.attempts]
    at_once = most(connects, WINDOW - SLACK - max(turns))
    control = max(most([m.at for m in c.control], 1.0) for c in stats.connections)
    print(f"\n{client}, {reason}: {status.handovers} in {seconds:.0f} s, {live.count:,} messages,")
    print(f"{difference}, longest pause {live.timeline.longest:.3f} s; {len(connects)} connects,")
    print(f"{at_once} in {WINDOW:g} s at most, {control} control messages in 1 s")
    assert difference == NOTHING
    assert sorted(sent) == sorted(names)
    assert all(len(stream["runs"]) == 1 for stream in sent.values()), "the exchange left one out"
    assert status.handovers.keys() == {"aligned"}
    assert (status.gaps, status.sequence_resets, status.reconnects, ledger.dropped) == (0, 0, 0, {})
    assert ledger.published == live.count
    assert len(connects) >= ROTATIONS + len(ROUTES)
    assert at_once <= BUDGET
    assert control <= 5
    assert stats.violations == {}


def _rotations(status: Status) -> int:
    return sum(status.handovers.values())


async def everything(exchange: Exchange, live: Live) -> dict[str, Any]:
    """Let no more events come, and wait for those that were sent; what the exchange says of them."""
    await exchange.fault("stall")
    async with asyncio.timeout(20):
        while live.count < (stats := await exchange.stats())["events"]:
            await asyncio.sleep(0.05)
    streams: dict[str, Any] = stats["streams"]
    return streams

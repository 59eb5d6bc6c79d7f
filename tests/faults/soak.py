"""Half an hour of load with bursts, and every few seconds a fault of the matrix, in an order that the seed decides.

make soak ARGS="--minutes 5 --seed 7"
"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.faults.case import RATE, STREAM, STREAMS, Case, Run, jetstream, market, sized
from tests.faults.troubles import NO_DATA, TROUBLES
from tests.support.fault_proxy import FaultProxy
from tests.support.jetstream import administration
from tests.support.nats_server import NatsServer
from tests.support.relay_process import RelayProcess

READ_EVERY = 30.0
KEPT = 300.0
"""Seconds that messages stay: a server that was killed reads from them what it must not store twice."""
MOST = 512.0
GROWTH = 24.0
"""MiB: the most memory at any time, and how much more in the last third of the time than in the middle one."""
BEAT = 0.1


@dataclass
class World:
    """Everything that can go wrong."""

    run: Run
    server: NatsServer
    to_nats: FaultProxy
    to_exchange: FaultProxy
    memory: list[tuple[float, float]] = field(default_factory=list)
    """Seconds, and MiB at rest."""
    _read: list[tuple[float, int]] = field(default_factory=list)
    """When up to which message was read."""

    def remember(self) -> None:
        """Note how much memory it takes while nothing is wrong."""
        self.memory.append((time.monotonic(), self.run.relay.rss() / 2**20))

    async def read(self) -> None:
        """Take in what was stored, and remove what nobody needs any more."""
        content, now = self.run.content, time.monotonic()
        async with administration(self.server.url) as js:
            await content.read_with(js, self.server.url, STREAM)
            self._read.append((now, content.next_sequence))
            old = [sequence for at, sequence in self._read if at < now - KEPT]
            if old:
                await js.purge_stream(STREAM, seq=old[-1])
                self._read = self._read[len(old) :]

    @property
    def due(self) -> bool:
        """Whether it is time to read."""
        return not self._read or time.monotonic() - self._read[-1][0] > READ_EVERY


Fault = Callable[[World], Awaitable[None]]


async def _nats_killed(world: World) -> None:
    await world.server.kill()
    await asyncio.sleep(world.run.case.random.uniform(0, 1))
    await world.server.restart()


async def _nats_stopped(world: World) -> None:
    world.server.pause()
    await asyncio.sleep(world.run.case.random.uniform(1, 6))
    world.server.resume()


async def _burst(world: World) -> None:
    """Ten times the load for a second or more."""
    random, began = world.run.case.random, time.monotonic()
    for beat in range(random.randint(10, 30)):
        stream, events = random.choice(STREAMS), int(9 * RATE * BEAT)
        await world.run.exchange.fault("burst", stream=stream, events=events)
        await asyncio.sleep(max(0.0, began + (beat + 1) * BEAT - time.monotonic()))


async def _announced(world: World) -> None:
    before = sum(world.run.last["handovers"].values())
    await world.run.exchange.fault("announce_shutdown", close_after=3.0)
    await world.run.until("handed over", handovers=lambda found: sum(found.values()) > before)


async def _stalled(world: World) -> None:
    await world.run.exchange.fault("stall")
    await asyncio.sleep(world.run.case.random.uniform(0.5, 3))
    await world.run.exchange.fault("clear")


async def _told(world: World, fault: str, **arguments: object) -> None:
    await world.run.exchange.fault(fault, **arguments)


async def _malformed(world: World) -> None:
    kinds = ("not_json", "no_stream", "invalid_utf8", "binary", "reserved_bit", "oversize")
    await _told(world, "malformed", kind=world.run.case.random.choice(kinds))


async def _between(world: World, name: str, *, nats: bool) -> None:
    await TROUBLES[name](world.to_nats if nats else world.to_exchange, world.run.case.random)


FAULTS: dict[str, Fault] = {
    "NATS killed": _nats_killed,
    "NATS stopped": _nats_stopped,
    "ten times the load": _burst,
    "end announced": _announced,
    "exchange stalled": _stalled,
    "closed with 1001": partial(_told, fault="close", code=1001),
    "ended without close": partial(_told, fault="abort"),
    "reset by the exchange": partial(_told, fault="reset"),
    "malformed": _malformed,
    **{f"{name}, to NATS": partial(_between, name=name, nats=True) for name in TROUBLES},
    **{f"{name}, to the exchange": partial(_between, name=name, nats=False) for name in TROUBLES},
}


@pytest.mark.row("soak", "any of the matrix, every few seconds, and bursts", minutes=1)
async def test_soak(case: Case, minutes: float, tmp_path: Path) -> None:
    random = case.random
    async with (
        NatsServer(jetstream=True) as server,
        market() as exchange,
        FaultProxy(server.port, seed=case.seed) as to_nats,
        FaultProxy(urlsplit(exchange.url).port or 0, seed=case.seed) as to_exchange,
    ):
        endpoint, nats = f"ws://127.0.0.1:{to_exchange.port}", f"nats://127.0.0.1:{to_nats.port}"
        timing = {"noDataAfter": NO_DATA}
        settings = jetstream(endpoint, nats, buffer=sized(20), timing=timing)
        async with RelayProcess(tmp_path, settings) as relay:
            run = case.run(exchange, relay, server.url)
            world = World(run, server, to_nats, to_exchange)
            until = time.monotonic() + 60 * minutes
            while time.monotonic() < until:
                await run.calm(random.uniform(1, 3))
                world.remember()
                if world.due:
                    await world.read()
                name = random.choice(list(FAULTS))
                print(f"{(until - time.monotonic()) / 60:5.1f} min left: {name}", flush=True)
                await FAULTS[name](world)
                await run.recovered()
            await run.calm()
            world.remember()
            await run.finish(cut=True)
    assert case.dropped.keys() <= {"not_json", "not_utf8", "no_stream", "binary"}
    check_memory(world.memory, run.rss / 2**20)


def check_memory(memory: list[tuple[float, float]], most: float) -> None:
    """Print the slope after the first third, and fail where memory grows."""
    settled = memory[len(memory) // 3 :]
    middle, last = settled[: len(settled) // 2], settled[len(settled) // 2 :]
    slope = statistics.linear_regression(*zip(*settled, strict=True)).slope * 3600
    growth = statistics.median(m for _, m in last) - statistics.median(m for _, m in middle)
    print(f"RSS at most {most:.0f} MiB; {slope:+.2f} MiB/h; last third {growth:+.2f} MiB")
    assert most < MOST
    assert growth < GROWTH

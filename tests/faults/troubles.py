"""What the network between the relay and a neighbour may do, by name. Each ends by itself."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

from tests.support.fault_proxy import (
    Bandwidth,
    Blackhole,
    Direction,
    Fault,
    FaultProxy,
    Latency,
    LimitData,
    Slicer,
)

WHILE = 1.5
"""Seconds that a trouble lasts."""
NO_DATA = 2.0
"""Seconds without frame or ping after which a connection to the exchange is to be dead; so with NATS' PONG."""
UNNOTICED = 1.75 * NO_DATA
"""Seconds of a blackhole."""


async def _lasting(proxy: FaultProxy, fault: Fault, seconds: float = WHILE) -> None:
    proxy.set(fault)
    await asyncio.sleep(seconds)
    proxy.clear()


async def _refused(proxy: FaultProxy) -> None:
    proxy.refuse()
    proxy.reset()
    await asyncio.sleep(WHILE)
    await proxy.listen()


async def _reset(proxy: FaultProxy) -> None:
    proxy.reset()


async def _half_closed(proxy: FaultProxy, random: Random) -> None:
    proxy.half_close(random.choice(list(Direction)))


TROUBLES: dict[str, Callable[[FaultProxy, Random], Awaitable[None]]] = {
    "latency and jitter": lambda p, _: _lasting(p, Latency(0.15, jitter=0.1)),
    "bandwidth": lambda p, _: _lasting(p, Bandwidth(200_000)),
    "blackhole": lambda p, _: _lasting(p, Blackhole(), UNNOTICED),
    "RST": lambda p, _: _reset(p),
    "half-close": _half_closed,
    "slices": lambda p, r: _lasting(p, Slicer(r.randint(50, 150))),
    "cut after some bytes": lambda p, r: _lasting(p, LimitData(r.randint(1, 300_000))),
    "refused": lambda p, _: _refused(p),
}
BREAKS = frozenset({"blackhole", "RST", "half-close", "cut after some bytes", "refused"})
"""Those after which there is another connection."""

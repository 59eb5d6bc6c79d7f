"""Resident memory of the relays over a long time at a steady rate, with many streams.

Both transports run at the same time, each with a nats-server of its own, on the same streams of one simulated exchange:
trades, tickers and books, a third each. Memory does not mind that they share the processor.
"""

import asyncio
import time
from pathlib import Path
from typing import NamedTuple

import aiohttp

from benchmarks.clients import CLIENTS, Job
from benchmarks.figures import growth
from benchmarks.frames import stream_names
from benchmarks.plan import Case, Frame
from benchmarks.start import simulator
from benchmarks.world import VoidRunError, ledger, nats_server, running

INTERVAL = 5.0
"""Seconds between two looks."""

STEADY = 0.95
"""Share of the rate that has to come, or the run shows nothing."""

Series = list[tuple[float, float]]
"""Seconds since the start, and megabytes."""


class Soak(NamedTuple):
    """What one relay showed."""

    figures: dict[str, float]
    series: Series


def mixed_names(count: int) -> list[str]:
    """Name so many streams of all kinds, in turn."""
    each = -(-count // len(Frame))
    kinds = [stream_names(frame, each) for frame in Frame]
    return [name for group in zip(*kinds, strict=True) for name in group][:count]


async def soak(case: Case, folder: Path, seconds: float) -> dict[str, Soak]:
    """Run the relays of a case side by side for so long."""
    (rate,) = case.rates
    async with simulator(rate) as endpoint:
        found = await asyncio.gather(
            *(_one(case, name, endpoint, folder, seconds) for name in case.clients),
            return_exceptions=True,
        )
    soaks = {}
    for name, one in zip(case.clients, found, strict=True):
        if isinstance(one, BaseException):
            raise one
        soaks[name] = one
    return soaks


async def _one(case: Case, name: str, endpoint: str, folder: Path, seconds: float) -> Soak:
    (rate,) = case.rates
    series: Series = []
    async with nats_server() as nats, aiohttp.ClientSession() as http:
        job = Job(endpoint, nats.server.url, mixed_names(case.streams), folder)
        async with running(CLIENTS[name], job) as process:
            while not await nats.messages(http):
                process.check()
                await asyncio.sleep(0.1)
            await asyncio.sleep(INTERVAL)  # until all streams are subscribed to
            first, begun = await nats.messages(http), time.monotonic()
            while (elapsed := time.monotonic() - begun) < seconds:
                series.append((elapsed, process.usage.resident / 1e6))
                await asyncio.sleep(min(INTERVAL, seconds - elapsed))
            came = (await nats.messages(http) - first) / (time.monotonic() - begun)
            usage = process.usage
            dropped = sum(ledger(await process.stop())["dropped"].values())
    if came < STEADY * rate or dropped:
        raise VoidRunError(f"{came:,.0f} messages per second came, {dropped:,} were dropped")
    resident = [megabytes for _, megabytes in series]
    figures = {
        "resident": max(resident),
        "growth": growth(resident),
        "peak": usage.peak / 1e6,
        "per_second": came,
        "cpu": usage.cpu_seconds / (time.monotonic() - begun),
        "seconds": seconds,
    }
    return Soak(figures, series)

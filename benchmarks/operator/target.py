"""What is measured: the operator as it ships, with default settings, watched from outside."""

import asyncio
import os
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from benchmarks.operator.process import Process, VoidRunError, python
from benchmarks.operator.requests import read_metrics
from benchmarks.operator.usage import Usage, usage_of
from streamset_operator.login import IN_CLUSTER
from tests.support.nats_server import free_ports

QUIET = 2.0
"""Seconds without a request and without work after which the operator counts as settled."""

POLL = 0.25
"""Seconds between two looks at its metrics, which cost it some time of its own."""


@dataclass(frozen=True)
class Operator:
    """A running operator."""

    process: Process
    health_port: int
    metrics_port: int
    http: aiohttp.ClientSession

    @property
    def usage(self) -> Usage:
        """What it has used until now."""
        self.process.check()
        return usage_of(self.process.handle.pid)

    async def ready(self, within: float) -> None:
        """Wait until its readiness probe succeeds."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            self.process.check()
            with suppress(aiohttp.ClientError):
                url = f"http://127.0.0.1:{self.health_port}/ready"
                async with self.http.get(url) as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(POLL / 5)
        raise VoidRunError(f"the operator is not ready within {within:g} s")

    async def counted(self) -> Counter[tuple[str, str]]:
        """Return its own count of requests, by HTTP method and resource."""
        return read_metrics(await self._metrics())

    async def worked(self, sets: int, within: float) -> None:
        """Wait until it has worked on so many sets, and none waits."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            done, waiting = _work(await self._metrics())
            if done >= sets and not waiting:
                return
            await asyncio.sleep(POLL)
        raise VoidRunError(f"it has not worked on {sets} sets within {within:g} s")

    async def quiet(self, within: float) -> None:
        """Wait until it has nothing to do and asks for nothing, for `QUIET` seconds."""
        deadline, first = time.monotonic() + within, await self.counted()
        since, last = time.monotonic(), first
        while time.monotonic() < deadline:
            text = await self._metrics()
            requests, (_, waiting) = read_metrics(text), _work(text)
            if waiting or requests != last:
                since, last = time.monotonic(), requests
            elif time.monotonic() - since >= QUIET:
                return
            await asyncio.sleep(POLL)
        asked = ", ".join(f"{' '.join(what)}: {count}" for what, count in (last - first).items())
        raise VoidRunError(f"the operator does not come to rest within {within:g} s; {asked}")

    async def _metrics(self) -> str:
        self.process.check()
        async with self.http.get(f"http://127.0.0.1:{self.metrics_port}/metrics") as answer:
            return await answer.text()


@asynccontextmanager
async def operating(
    kubeconfig: Path, folder: Path, report_interval: float, options: Sequence[str] = ()
) -> AsyncIterator[Operator]:
    """Run an operator. `options` are those of its interpreter."""
    health_port, metrics_port = free_ports(2)
    environment = {name: value for name, value in os.environ.items() if name != IN_CLUSTER} | {
        "KUBECONFIG": str(kubeconfig),
        "HEALTH_PORT": str(health_port),
        "METRICS_PORT": str(metrics_port),
        "REPORT_INTERVAL": f"{report_interval:g}",
    }
    arguments = [*options, "-m", "streamset_operator"]
    async with (
        aiohttp.ClientSession() as http,
        python("operator", arguments, folder, environment) as process,
    ):
        yield Operator(process, health_port, metrics_port, http)


def _work(text: str) -> tuple[int, int]:
    """Return how many times a set was worked on, and how many sets wait."""
    done = re.search(r'^streamset_operator_reconciles_total\{result="success"\} (\S+)', text, re.M)
    waiting = re.search(r"^streamset_operator_queue_depth (\S+)", text, re.M)
    return round(float(done[1])) if done else 0, round(float(waiting[1])) if waiting else 0

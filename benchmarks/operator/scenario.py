"""One run: so many sets, from nothing to rest, and through a restart of the operator.

    start → converge (no pods yet) → stream (pods and relays come up) → rest → restart

Every phase lies between two looks at the same meters, and has a deadline.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.operator.follow import follow
from benchmarks.operator.manifests import NAMESPACES, OWNED, manifests
from benchmarks.operator.measurement import Measurement, Phase
from benchmarks.operator.meters import Snapshot, between, look
from benchmarks.operator.plane import Plane, prepare
from benchmarks.operator.process import Process, VoidRunError, python
from benchmarks.operator.progress import Progress
from benchmarks.operator.target import Operator, operating
from streamset_api.resource import API_VERSION, PLURAL
from streamset_operator import labels
from tests.integration.operator.world import API
from tests.support.kube import ADMIN_TOKEN
from tests.support.kube_client import KubeClient

CREATE_AT_ONCE = 10
"""Sets that are created at a time, as a GitOps tool does."""

START_DEADLINE = 120.0
PATIENCE = 1.0
"""Seconds that a phase may take for each set, on top of `START_DEADLINE`."""

AFTERWARDS = 10.0
"""Seconds after a restart that count as part of it: the lists of its watches ask for one more."""

POLL = 0.05

Versions = dict[tuple[str, str, str], str]


@dataclass(frozen=True)
class Options:
    """What a run is made with; the rest lasts `rest_intervals` times as long as a report takes."""

    report_interval: float = 30.0
    rest_intervals: float = 2.2
    profile: Path | None = None


async def measure(plane: Plane, sets: int, options: Options, folder: Path) -> Measurement:
    """Run with so many sets on a fresh control plane. Raises `VoidRunError`.

    With a profile, which is written at the operator's orderly end, there is no restart.
    """
    async with plane.client() as admin:
        kubeconfig = await prepare(plane, admin, folder)
        operate = partial(operating, kubeconfig, folder, options.report_interval)
        run = _Run(plane, admin, sets)
        before = await look(plane, None)
        async with run.watching(), operate(_profiled(options.profile, sets)) as operator:
            await run.start(operator, before)
            await run.converge(operator)
            arguments = [plane.url, str(plane.certificate), str(options.report_interval)]
            command = ["-m", "benchmarks.operator.relays", *arguments]
            async with python("relays", command, folder) as relays:
                await run.stream(operator, relays)
                seconds = options.rest_intervals * options.report_interval
                await run.rest(operator, relays, seconds)
                if options.profile is None:
                    versions = await run.versions()
                    await operator.process.kill()
                    before = await look(plane, None)
                    async with operate() as another:
                        await run.restart(another, relays, before, versions)
        return run.result


class _Run:
    def __init__(self, plane: Plane, admin: KubeClient, sets: int) -> None:
        self.result = Measurement(sets)
        self._sets = sets
        self._plane = plane
        self._admin = admin
        self._progress = Progress()
        self._patience = START_DEADLINE + PATIENCE * sets
        self._watch: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Keep track of the sets while the block runs."""
        self._watch = asyncio.create_task(self._follow())
        try:
            yield
        finally:
            self._watch.cancel()
            await asyncio.wait([self._watch])

    async def start(self, operator: Operator, before: Snapshot) -> None:
        """The operator starts with nothing to do; it ends when it is ready."""
        await operator.ready(START_DEADLINE)
        seconds = time.monotonic() - before.at
        await operator.quiet(START_DEADLINE)
        self._note("start", between(before, await look(self._plane, operator), seconds))

    async def converge(self, operator: Operator) -> None:
        """All sets are created; it ends when the status of each says that its objects are made."""
        before = await look(self._plane, operator)
        waiting, settled = manifests(self._sets), self._progress.settled_at
        begun = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(CREATE_AT_ONCE):
                tasks.create_task(self._create(waiting))
        await self._until(lambda: len(settled) >= self._sets, "settled", operator.process)
        await operator.quiet(self._patience)
        seconds = max(settled.values()) - begun
        self._note("converge", between(before, await look(self._plane, operator), seconds))
        for kind in OWNED:
            self.result.made[kind] = len(await self._list(kind))

    async def stream(self, operator: Operator, relays: Process) -> None:
        """Pods and relays come up; it lasts from the first report until every set is ready."""
        before, ready = await look(self._plane, operator), self._progress.ready_at
        await self._until(lambda: len(ready) >= self._sets, "ready", operator.process, relays)
        await operator.quiet(self._patience)
        seconds = max(ready.values()) - (self._progress.first_report_at or before.at)
        self._note("stream", between(before, await look(self._plane, operator), seconds))

    async def rest(self, operator: Operator, relays: Process, seconds: float) -> None:
        """Nothing happens, but that relays report."""
        before, reports = await look(self._plane, operator), self._progress.reports
        await self._wait(seconds, operator.process, relays)
        self._note("rest", between(before, await look(self._plane, operator), seconds))
        self.result.reports_at_rest = self._progress.reports - reports

    async def restart(
        self, operator: Operator, relays: Process, before: Snapshot, versions: Versions
    ) -> None:
        """An operator that remembers nothing finds everything as it should be."""
        await operator.ready(START_DEADLINE)
        seconds = time.monotonic() - before.at
        await operator.worked(self._sets, self._patience)
        self.result.looked_at_after = time.monotonic() - before.at
        await self._wait(AFTERWARDS, operator.process, relays)
        await operator.quiet(self._patience)
        self._note("restart", between(before, await look(self._plane, operator), seconds))
        after = await self.versions()
        changed = (versions.get(place) != after.get(place) for place in versions | after)
        self.result.changed_by_restart = sum(changed)
        self.result.fell_back = self._progress.fell_back

    async def versions(self) -> Versions:
        """Return the version of every object of the sets, by kind, namespace and name."""
        found = [(kind, thing["metadata"]) for kind in OWNED for thing in await self._list(kind)]
        return {(kind, of["namespace"], of["name"]): of["resourceVersion"] for kind, of in found}

    def _note(self, name: str, phase: Phase) -> None:
        self.result.phases[name] = phase

    async def _create(self, waiting: Iterator[dict[str, Any]]) -> None:
        for manifest in waiting:
            await self._admin.create(manifest)

    async def _follow(self) -> None:
        async with aiohttp.ClientSession(
            self._plane.url,
            headers={"Authorization": f"Bearer {ADMIN_TOKEN}"},
            connector=aiohttp.TCPConnector(ssl=self._plane.tls()),
            timeout=aiohttp.ClientTimeout(total=None),
        ) as session:
            async for event, found in follow(session, f"/apis/{API_VERSION}/{PLURAL}"):
                if event != "DELETED":
                    self._progress.take(found, time.monotonic())

    async def _until(self, holds: Callable[[], bool], what: str, *processes: Process) -> None:
        deadline = time.monotonic() + self._patience
        while not holds():
            self._check(processes)
            if time.monotonic() > deadline:
                settled, ready = len(self._progress.settled_at), len(self._progress.ready_at)
                raise VoidRunError(
                    f"not all {self._sets} sets are {what} within {self._patience:g} s: "
                    f"{settled} settled, {ready} ready\n{processes[0].last_words}"
                )
            await asyncio.sleep(POLL)

    async def _wait(self, seconds: float, *processes: Process) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._check(processes)
            await asyncio.sleep(min(1.0, seconds))

    def _check(self, processes: tuple[Process, ...]) -> None:
        for process in processes:
            process.check()
        if self._watch is not None and self._watch.done():
            self._watch.result()

    async def _list(self, kind: str) -> list[dict[str, Any]]:
        """Return the sets' objects of a kind."""
        found = []
        for namespace in NAMESPACES:
            where = {"apiVersion": API[kind], "kind": kind, "metadata": {"namespace": namespace}}
            found.extend(await self._admin.list(where, labelSelector=labels.SET))
        return found


def _profiled(folder: Path | None, sets: int) -> list[str]:
    if folder is None:
        return []
    return ["-m", "cProfile", "-o", str(folder / f"operator-{sets}.prof")]

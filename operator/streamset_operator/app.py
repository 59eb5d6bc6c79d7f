"""The operator: its parts, and the order in which they start.

    probes → connection → CRD → rights → lists → workers, resync → watches → ready

Nothing is written before everything was listed once: streams are assigned by what the live
ConfigMaps say, and half of them would be a reason to move streams.
"""

import asyncio
import logging
from enum import IntEnum

import kopf

from streamset_operator import kinds, login, preflight, watches
from streamset_operator.cache import Cache
from streamset_operator.cluster import Cluster, connect
from streamset_operator.failpoints import Passed
from streamset_operator.handlers import Intake
from streamset_operator.health import Health, serve
from streamset_operator.metrics import Metrics
from streamset_operator.reconcile import Reconciler
from streamset_operator.resync import Resync
from streamset_operator.settings import Settings
from streamset_operator.work import WorkLoop

log = logging.getLogger(__name__)

POLL = 5.0
"""Seconds between two looks for the CRD, or for an API server that is away at the start."""


class ExitCode(IntEnum):
    """What the process ends with."""

    OK = 0
    FAILED = 1
    CONFIGURATION = 2
    RIGHTS = 3


async def run(settings: Settings, stop: asyncio.Event, passed: Passed) -> None:
    """Operate until `stop` is set, which signals do, too. `passed` is told of every write.

    Raises `MissingRights`. Whatever is under way at the end is cut off: the next start goes on.
    """
    operating = asyncio.create_task(_operate(settings, stop, passed))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({operating, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if operating.done():
            operating.result()
    finally:
        for task in (operating, stopping):
            task.cancel()
        await asyncio.wait({operating, stopping})


async def _operate(settings: Settings, stop: asyncio.Event, passed: Passed) -> None:
    metrics, health = Metrics(), Health()
    async with (
        serve(health, metrics.registry, settings.health_port, settings.metrics_port),
        connect(settings, passed, metrics) as cluster,
    ):
        pod_monitors = await _check(settings, cluster, health)
        await _look_after(settings, cluster, metrics, health, stop, pod_monitors=pod_monitors)


async def _check(settings: Settings, cluster: Cluster, health: Health) -> bool:
    """Wait for the CRD, ask for rights. Returns whether the cluster knows PodMonitors."""
    poll = min(POLL, settings.retry_max_delay)

    def crd_missing() -> None:
        health.not_ready = "crd_missing"

    await preflight.wait_for_kind(cluster, poll, crd_missing)
    health.not_ready = "starting"
    known = await preflight.patiently(lambda: cluster.serves(kinds.POD_MONITORS), poll)
    await preflight.check_rights(cluster, settings.watch_namespaces, pod_monitors=known, wait=poll)
    return known


async def _look_after(
    settings: Settings,
    cluster: Cluster,
    metrics: Metrics,
    health: Health,
    stop: asyncio.Event,
    *,
    pod_monitors: bool,
) -> None:
    cache = Cache()
    reconciler = Reconciler(cluster, cache, settings, asyncio.get_running_loop().time)
    work = WorkLoop(reconciler.reconcile, settings, metrics)
    resync = Resync(cluster, cache, settings, metrics, work.add, reconciler.know_pod_monitors)
    metrics.watch(cache.resources, work.depth)
    health.alive = lambda: work.alive
    await preflight.patiently(resync.list_all, min(POLL, settings.retry_max_delay))

    registry = kopf.OperatorRegistry()
    watched = kinds.watched(pod_monitors=pod_monitors)
    Intake(cache, work.add, resync.soon).register(registry, watched)
    login.register(registry)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(work.run())
        tasks.create_task(resync.run())
        await asyncio.sleep(0)  # they run before kopf, which ends what starts after it
        log.info("Looking after sets", extra={"namespaces": settings.watch_namespaces or "all"})
        health.not_ready = None
        await watches.follow(registry, settings, watched, metrics, stop)

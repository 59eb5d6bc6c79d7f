"""kopf, which watches, started again whenever it gives up.

It takes for the end, and with it the process, what a new process would not mend: an error within a
watch other than 410 (Gone), a line of a watch that is cut off, a kind that is not served while its
definition is replaced, a token that is refused. Nothing is lost by that: each start lists anew, and
what was deleted meanwhile is found by the resync that every list asks for.
"""

import asyncio
import logging
import signal
from collections.abc import Collection
from typing import Any

import kopf
from kopf._cogs.structs.credentials import Vault  # parameters of kopf's, of no public names
from kopf._cogs.structs.references import Insights

from streamset_operator import errors, kopf_settings
from streamset_operator.kinds import POD_MONITORS, Kind
from streamset_operator.metrics import Metrics
from streamset_operator.settings import Settings

log = logging.getLogger(__name__)

AGAIN = 5.0
"""Seconds until the next start, at most."""

WATCHER = "watcher for "
"""What kopf's names of the tasks that watch begin with."""

GRACE = 5.0
"""Seconds in which these end what they have started themselves."""

ROUNDS = 10
"""Times that what is left of kopf then is cancelled, a second apart."""


async def follow(
    registry: kopf.OperatorRegistry,
    settings: Settings,
    kinds: tuple[Kind, ...],
    metrics: Metrics,
    stop: asyncio.Event,
) -> None:
    """Call what is registered for every event of the kinds, until cancelled."""
    while True:
        try:
            await _follow_once(registry, settings, kinds, stop)
            error = "kopf ended by itself"
        except Exception as raised:
            error = f"{type(raised).__name__}: {raised}"
        metrics.watch_failures.inc()
        wait = min(AGAIN, settings.retry_max_delay)
        log.warning("The watches ended; again soon", extra={"error": error, "retry_in": wait})
        await asyncio.sleep(wait)


def stop_by_signals(stop: asyncio.Event) -> None:
    """Have SIGTERM and SIGINT set `stop`."""
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)


async def run(
    tasks: Collection[asyncio.Task[Any]], existing: Collection[asyncio.Task[Any]]
) -> None:
    """Run kopf's tasks until one of them ends; then end the others, and all that is not in `existing`.

    `kopf.run_tasks` cancels what is left once, all of it together, and waits for it without an end. But a watch whose
    own tasks are cancelled first takes its cancellation for theirs, and goes on: the others would never start again.

    Raises what the task has raised that ended first.
    """
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _end(existing)
    for task in ended:
        if not task.cancelled():
            task.result()


async def expect(insights: Insights, kinds: Collection[Kind]) -> None:
    """Wait for ever, once kopf has found the kinds; PodMonitors may go.

    kopf starts without a kind that the API server does not serve at that moment, and would not look for it again.
    Raises `NotFound`.
    """
    await insights.ready_resources.wait()
    found = {(known.group, known.version, known.plural) for known in insights.watched_resources}
    for kind in kinds:
        if kind != POD_MONITORS and (kind.group, kind.version, kind.plural) not in found:
            raise errors.NotFound(f"watch {kind.resource}", "the API server does not serve them")
    await asyncio.Event().wait()


async def _follow_once(
    registry: kopf.OperatorRegistry,
    settings: Settings,
    kinds: tuple[Kind, ...],
    stop: asyncio.Event,
) -> None:
    # There is no telling whose a task is that starts from here on: it ends with kopf.
    existing, vault, insights = asyncio.all_tasks(), Vault(), Insights()
    tasks = await kopf.spawn_tasks(
        vault=vault,
        insights=insights,
        registry=registry,
        settings=kopf_settings.configure(settings, kinds),
        standalone=True,
        clusterwide=not settings.watch_namespaces,
        namespaces=settings.watch_namespaces,
    )
    stop_by_signals(stop)  # kopf has put its own handlers there, which end with it
    try:
        await run([*tasks, asyncio.create_task(expect(insights, kinds))], existing)
    finally:
        # A watch that outlives the others for a moment connects anew after kopf has closed all.
        await vault.close()


async def _end(existing: Collection[asyncio.Task[Any]]) -> None:
    left = asyncio.all_tasks().difference(existing)
    watchers = {task for task in left if task.get_name().startswith(WATCHER)}
    if watchers:
        await _cancel(watchers, GRACE)
    for _ in range(ROUNDS):
        left = asyncio.all_tasks().difference(existing)
        if not left:
            return
        await _cancel(left, 1.0)
    log.warning("Some watches do not end", extra={"tasks": sorted(t.get_name() for t in left)})


async def _cancel(tasks: Collection[asyncio.Task[Any]], timeout: float) -> None:
    for task in tasks:
        task.cancel()
    ended, _ = await asyncio.wait(tasks, timeout=timeout)
    for task in ended:
        if not task.cancelled():
            task.exception()  # seen: the first task's own is raised

"""kopf, which watches, started again whenever it gives up.

It takes for the end, and with it the process, what a new process would not mend: an error within a
watch other than 410 (Gone), a line of a watch that is cut off, a kind that is not served while its
definition is replaced, a token that is refused. Nothing is lost by that: each start lists anew, and
what was deleted meanwhile is found by the resync that every list asks for.
"""

import asyncio
import logging
import signal

import kopf
from kopf._cogs.structs.credentials import Vault  # a parameter of kopf's, of no public name

from streamset_operator import kopf_settings
from streamset_operator.kinds import Kind
from streamset_operator.metrics import Metrics
from streamset_operator.settings import Settings

log = logging.getLogger(__name__)

AGAIN = 5.0
"""Seconds until the next start, at most."""


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


async def _follow_once(
    registry: kopf.OperatorRegistry,
    settings: Settings,
    kinds: tuple[Kind, ...],
    stop: asyncio.Event,
) -> None:
    # kopf takes every task that starts after it for its own, and ends it with itself.
    existing, vault = asyncio.all_tasks(), Vault()
    tasks = await kopf.spawn_tasks(
        vault=vault,
        registry=registry,
        settings=kopf_settings.configure(settings, kinds),
        standalone=True,
        clusterwide=not settings.watch_namespaces,
        namespaces=settings.watch_namespaces,
    )
    stop_by_signals(stop)  # kopf has put its own handlers there, which end with it
    try:
        await kopf.run_tasks(tasks, ignored=existing)
    finally:
        # A watch that outlives the others for a moment connects anew after kopf has closed all.
        await vault.close()

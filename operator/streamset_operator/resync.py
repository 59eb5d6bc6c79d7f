"""Lists: everything is looked at again from time to time, whatever the watches said.

A watch that starts anew does not tell what was deleted meanwhile, and one that is dead tells
nothing. So all kinds are listed at the start, before any work begins; soon after a watch started
anew; and every `resync_interval`. A list also says whether the cluster knows PodMonitors by now.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from streamset_operator import errors, kinds
from streamset_operator.cache import Cache
from streamset_operator.cluster import Cluster
from streamset_operator.handlers import Add
from streamset_operator.kinds import SETS, Kind
from streamset_operator.kopf_settings import MINE
from streamset_operator.metrics import Metrics
from streamset_operator.settings import Settings

log = logging.getLogger(__name__)

SOON = 5.0
"""Seconds without another watch that starts anew, until the list: all may, when the API was away."""


class Resync:
    """Lists everything into the cache. `pod_monitors` is told whether the cluster knows them."""

    def __init__(
        self,
        cluster: Cluster,
        cache: Cache,
        settings: Settings,
        metrics: Metrics,
        add: Add,
        pod_monitors: Callable[[bool], None],
    ) -> None:
        self._cluster = cluster
        self._cache = cache
        self._settings = settings
        self._metrics = metrics
        self._add = add
        self._pod_monitors = pod_monitors
        self._asked = asyncio.Event()

    def soon(self) -> None:
        """List before long: a watch has started anew."""
        self._asked.set()

    async def run(self) -> None:
        """List again and again, until cancelled."""
        interval = self._settings.resync_interval
        soon = min(SOON, interval)
        while True:
            try:
                async with asyncio.timeout(interval):
                    await self._asked.wait()
                    # Thousands of objects that watches begin with take kopf minutes to tell of.
                    while self._asked.is_set():
                        self._asked.clear()
                        await asyncio.sleep(soon)
            except TimeoutError:
                pass
            self._asked.clear()
            try:
                await self.list_all()
            except errors.Unavailable as error:
                log.warning("Listing failed; again soon", extra={"error": str(error)})
                await asyncio.sleep(soon)
                self._asked.set()
                continue
            except errors.Refused as error:
                log.warning("A list is refused; the others go on", extra={"error": str(error)})
            for key in self._cache.sets():
                self._add(key, urgent=False)

    async def list_all(self) -> None:
        """Make the cache what the cluster is now.

        Raises `Unavailable` at once, and `Refused` after all else has been listed: a namespace that is gone, with its
        Role, is no reason to believe the watches of the others.
        """
        refused: list[errors.Refused] = []
        known = await self._cluster.serves(kinds.POD_MONITORS)
        self._pod_monitors(known)
        for kind in kinds.watched(pod_monitors=known):
            for namespace in self._namespaces():
                try:
                    await self._list(kind, namespace)
                except errors.Refused as error:
                    refused.append(error)
        if refused:
            raise refused[0]
        self._metrics.resynced_at.set(time.time())

    async def _list(self, kind: Kind, namespace: str | None) -> None:
        selector = "" if kind == SETS else MINE
        items, version = await self._cluster.list(kind, namespace, selector)
        for key in self._cache.replace(kind, namespace, items, version):
            self._add(key)

    def _namespaces(self) -> Sequence[str | None]:
        return self._settings.watch_namespaces or (None,)

"""What kopf calls: each event goes into the cache, and the key of its set into the queue.

Only `on.event` handlers, which keep no state: any other kind would have kopf put annotations or
finalizers on the resource. An event's own contents decide nothing but how urgent it is.
"""

from collections.abc import Callable
from typing import Any

import kopf

from streamset_operator.cache import Cache, Object
from streamset_operator.kinds import SETS, Kind

Add = Callable[..., None]


class Intake:
    """Takes events in. `relisted` is called when a watch starts anew: it may have missed something."""

    def __init__(self, cache: Cache, add: Add, relisted: Callable[[], None]) -> None:
        self._cache = cache
        self._add = add
        self._relisted = relisted

    def take(self, kind: Kind, event: str | None, found: Object) -> None:
        """Take in one event: `ADDED`, `MODIFIED`, `DELETED`, or None for an item of a list."""
        metadata = found["metadata"]
        known = self._cache.get(kind, metadata["namespace"], metadata["name"])
        if event == "DELETED":
            concerned, urgent = self._cache.remove(kind, found), True
        else:
            concerned, urgent = self._cache.put(kind, found), kind == SETS and _edited(known, found)
        for key in concerned:
            self._add(key, urgent=urgent)
        if event is None:
            self._relisted()

    def register(self, registry: kopf.OperatorRegistry, kinds: tuple[Kind, ...]) -> None:
        """Have kopf call `take` for every event of the kinds."""

        async def handle(*, event: Any, param: Any = None, **_: Any) -> None:
            self.take(param, event["type"], dict(event["object"]))

        for kind in kinds:
            kopf.on.event(
                kind.group, kind.version, kind.plural,
                id=kind.plural, param=kind, registry=registry,
            )(handle)  # fmt: skip


def _edited(known: Object | None, found: Object) -> bool:
    """Tell whether somebody changed the set, which may mend what failed; a report is no change."""
    if known is None:
        return True
    before, after = known["metadata"], found["metadata"]
    fields = ("uid", "generation", "annotations", "deletionTimestamp")
    return any(before.get(name) != after.get(name) for name in fields)

"""One set from its manifest to its status. This is the story; every step is a module of its own.

    observe → parse → assign, plan, build (pure) → converge → observe → touch → status → Events

Every reason to look at a set, be it an event, a retry or a resync, comes through `reconcile`.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from streamset_api.errors import ConfigError
from streamset_api.resource import BinanceStreamSet, parse
from streamset_api.status import BinanceStreamSetStatus
from streamset_operator import errors, events, failure, kinds, labels, shares, status
from streamset_operator.applied import Applied
from streamset_operator.cache import Cache
from streamset_operator.cluster import Cluster
from streamset_operator.converge import converge
from streamset_operator.kinds import Key
from streamset_operator.objects import build
from streamset_operator.observe import Around, Wanted, observe, removal, stale_entries
from streamset_operator.observed import Observed, ObservedRelay, Sighting
from streamset_operator.plan import Relay, plan
from streamset_operator.reasons import ConditionType
from streamset_operator.settings import Settings
from streamset_operator.touch import TOUCHED, Touch, touches

log = logging.getLogger(__name__)

REPORTS_MISSED = 3
"""A relay that missed so many reports is silent."""

CONDITIONS = frozenset(ConditionType)

Object = Mapping[str, Any]


@dataclass
class Memory:
    """What the operator remembers of one set, of this uid. All of it may be lost at any time."""

    uid: str
    applied: Applied = field(default_factory=Applied)
    sightings: dict[str, Sighting] = field(default_factory=dict)
    touches: dict[str, Touch] = field(default_factory=dict)
    written: tuple[BinanceStreamSetStatus, BinanceStreamSetStatus] | None = None
    """The status written last, and what of it was there afterwards."""


class Reconciler:
    """Looks after sets, one call of `reconcile` at a time for each.

    `clock` is the loop's, in seconds.
    """

    def __init__(
        self,
        cluster: Cluster,
        cache: Cache,
        settings: Settings,
        clock: Callable[[], float],
    ) -> None:
        self._pod_monitors = False
        self._cluster = cluster
        self._cache = cache
        self._settings = settings
        self._clock = clock
        self._memories: dict[Key, Memory] = {}

    async def reconcile(self, key: Key) -> float | None:
        """Make one set as it should be. Returns the seconds until it wants to be looked at again.

        Raises `OperatorError` for what may be over the next time; the status says so before.
        """
        live = self._cache.resource(key)
        if live is None or live["metadata"].get("deletionTimestamp"):
            self._memories.pop(key, None)  # owner references do the rest
            return None
        memory = self._remember(key, live["metadata"]["uid"])
        trouble: Exception | None = None
        relays = self._relays_of(key, live, memory)
        observed = Observed(
            generation=live["metadata"]["generation"],
            relays=relays,
            paused=_annotation(live, labels.RECONCILE) == labels.PAUSED,
            silent_after=REPORTS_MISSED * self._settings.report_interval,
        )
        if not observed.paused:
            observed, trouble = await self._work(key, live, memory, observed)
        await self._tell(key, live, memory, observed)
        if isinstance(trouble, errors.OperatorError):
            raise trouble
        return self._next_look(memory, observed)

    def know_pod_monitors(self, known: bool) -> None:
        """Take note of whether the cluster knows PodMonitors."""
        self._pod_monitors = known

    async def _work(
        self, key: Key, live: Object, memory: Memory, observed: Observed
    ) -> tuple[Observed, Exception | None]:
        """Make the objects, and look again. What is wrong becomes part of what was observed."""
        planned: tuple[Relay, ...] | None = None
        try:
            resource = parse(live)
            planned = self._plan(key, resource, observed.relays)
            observed = replace(
                observed,
                suspended=resource.spec.suspend,
                missing_pod_monitor=(
                    resource.spec.monitoring.pod_monitor.enabled and not self._pod_monitors
                ),
            )
            deployments = self._cache.of_kind(key, kinds.DEPLOYMENTS)
            desired = build(
                resource, planned, self._settings, deployments, pod_monitors=self._pod_monitors
            )
            written = await converge(
                key, memory.uid, desired, self._cluster, self._cache, memory.applied
            )
        except (ConfigError, errors.OperatorError) as error:
            return replace(observed, failure=failure.of(error)), error
        if written:
            log.info("Wrote objects", extra=_fields(key) | {"objects": written})
        relays = self._observe(key, live, memory, shares.wanted_planned(planned))
        await self._touch(key, memory, relays)
        await self._clear(key, memory, relays)
        return replace(observed, relays=relays), None

    def _plan(
        self, key: Key, resource: BinanceStreamSet, relays: Iterable[ObservedRelay]
    ) -> tuple[Relay, ...]:
        found = self._live_shares(key, resource.metadata.uid)
        wanted = shares.next_shares(resource, found, relays, self._settings.move_patience)
        return plan(resource, wanted, self._settings.report_interval)

    def _relays_of(self, key: Key, live: Object, memory: Memory) -> tuple[ObservedRelay, ...]:
        """Observe the relays that there are, against what they were told last."""
        found = self._live_shares(key, memory.uid)
        return self._observe(key, live, memory, shares.wanted_live(key[1], found))

    def _live_shares(self, key: Key, uid: str | None) -> dict[int, shares.Live]:
        """Read what the set's own ConfigMaps list; those of a deleted namesake say nothing."""
        config_maps = self._cache.of_kind(key, kinds.CONFIG_MAPS).values()
        return shares.live_shares(key[1], config_maps, uid)

    def _observe(
        self, key: Key, live: Object, memory: Memory, wanted: Iterable[Wanted]
    ) -> tuple[ObservedRelay, ...]:
        around = Around(
            uid=memory.uid,
            deployments=tuple(self._cache.of_kind(key, kinds.DEPLOYMENTS).values()),
            pods=tuple(self._cache.of_kind(key, kinds.PODS).values()),
            entries=_entries(live),
        )
        relays, memory.sightings = observe(wanted, around, memory.sightings, self._clock())
        return relays

    async def _touch(self, key: Key, memory: Memory, relays: Iterable[ObservedRelay]) -> None:
        """Have the kubelets look at what the relays do not run yet."""
        due = touches(relays, memory.touches, self._clock())
        for name, touch in due.items():
            if touch != memory.touches.get(name):
                annotations = {TOUCHED: touch.annotation}
                try:
                    found = await self._cluster.annotate(
                        kinds.PODS, (key[0], touch.pod), annotations
                    )
                except errors.NotFound:
                    continue  # a new pod mounts what there is
                self._cache.put(kinds.PODS, found)
        memory.touches = due

    async def _clear(self, key: Key, memory: Memory, relays: Iterable[ObservedRelay]) -> None:
        """Remove the entries of relays that are not wanted, or of a deleted set."""
        entries = _entries(self._cache.resource(key) or {})
        stale = stale_entries(entries, (relay.name for relay in relays), memory.uid)
        if not stale:
            return
        try:
            found = await self._cluster.patch_status(key, removal(entries, stale))
        except errors.Conflict:
            return  # somebody wrote meanwhile: that event comes, and this is done again
        self._cache.put(kinds.SETS, found)

    async def _tell(self, key: Key, live: Object, memory: Memory, observed: Observed) -> None:
        """Write the operator's part of the status if it is new, and post what changed."""
        before = status.read(live.get("status"))
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        after = status.settle(observed, before, now)
        if _ours(before) == after or memory.written == (after, _ours(before)):
            return
        namespace, name = key
        found = await self._cluster.apply_status(status.body(name, namespace, memory.uid, after))
        self._cache.put(kinds.SETS, found)
        memory.written = (after, _ours(status.read(found.get("status"))))
        for event in events.between(before.conditions, after.conditions):
            told = {"reason": event.reason, "details": event.message}
            log.info("Condition changed", extra=_fields(key) | told)
            try:
                await self._cluster.create_event(
                    events.document(event, name, namespace, memory.uid, now)
                )
            except errors.ClusterError as error:
                log.warning("An Event was not posted", extra=_fields(key) | {"error": str(error)})

    def _next_look(self, memory: Memory, observed: Observed) -> float | None:
        now = self._clock()
        waits = [touch.next_at - now for touch in memory.touches.values()]
        passing = status.next_look(observed, self._settings.move_patience)
        if passing is not None:
            waits.append(passing)
        return max(min(waits), 0.0) if waits else None

    def _remember(self, key: Key, uid: str) -> Memory:
        memory = self._memories.get(key)
        if memory is None or memory.uid != uid:
            memory = self._memories[key] = Memory(uid)
        return memory


def _ours(found: BinanceStreamSetStatus) -> BinanceStreamSetStatus:
    """Return the operator's part of a status, without conditions that somebody added."""
    known = tuple(condition for condition in found.conditions if condition.type in CONDITIONS)
    return status.own_part(found).model_copy(update={"conditions": known})


def _entries(live: Object) -> tuple[Object, ...]:
    return tuple((live.get("status") or {}).get("relays") or ())


def _annotation(live: Object, name: str) -> str | None:
    found = (live["metadata"].get("annotations") or {}).get(name)
    return found if isinstance(found, str) else None


def _fields(key: Key) -> dict[str, object]:
    return {"namespace": key[0], "set": key[1]}

"""The pure chain from end to end, as the operator runs it, over objects of a cluster as dicts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from streamset_api.errors import ConfigError
from streamset_api.resource import parse
from streamset_api.status import BinanceStreamSetStatus
from streamset_operator import labels
from streamset_operator.objects import build
from streamset_operator.observe import Around, Wanted, observe, stale_entries
from streamset_operator.observed import Failure, Observed, Sighting
from streamset_operator.plan import plan
from streamset_operator.reasons import Reason
from streamset_operator.settings import Settings
from streamset_operator.shares import live_shares, next_shares, wanted_live, wanted_planned
from streamset_operator.status import read, settle

Object = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What one pass wants: objects, status, and entries that are nobody's."""

    objects: list[Object]
    status: BinanceStreamSetStatus
    stale: tuple[str, ...] = ()
    sightings: dict[str, Sighting] = field(default_factory=dict)


def reconcile(
    document: Object,
    live: list[Object],
    settings: Settings,
    *,
    before: Mapping[str, Sighting] | None = None,
    now: float = 0.0,
    time: str = "2026-01-01T12:00:00Z",
) -> Outcome:
    """Return what one pass over a set wants, given all objects that there are."""
    metadata, entries = document["metadata"], document.get("status", {}).get("relays", [])
    uid, name = metadata["uid"], metadata["name"]
    paused = metadata.get("annotations", {}).get(labels.RECONCILE) == labels.PAUSED
    kinds = {
        kind: [o for o in live if o["kind"] == kind] for kind in ("ConfigMap", "Deployment", "Pod")
    }
    around = Around(uid, kinds["Deployment"], kinds["Pod"], entries)
    config_maps = live_shares(name, kinds["ConfigMap"])
    wanted: list[Wanted] = wanted_live(name, config_maps)
    relays, sightings = observe(wanted, around, before or {}, now)
    objects: list[Object] = []
    failure = None
    suspended = False
    if not paused:
        try:
            found = parse(document)
            suspended = found.spec.suspend
            shares = next_shares(found, config_maps, relays, settings.move_patience)
            planned = plan(found, shares)
        except ConfigError as error:
            failure = Failure(Reason.INVALID_SPEC, str(error))
        else:
            deployments = {o["metadata"]["name"]: o for o in kinds["Deployment"]}
            objects = build(found, planned, settings, deployments, pod_monitors=True)
            wanted = wanted_planned(planned)
            relays, sightings = observe(wanted, around, sightings, now)
    observed = Observed(
        generation=metadata["generation"],
        relays=relays,
        paused=paused,
        suspended=suspended,
        failure=failure,
        silent_after=3 * settings.report_interval,
    )
    return Outcome(
        objects,
        settle(observed, read(document.get("status")), time),
        stale_entries(entries, [relay.name for relay in wanted], uid),
        sightings,
    )

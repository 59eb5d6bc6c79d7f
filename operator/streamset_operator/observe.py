"""From Kubernetes objects to facts: Deployments, pods and the entries that relays wrote.

Time is the operator's own clock. What a relay or a node says about time is never compared with it:
an entry's age is how long ago the operator saw it change.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from streamset_api.errors import ConfigError
from streamset_api.status import RelayReport
from streamset_api.validation import validate
from streamset_operator import labels
from streamset_operator.observed import ObservedRelay, PodState, Sighting
from streamset_operator.workloads import pod_state, workload

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Wanted:
    """What a relay should be: from the plan, or while the set is paused from its live ConfigMap."""

    name: str
    config_hash: str
    streams: int
    leaving: int = 0


@dataclass(frozen=True)
class Around:
    """What there is around a set: what the operator's cache holds of it.

    `deployments` and `pods` are those of the set; `entries` is `status.relays` of the resource.
    """

    uid: str
    deployments: Sequence[Object] = ()
    pods: Sequence[Object] = ()
    entries: Sequence[Object] = ()


def observe(
    wanted: Iterable[Wanted], around: Around, before: Mapping[str, Sighting], now: float
) -> tuple[tuple[ObservedRelay, ...], dict[str, Sighting]]:
    """Return the relays as they are, and the sightings to hand in the next time."""
    deployments = {thing["metadata"]["name"]: thing for thing in around.deployments}
    entries = {entry.get("name"): entry for entry in around.entries}
    relays, sightings = [], {}
    for relay in wanted:
        deployed = deployments.get(relay.name)
        pod = _standing_for(relay.name, around.pods)
        entry = entries.get(relay.name)
        report = _believed(entry, pod, around.uid)
        seen = (pod.name, pod.running, entry if report else None) if pod else None
        sighting = sight(before.get(relay.name), seen, report, now)
        sightings[relay.name] = sighting
        relays.append(
            ObservedRelay(
                name=relay.name,
                wanted_hash=relay.config_hash,
                streams=relay.streams,
                leaving=relay.leaving,
                workload=workload(deployed) if deployed is not None else None,
                pod=pod,
                report=report,
                silent_for=now - sighting.at,
                ran_for=now - sighting.ran_at,
            )
        )
    return tuple(relays), sightings


def sight(
    before: Sighting | None, seen: object, report: RelayReport | None, now: float
) -> Sighting:
    """Return when `seen`, and the hash that a relay reports, were first as they are."""
    ran_hash = report.config_hash if report is not None else None
    if before is None:
        return Sighting(seen, now, ran_hash, now)
    return Sighting(
        seen,
        before.at if seen == before.what else now,
        ran_hash,
        before.ran_at if ran_hash == before.ran_hash else now,
    )


def stale_entries(entries: Iterable[Object], wanted: Iterable[str], uid: str) -> tuple[str, ...]:
    """Return the names of entries that no wanted relay of this very set has written."""
    names = set(wanted)
    return tuple(
        entry["name"]
        for entry in entries
        if entry.get("name") not in names or entry.get("setUid") != uid
    )


def removal(entries: Sequence[Object], stale: Iterable[str]) -> list[dict[str, Any]]:
    """Return the JSON Patch (RFC 6902) that removes stale entries from `status.relays`.

    It is refused when an entry is not what it was: a relay that came back keeps its new one. The
    last comes first, because a removal shifts those behind it.
    """
    gone = set(stale)
    return [
        operation
        for index, entry in reversed(list(enumerate(entries)))
        if entry.get("name") in gone
        for operation in (
            {"op": "test", "path": f"/status/relays/{index}", "value": dict(entry)},
            {"op": "remove", "path": f"/status/relays/{index}"},
        )
    ]


def _standing_for(relay: str, pods: Iterable[Object]) -> PodState | None:
    """Return the relay's newest ready pod, or its newest; one that ends stands for nothing.

    A ready one that is being replaced goes on while its successor is in trouble, and that is worth knowing.
    """
    alive = [
        (state.ready, pod["metadata"].get("creationTimestamp") or "", state.name, state)
        for pod in pods
        if (pod["metadata"].get("labels") or {}).get(labels.RELAY) == relay
        and not pod["metadata"].get("deletionTimestamp")
        and (pod.get("status") or {}).get("phase") not in {"Succeeded", "Failed"}
        for state in [pod_state(pod)]
    ]
    if not alive:
        return None
    standing = max(alive, key=lambda found: found[:3])[3]
    newest = max(alive, key=lambda found: found[1:3])[3]
    return replace(standing, trouble=standing.trouble or newest.trouble)


def _believed(entry: Object | None, pod: PodState | None, uid: str) -> RelayReport | None:
    if entry is None or pod is None:
        return None
    try:
        report = validate(RelayReport, entry)
    except ConfigError:  # whatever it is, no relay of ours wrote it
        return None
    return report if report.set_uid == uid and report.pod == pod.name else None

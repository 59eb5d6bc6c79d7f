"""Make a set's objects what they should be: whose are they, apply, prune.

Nothing is written before every name is known to be free or ours: a set gets all of its objects or
none of them anew, and what runs is left alone meanwhile.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from streamset_operator import errors, kinds, ownership, repair
from streamset_operator.applied import Applied
from streamset_operator.cache import Cache
from streamset_operator.cluster import Cluster
from streamset_operator.kinds import Key
from streamset_operator.ownership import Owner

log = logging.getLogger(__name__)

Object = Mapping[str, Any]


async def converge(
    key: Key, uid: str, desired: Sequence[Object], cluster: Cluster, cache: Cache, applied: Applied
) -> int:
    """Apply what is not as wanted, in order, then delete what is not wanted any more.

    Returns how many objects were written. Raises `ClusterError`, `NameConflict`, `NamesakeLeaving`.
    """
    for wanted in desired:
        await _check(key, uid, wanted, cluster, cache)
    written = 0
    for wanted in desired:
        kind, (namespace, name) = kinds.of(wanted), _name(wanted)
        if applied.is_settled((kind, name), wanted, cache.get(kind, namespace, name)):
            continue
        found = await _apply(wanted, cluster)
        cache.put(kind, found)
        applied.note((kind, name), wanted, found)
        written += 1
    for leftover in ownership.leftovers(cache.owned(key).values(), desired, key[1], uid):
        kind = kinds.of({"kind": leftover.kind})
        live = cache.get(kind, key[0], leftover.name)
        if live is not None:
            log.info("Deleting what is not wanted any more", extra=_fields(key, leftover))
            await cluster.delete(kind, key[0], leftover.name, live["metadata"]["uid"])
            applied.forget((kind, leftover.name))
            written += 1
    return written


async def _apply(wanted: Object, cluster: Cluster) -> dict[str, Any]:
    """Apply an object; where a change by hand makes that invalid, put the change right first."""
    try:
        return await cluster.apply(wanted)
    except errors.Invalid:
        kind, (namespace, name) = kinds.of(wanted), _name(wanted)
        live = await cluster.get(kind, namespace, name) if kind == kinds.DEPLOYMENTS else None
        operations = repair.replacements(live, wanted) if live is not None else []
        if not operations:
            raise
    await cluster.patch(kind, (namespace, name), operations)
    return await cluster.apply(wanted)


async def _check(key: Key, uid: str, wanted: Object, cluster: Cluster, cache: Cache) -> None:
    """Raise unless the object is this set's, or there is none of its name.

    What carries no label of ours is not in the cache, so only the API server knows of a stranger.
    """
    kind, (namespace, name) = kinds.of(wanted), _name(wanted)
    live = cache.get(kind, namespace, name) or await cluster.get(kind, namespace, name)
    match ownership.owner(live, key[1], uid):
        case Owner.STRANGER:
            raise errors.NameConflict(kind.kind, name, _owner_of(live or {}))
        case Owner.NAMESAKE:
            raise errors.NamesakeLeaving(kind.kind, name)
        case Owner.NOBODY | Owner.THIS_SET:
            return


def _owner_of(live: Object) -> str:
    references = live.get("metadata", {}).get("ownerReferences") or ()
    return ", ".join(f"{reference['kind']} {reference['name']}" for reference in references)


def _name(wanted: Object) -> tuple[str, str]:
    return wanted["metadata"]["namespace"], wanted["metadata"]["name"]


def _fields(key: Key, leftover: ownership.Reference) -> dict[str, str]:
    return {"namespace": key[0], "set": key[1], "kind": leftover.kind, "object": leftover.name}

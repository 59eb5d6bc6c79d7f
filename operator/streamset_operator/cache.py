"""What the operator knows of the cluster: the sets and all that is labelled as theirs.

Filled by watches, by lists, and by the answers to the operator's own writes, which may overtake one
another; an older version never replaces a newer one, and what was deleted does not come back.
Versions of objects are compared as numbers, as Kubernetes 1.35 and later promise and earlier ones
do. Fields that nobody here reads (`managedFields`, the `spec` of pods) are not kept.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from streamset_operator import labels
from streamset_operator.kinds import PODS, SETS, Key, Kind

Object = dict[str, Any]
Place = tuple[Kind, str, str]
"""Kind, namespace and name."""


def key_of(kind: Kind, found: Mapping[str, Any]) -> Key | None:
    """Return the set that an object belongs to; None for one that belongs to none."""
    metadata = found["metadata"]
    if kind == SETS:
        return metadata["namespace"], metadata["name"]
    owner = (metadata.get("labels") or {}).get(labels.SET)
    return (metadata["namespace"], owner) if owner else None


class Cache:
    """Objects by set."""

    def __init__(self) -> None:
        self._objects: dict[Place, Object] = {}
        self._places: dict[Key, set[Place]] = {}
        self._gone: dict[Place, int] = {}

    def put(self, kind: Kind, found: Mapping[str, Any]) -> frozenset[Key]:
        """Keep the object unless a newer version is known. Returns the sets that this concerns."""
        place = _place(kind, found)
        known = self._objects.get(place)
        if _version(found) < max(self._gone.get(place, 0), _version(known) if known else 0):
            return frozenset()
        if known is not None and _version(found) == _version(known):
            return frozenset()
        before = self._forget(place)
        self._objects[place] = _kept(kind, found)
        after = key_of(kind, found)
        if after is not None:
            self._places.setdefault(after, set()).add(place)
        return frozenset(key for key in (before, after) if key is not None)

    def remove(self, kind: Kind, found: Mapping[str, Any]) -> frozenset[Key]:
        """The object was deleted, or lost the label that is watched. Returns the sets concerned."""
        place = _place(kind, found)
        known = self._objects.get(place)
        self._gone[place] = max(self._gone.get(place, 0), _version(found))
        if known is not None and _version(known) > _version(found):
            return frozenset()
        before = self._forget(place)
        return frozenset(key for key in (before, key_of(kind, found)) if key is not None)

    def replace(
        self, kind: Kind, namespace: str | None, items: Iterable[Mapping[str, Any]], version: int
    ) -> frozenset[Key]:
        """Take over a list of all objects of the kind (in one namespace) as it was at `version`.

        Returns the sets of which the watch had missed something.
        """
        concerned: set[Key] = set()
        listed = set()
        for item in items:
            listed.add(_place(kind, item))
            concerned |= self.put(kind, item)
        for place, known in list(self._objects.items()):
            same_kind = place[0] == kind and namespace in (None, place[1])
            if same_kind and place not in listed and _version(known) <= version:
                before = self._forget(place)
                concerned |= {before} if before is not None else set()
        for place, gone in list(self._gone.items()):
            if place[0] == kind and gone <= version:
                del self._gone[place]
        return frozenset(concerned)

    def resource(self, key: Key) -> Object | None:
        """Return the set itself."""
        return self._objects.get((SETS, *key))

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """Return one object."""
        return self._objects.get((kind, namespace, name))

    def of_kind(self, key: Key, kind: Kind) -> dict[str, Object]:
        """Return the set's objects of one kind, by name."""
        places = sorted(p for p in self._places.get(key, ()) if p[0] == kind)
        return {name: self._objects[kind, namespace, name] for kind, namespace, name in places}

    def owned(self, key: Key) -> dict[Place, Object]:
        """Return all that is labelled as the set's, but for the set and its pods."""
        return {
            place: self._objects[place]
            for place in self._places.get(key, ())
            if place[0] not in (SETS, PODS)
        }

    def sets(self) -> tuple[Key, ...]:
        """Return the keys of all sets."""
        return tuple(self._resources())

    def resources(self) -> tuple[Object, ...]:
        """Return all sets as they are."""
        return tuple(self._resources().values())

    def _resources(self) -> dict[Key, Object]:
        objects = list(self._objects.items())  # at once: a scrape reads this from a thread
        return {(place[1], place[2]): found for place, found in objects if place[0] == SETS}

    def _forget(self, place: Place) -> Key | None:
        known = self._objects.pop(place, None)
        key = key_of(place[0], known) if known is not None else None
        if key is not None:
            self._places[key].discard(place)
            if not self._places[key]:
                del self._places[key]
        return key


def _kept(kind: Kind, found: Mapping[str, Any]) -> Object:
    metadata = {k: v for k, v in found["metadata"].items() if k != "managedFields"}
    rest = {k: v for k, v in found.items() if k != "spec"} if kind == PODS else found
    return {**rest, "metadata": metadata}


def _place(kind: Kind, found: Mapping[str, Any]) -> Place:
    return kind, found["metadata"]["namespace"], found["metadata"]["name"]


def _version(found: Mapping[str, Any]) -> int:
    return int(found["metadata"]["resourceVersion"])

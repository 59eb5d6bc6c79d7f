"""What server-side apply cannot mend: a field that somebody added and that excludes one of ours.

Apply leaves a field alone that its manager never had. Where the API server allows one of several (a
variable's value or its source, the source of a volume, the action of a probe), a change by hand
therefore makes every later apply invalid. A patch has to put right what excludes each other in one
step; the apply after it does the rest.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Object = Mapping[str, Any]
Path = tuple[str | int, ...]

_TEMPLATE = ("spec", "template", "spec")
_PARTS = ("livenessProbe", "readinessProbe", "securityContext")


def replacements(live: Object, wanted: Object) -> list[dict[str, Any]]:
    """Return the JSON Patch (RFC 6902) that brings a live Deployment to where apply is valid again.

    It replaces each value of one-of-several kind that has something beside what is wanted, and
    touches nothing else, so a `kubectl rollout restart` survives it. Empty where nothing stands in
    the way; refused by the API server where the Deployment has changed meanwhile.
    """
    found = [
        {"op": "replace", "path": _pointer(path), "value": ours}
        for path, theirs, ours in _pairs(live, wanted)
        if isinstance(theirs, Mapping) and theirs.keys() - ours.keys()
    ]
    if not found:
        return []
    version = live["metadata"]["resourceVersion"]
    return [{"op": "test", "path": "/metadata/resourceVersion", "value": version}, *found]


def _pairs(live: Object, wanted: Object) -> Iterator[tuple[Path, Any, Object]]:
    """Yield what allows one of several: its path, what is there, what should be."""
    theirs, ours = _at(live, _TEMPLATE), _at(wanted, _TEMPLATE)
    yield from _entries(_TEMPLATE, "volumes", theirs, ours)
    for path, container, right in _entries(_TEMPLATE, "containers", theirs, ours):
        yield from _entries(path, "env", container, right)
        yield from (((*path, part), container.get(part), right[part]) for part in _PARTS)


def _entries(
    path: Path, field: str, theirs: Any, ours: Object
) -> Iterator[tuple[Path, Any, Object]]:
    """Yield the entries of a list that are on both sides, by name."""
    wanted = {entry["name"]: entry for entry in ours.get(field) or ()}
    for index, entry in enumerate(theirs.get(field) or ()):
        if entry.get("name") in wanted:
            yield (*path, field, index), entry, wanted[entry["name"]]


def _at(document: Object, path: tuple[str, ...]) -> Any:
    found: Any = document
    for part in path:
        found = found.get(part) or {}
    return found


def _pointer(path: Path) -> str:
    """Return a path as RFC 6901 writes it; none of its parts needs to be escaped."""
    return "".join(f"/{part}" for part in path)

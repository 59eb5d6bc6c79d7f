"""What was applied last, so that at rest nothing is applied again.

An object needs no further apply while what is wanted is the same, and the live object, less what
others report in `status`, is what it was after the last one. The memory starts empty: after a start
each object is applied once, which changes nothing where it is right.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

BOOKKEEPING = ("resourceVersion", "managedFields")
"""Fields of `metadata` that change when nothing of the object does."""


@dataclass(frozen=True)
class _Memory:
    wanted: str
    version: str
    live: str


class Applied:
    """Remembers, by anything that names an object, what was wanted and what came of it."""

    def __init__(self) -> None:
        self._memory: dict[object, _Memory] = {}

    def is_settled(
        self, name: object, wanted: Mapping[str, Any], live: Mapping[str, Any] | None
    ) -> bool:
        """Tell whether an apply would change nothing."""
        memory = self._memory.get(name)
        if memory is None or live is None or memory.wanted != fingerprint(wanted):
            return False
        return memory.version == live["metadata"]["resourceVersion"] or (
            memory.live == fingerprint(live)
        )

    def note(self, name: object, wanted: Mapping[str, Any], live: Mapping[str, Any]) -> None:
        """Remember that `wanted` was applied, and `live` is what the API server answered."""
        version = live["metadata"]["resourceVersion"]
        self._memory[name] = _Memory(fingerprint(wanted), version, fingerprint(live))

    def forget(self, name: object) -> None:
        """Forget an object that is gone."""
        self._memory.pop(name, None)


def fingerprint(document: Mapping[str, Any]) -> str:
    """Return what is the same for two objects that differ in nothing but status and bookkeeping."""
    metadata = {k: v for k, v in document["metadata"].items() if k not in BOOKKEEPING}
    rest = {k: v for k, v in document.items() if k != "status"} | {"metadata": metadata}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()

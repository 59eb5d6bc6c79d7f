"""How far the sets are, from their own status, as a watch tells it. Pure: time comes in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Key = tuple[str, str]
"""Namespace and name."""

Object = Mapping[str, Any]


@dataclass
class Progress:
    """When each set was first seen settled, and ready; and what was seen of relays' reports."""

    settled_at: dict[Key, float] = field(default_factory=dict)
    ready_at: dict[Key, float] = field(default_factory=dict)
    reports: int = 0
    first_report_at: float | None = None
    _reported: dict[tuple[Key, str], str] = field(default_factory=dict)
    _unready: set[Key] = field(default_factory=set)

    def take(self, found: Object, now: float) -> None:
        """Take in one set as it is."""
        key = (found["metadata"]["namespace"], found["metadata"]["name"])
        if is_settled(found):
            self.settled_at.setdefault(key, now)
        if is_ready(found):
            self.ready_at.setdefault(key, now)
            self._unready.discard(key)
        elif key in self.ready_at:
            self._unready.add(key)
        for entry in found.get("status", {}).get("relays", ()):
            time, relay = entry.get("lastReportTime", ""), (key, entry["name"])
            if self._reported.get(relay) != time:
                self._reported[relay] = time
                self.reports += 1
                self.first_report_at = now if self.first_report_at is None else self.first_report_at

    @property
    def fell_back(self) -> int:
        """How many sets were ready and are not."""
        return len(self._unready)


def is_settled(found: Object) -> bool:
    """Tell whether the operator has accepted the newest generation and says that it works on it."""
    status, wanted = found.get("status", {}), found["metadata"]["generation"]
    accepted = _condition(found, "Accepted").get("status") == "True"
    return status.get("observedGeneration") == wanted and accepted


def is_ready(found: Object) -> bool:
    """Tell whether the set streams, by its newest generation."""
    return is_settled(found) and _condition(found, "Ready").get("status") == "True"


def _condition(found: Object, kind: str) -> Object:
    conditions = found.get("status", {}).get("conditions", ())
    return next((c for c in conditions if c["type"] == kind), {})

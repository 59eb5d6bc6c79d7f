"""Events: what a person sees in `kubectl describe`, one for each thing that changed.

Pure: from two lists of conditions to what is to be posted. Nothing is posted for a state that
lasts, and one cause that turns several conditions is told once.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, NamedTuple

from streamset_api.resource import API_VERSION, KIND
from streamset_api.status import Condition, ConditionStatus
from streamset_operator.labels import MANAGER
from streamset_operator.reasons import ConditionType, Reason

LONGEST = 1024
"""Characters of a message; the API server refuses more."""


class EventType(StrEnum):
    """How an Event is meant."""

    NORMAL = "Normal"
    WARNING = "Warning"


class Event(NamedTuple):
    """One thing to tell."""

    type: EventType
    reason: str
    message: str


TOLD = (
    ConditionType.READY,
    ConditionType.ACCEPTED,
    ConditionType.CONNECTED,
    ConditionType.DELIVERING,
    ConditionType.PAUSED,
)
"""Conditions whose changes are told; the others go with `Ready`."""

CALM = frozenset({Reason.PROGRESSING, Reason.SUSPENDED, Reason.PAUSED})
"""Reasons that are no warning though something is not as it will be."""


def between(before: Iterable[Condition], after: Iterable[Condition]) -> tuple[Event, ...]:
    """Return the Events for what is different in `after`: another status, or another reason."""
    old = {condition.type: (condition.status, condition.reason) for condition in before}
    new = {condition.type: condition for condition in after}
    told: dict[str, Event] = {}
    for kind in TOLD:
        condition = new.get(kind)
        if condition is None or old.get(kind) == (condition.status, condition.reason):
            continue
        if condition.status is ConditionStatus.UNKNOWN and kind is not ConditionType.READY:
            continue  # `Ready` says why nothing is known
        if kind not in old and condition.reason in _FROM_THE_START:
            continue
        told.setdefault(condition.reason, _event(condition))
    if ConditionType.PAUSED in old and ConditionType.PAUSED not in new:
        told.setdefault("Resumed", Event(EventType.NORMAL, "Resumed", "looked after again"))
    return tuple(told.values())


_FROM_THE_START = frozenset({Reason.ACCEPTED, Reason.CONNECTED})


def _event(condition: Condition) -> Event:
    fine = condition.status is ConditionStatus.TRUE or condition.reason in CALM
    noisy = condition.reason in {Reason.STREAMS_SILENT, Reason.POD_MONITOR_MISSING}
    kind = EventType.NORMAL if fine and not noisy else EventType.WARNING
    message = condition.message or f"{condition.type} is {condition.status}"
    return Event(kind, condition.reason, message[:LONGEST])


def document(event: Event, name: str, namespace: str, uid: str, now: str) -> dict[str, Any]:
    """Return the Event of core/v1 about a set; the API server gives it its name."""
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{name}.", "namespace": namespace},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "name": name,
            "namespace": namespace,
            "uid": uid,
        },
        "type": event.type.value,
        "reason": event.reason,
        "message": event.message,
        "action": "Reconcile",
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
        "source": {"component": MANAGER},
        "reportingComponent": MANAGER,
        "reportingInstance": MANAGER,
    }

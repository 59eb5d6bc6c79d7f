"""Events: what changed, each cause once, and nothing about what lasts."""

from typing import Any

import pytest

from streamset_api.status import BinanceStreamSetStatus
from streamset_operator.events import LONGEST, Event, EventType, between, document
from streamset_operator.observed import Failure, Observed
from streamset_operator.reasons import Reason
from streamset_operator.status import settle
from tests.unit.operator.situations import STOPPED, away, relay, reporting, seen

STREAMING = seen(relay())


def told(before: Observed | None, after: Observed) -> list[tuple[str, str]]:
    """Return type and reason of the Events on the way from one set to the other."""
    old = BinanceStreamSetStatus()
    if before is not None:
        old = settle(before, old, "noon")
    events = between(old.conditions, settle(after, old, "later").conditions)
    return [(event.type.value, event.reason) for event in events]


WAYS: dict[str, tuple[Observed | None, Observed, list[tuple[str, str]]]] = {
    "a new set": (None, seen(), [("Normal", "Progressing")]),
    "a new set that is wrong": (
        None,
        seen(failure=Failure(Reason.INVALID_SPEC, "x")),
        [("Warning", "InvalidSpec")],
    ),
    "it streams": (
        seen(relay(workload=None, report=None, pod=None)),
        STREAMING,
        [("Normal", "Streaming"), ("Normal", "Connected")],
    ),
    "nothing changed": (STREAMING, STREAMING, []),
    "geo-blocked turns five conditions": (
        STREAMING,
        reporting(webSocket=away("GeoBlocked")),
        [("Warning", "GeoBlocked")],
    ),
    "NATS goes": (
        STREAMING,
        reporting(nats=away("Unreachable")),
        [("Warning", "NatsUnreachable")],
    ),
    "another trouble with NATS": (
        reporting(nats=away("Unreachable")),
        reporting(nats=away("StreamMissing")),
        [("Warning", "StreamMissing")],
    ),
    "NATS comes back": (
        reporting(nats=away("Unreachable")),
        STREAMING,
        [("Normal", "Streaming")],
    ),
    "a relay falls silent": (
        STREAMING,
        seen(relay(silent_for=91)),
        [("Warning", "RelaySilent")],
    ),
    "streams fall silent": (
        STREAMING,
        reporting(silentStreams={"count": 1}),
        [("Warning", "StreamsSilent")],
    ),
    "suspended": (
        STREAMING,
        seen(relay(**STOPPED), suspended=True),
        [("Normal", "Suspended")],
    ),
    "paused": (STREAMING, seen(relay(), paused=True), [("Normal", "Paused")]),
    "resumed": (seen(relay(), paused=True), STREAMING, [("Normal", "Resumed")]),
    "another conflict while one lasts": (
        seen(failure=Failure(Reason.NAME_CONFLICT, "x")),
        seen(failure=Failure(Reason.NAME_CONFLICT, "y")),
        [],
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_told(way: str) -> None:
    before, after, events = WAYS[way]

    assert told(before, after) == events


def test_the_document_is_about_the_set_and_fits() -> None:
    event = Event(EventType.WARNING, "GeoBlocked", "HTTP 451")

    made: dict[str, Any] = document(event, "majors", "data", "uid", "2026-01-01T12:00:00Z")

    assert made["metadata"] == {"generateName": "majors.", "namespace": "data"}
    assert made["involvedObject"]["uid"] == "uid"
    assert made["involvedObject"]["kind"] == "BinanceStreamSet"
    assert (made["type"], made["reason"], made["message"]) == ("Warning", "GeoBlocked", "HTTP 451")
    assert made["firstTimestamp"] == made["lastTimestamp"] == "2026-01-01T12:00:00Z"


def test_a_long_message_is_cut() -> None:
    failure = Failure(Reason.INVALID_SPEC, "x" * 5000)
    after = settle(seen(failure=failure), BinanceStreamSetStatus(), "noon")

    [event] = between((), after.conditions)
    assert len(event.message) == LONGEST

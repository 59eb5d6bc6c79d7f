"""From objects and entries to facts: whom to believe, and since when nothing moves."""

from typing import Any

import pytest

from streamset_operator.observe import Around, Wanted, observe, removal, stale_entries
from streamset_operator.observed import ObservedRelay, Sighting
from streamset_operator.reasons import Reason
from tests.unit.operator.worlds import UID, deployment, entry, pod

WANTED = Wanted("a-0", "wanted", 1)


def look(
    pods: list[dict[str, Any]],
    entries: list[dict[str, Any]],
    before: dict[str, Sighting] | None = None,
    now: float = 100.0,
) -> tuple[ObservedRelay, dict[str, Sighting]]:
    around = Around(UID, [deployment("a-0")], pods, entries)
    [relay], sightings = observe([WANTED], around, before or {}, now)
    return relay, sightings


def said(pod_name: str, **fields: Any) -> dict[str, Any]:
    return entry("a-0", pod=pod_name, **fields)


@pytest.mark.parametrize(
    ("pods", "stands"),
    [
        ([], None),
        ([pod("p", "a-0")], "p"),
        ([pod("p", "other-0")], None),
        (
            [pod("old", "a-0", created="2026-01-01"), pod("new", "a-0", created="2026-01-02")],
            "new",
        ),
        (
            [
                pod("ready", "a-0", created="2026-01-01"),
                pod("new", "a-0", created="2026-01-02", ready=False),
            ],
            "ready",
        ),
        ([pod("new", "a-0", ready=False)], "new"),
    ],
)
def test_the_newest_ready_pod_stands_for_the_relay(
    pods: list[dict[str, Any]], stands: str | None
) -> None:
    relay, _ = look(pods, [])

    assert (relay.pod.name if relay.pod else None) == stands


def test_the_trouble_of_a_new_pod_shows_while_the_old_one_goes_on() -> None:
    new = pod("new", "a-0", created="2026-01-02", ready=False)
    waiting = {"waiting": {"reason": "ImagePullBackOff"}}
    new["status"]["containerStatuses"] = [{"name": "relay", "image": "typo", "state": waiting}]
    relay, _ = look([pod("ready", "a-0", created="2026-01-01"), new], [])

    assert relay.pod is not None
    assert (relay.pod.name, relay.pod.ready) == ("ready", True)
    assert relay.pod.trouble is not None
    assert relay.pod.trouble.reason is Reason.IMAGE_UNAVAILABLE


def test_a_pod_that_ends_stands_for_nothing() -> None:
    ending = pod("p", "a-0")
    ending["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    evicted = pod("q", "a-0")
    evicted["status"]["phase"] = "Failed"

    assert look([ending, evicted], [said("p")])[0].pod is None


@pytest.mark.parametrize(
    ("entries", "believed"),
    [
        ([said("p")], True),
        ([said("another")], False),
        ([said("p", setUid="of a deleted namesake")], False),
        ([said("p") | {"name": "a-1"}], False),
        ([said("p") | {"streams": "garbage"}], False),
        ([{"name": "a-0"}], False),
        ([], False),
    ],
)
def test_only_the_entry_of_that_pod_and_this_very_set_is_believed(
    entries: list[dict[str, Any]], believed: bool
) -> None:
    relay, _ = look([pod("p", "a-0")], entries)

    assert (relay.report is not None) is believed
    assert relay.runs_it is believed


def test_time_is_counted_from_the_last_change_that_the_operator_saw() -> None:
    pods = [pod("p", "a-0")]
    first, seen = look(pods, [said("p", lastReportTime="1")], now=100)
    second, seen = look(pods, [said("p", lastReportTime="1")], seen, now=140)
    third, seen = look(pods, [said("p", lastReportTime="2")], seen, now=150)
    fourth, _ = look(pods, [said("p", lastReportTime="2")], seen, now=155)

    assert [r.silent_for for r in (first, second, third, fourth)] == [0, 40, 0, 5]
    assert [r.ran_for for r in (first, second, third, fourth)] == [0, 40, 50, 55]


def test_a_new_pod_has_its_own_time_to_speak() -> None:
    old = [said("p")]
    _, seen = look([pod("p", "a-0")], old, now=0)
    starting, seen = look([pod("q", "a-0", state={"waiting": {}})], old, seen, now=1000)
    running, seen = look([pod("q", "a-0")], old, seen, now=1200)
    waited, _ = look([pod("q", "a-0")], old, seen, now=1260)

    assert starting.silent_for == 0
    assert running.silent_for == 0  # pulling its image took as long as it took
    assert waited.silent_for == 60


def test_what_others_write_into_an_entry_that_is_not_believed_is_no_sign_of_life() -> None:
    pods = [pod("p", "a-0")]
    _, seen = look(pods, [said("other", lastReportTime="1")], now=0)
    relay, _ = look(pods, [said("other", lastReportTime="2")], seen, now=95)

    assert relay.silent_for == 95


def test_a_new_hash_begins_its_own_time() -> None:
    pods = [pod("p", "a-0")]
    _, seen = look(pods, [said("p", configHash="old")], now=0)
    relay, _ = look(pods, [said("p", configHash="wanted")], seen, now=50)

    assert relay.ran_for == 0


def test_entries_of_nobody_are_found() -> None:
    entries = [entry("a-0"), entry("a-7"), entry("a-1", setUid="older"), {"name": "a-0x"}]

    assert stale_entries(entries, ["a-0", "a-1"], UID) == ("a-7", "a-1", "a-0x")


def test_they_are_removed_from_the_end_and_only_as_they_were() -> None:
    entries = [entry("a-7"), entry("a-0"), entry("a-8")]

    assert removal(entries, ["a-7", "a-8"]) == [
        {"op": "test", "path": "/status/relays/2", "value": entries[2]},
        {"op": "remove", "path": "/status/relays/2"},
        {"op": "test", "path": "/status/relays/0", "value": entries[0]},
        {"op": "remove", "path": "/status/relays/0"},
    ]
    assert removal(entries, []) == []

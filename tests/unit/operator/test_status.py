"""The table of situations, one test a row; and what is written of it."""

from dataclasses import replace
from typing import Any

import pytest

from streamset_api.status import BinanceStreamSetStatus, Condition
from streamset_operator.observed import Failure, Observed, Workload
from streamset_operator.reasons import TABLE, Reason, Situation
from streamset_operator.status import body, next_look, own_part, read, settle, two_digits
from tests.unit.operator.situations import (
    SITUATIONS,
    STOPPED,
    Case,
    away,
    relay,
    report,
    reporting,
    seen,
)

NEW = BinanceStreamSetStatus()
NOON, LATER = "2026-01-01T12:00:00Z", "2026-01-01T13:00:00Z"


def by_type(status: BinanceStreamSetStatus) -> dict[str, Condition]:
    return {condition.type: condition for condition in status.conditions}


def ready(observed: Observed, before: BinanceStreamSetStatus = NEW) -> Condition:
    return by_type(settle(observed, before, NOON))["Ready"]


@pytest.mark.parametrize("case", SITUATIONS.values(), ids=SITUATIONS)
def test_a_row_of_the_table(case: Case) -> None:
    conditions = by_type(settle(case.observed, NEW, NOON))

    found = tuple(conditions[kind].status for kind in ("Ready", "Reconciling", "Stalled"))
    assert (*found, conditions["Ready"].reason) == case[1:5]
    assert {kind: conditions[kind].status for kind in case.others} == case.others
    assert conditions["Reconciling"].reason == conditions["Stalled"].reason == case.reason


def test_every_situation_has_a_row_and_the_rows_keep_the_rules_of_kstatus() -> None:
    assert TABLE.keys() == set(Situation)
    assert all(not (row.reconciling == row.stalled == "True") for row in TABLE.values())
    assert all(
        (row.ready == "True") <= (row.reconciling == row.stalled == "False")
        for row in TABLE.values()
    )


def test_the_worst_relay_decides_and_is_named() -> None:
    observed = seen(
        relay("a-0"),
        relay("a-1", report=report(nats=away("Unreachable", "no servers"))),
        relay("a-2", silent_for=99),
        relay("a-3", report=report(nats=away("Unreachable", "no servers"))),
    )

    found = ready(observed)
    assert (found.status, found.reason) == ("False", "NatsUnreachable")
    assert found.message == "a-1, a-3: no servers"


def test_a_message_names_only_the_first_of_many_relays() -> None:
    many = [relay(f"a-{number}", workload=None) for number in range(9)]

    assert ready(seen(*many)).message == (
        "a-0, a-1, a-2, a-3, a-4 and 4 more: the Deployment is being made"
    )


@pytest.mark.parametrize(
    ("reason", "message"), [("GeoBlocked", "HTTP 451"), ("Unreachable", "getaddrinfo failed")]
)
def test_the_relays_own_words_reach_the_person(reason: str, message: str) -> None:
    assert message in ready(reporting(webSocket=away(reason, message))).message


def test_a_connected_side_is_told_though_the_set_was_rejected() -> None:
    observed = seen(
        relay(report=report(webSocket=away("NoData"))), failure=Failure(Reason.INVALID_SPEC, "x")
    )

    conditions = by_type(settle(observed, NEW, NOON))
    assert (conditions["Connected"].status, conditions["Connected"].reason) == ("False", "NoData")
    assert conditions["Ready"].reason == "InvalidSpec"


def test_a_missing_pod_monitor_is_told() -> None:
    accepted = by_type(settle(seen(relay(), missing_pod_monitor=True), NEW, NOON))["Accepted"]

    assert (accepted.status, accepted.reason) == ("True", "PodMonitorMissing")


def test_the_time_of_a_transition_stays_while_the_status_does() -> None:
    first = settle(seen(relay()), NEW, NOON)
    same = settle(replace(reporting(silentStreams={"count": 2}), generation=4), first, LATER)
    other = settle(seen(relay(workload=None)), same, LATER)

    assert by_type(same)["Ready"].reason == "StreamsSilent"
    assert by_type(same)["Ready"].last_transition_time == NOON
    assert by_type(same)["Ready"].observed_generation == 4
    assert by_type(other)["Ready"].last_transition_time == LATER
    assert by_type(other)["Accepted"].last_transition_time == NOON


def test_the_same_facts_are_nothing_to_write() -> None:
    first = settle(seen(relay()), NEW, NOON)
    noise = report(messagesPerSecond=130.0, lastReportTime="x", reconnects=5)

    assert settle(seen(relay(silent_for=29, report=noise)), first, LATER) == own_part(first)


def test_a_paused_set_keeps_its_generation_and_gets_it_back() -> None:
    before = settle(seen(relay()), NEW, NOON)

    paused = settle(seen(relay(), paused=True, generation=9), before, LATER)
    assert paused.observed_generation == 3
    assert by_type(paused)["Paused"].status == "True"
    assert by_type(paused)["Ready"].observed_generation == 3
    resumed = settle(seen(relay(), generation=9), paused, LATER)
    assert resumed.observed_generation == 9
    assert "Paused" not in by_type(resumed)


def test_a_set_that_is_paused_from_the_start_was_never_seen() -> None:
    status = settle(seen(paused=True), NEW, NOON)

    assert status.observed_generation == -1
    assert all(condition.observed_generation is None for condition in status.conditions)


def test_the_summary() -> None:
    observed = seen(
        relay("a-0", streams=10, report=report(streams={"desired": 10, "active": 9})),
        relay("a-1", streams=5, report=report(configHash="older", messagesPerSecond=30.4)),
        relay("a-2", streams=5, silent_for=100),
        relay("a-3", streams=5, report=None),
    )

    summary = settle(observed, NEW, NOON).summary
    assert summary is not None
    assert (summary.streams, summary.relays) == ("10/25", "1/4")
    assert summary.messages_per_second == 150.0


def test_a_suspended_set_sums_up_to_nothing() -> None:
    summary = settle(seen(relay(**STOPPED), suspended=True), NEW, NOON).summary

    assert summary is not None
    assert (summary.streams, summary.relays, summary.messages_per_second) == ("0/1", "0/1", 0.0)


def test_streams_on_their_way_count_once() -> None:
    moving = relay(streams=3, leaving=2, report=report(streams={"desired": 5, "active": 5}))

    summary = settle(seen(moving), NEW, NOON).summary
    assert summary is not None
    assert summary.streams == "3/3"


@pytest.mark.parametrize(
    ("rate", "written"), [(143.0, 120.0), (96.1, 120.0), (146.0, 150.0), (95.0, 95.0), (0.0, 0.0)]
)
def test_a_rate_is_rewritten_when_it_moved_by_a_fifth(rate: float, written: float) -> None:
    before = settle(seen(relay()), NEW, NOON)

    after = settle(seen(relay(report=report(messagesPerSecond=rate))), before, NOON)

    assert after.summary is not None
    assert after.summary.messages_per_second == written


@pytest.mark.parametrize(
    ("number", "expected"), [(0, 0), (0.0123, 0.012), (0.98, 0.98), (9.99, 10), (12_345, 12_000)]
)
def test_two_digits(number: float, expected: float) -> None:
    assert two_digits(number) == expected


def test_the_body_is_the_operators_part_and_names_the_very_set() -> None:
    status = settle(seen(relay()), NEW, NOON)
    with_relays = status.model_copy(update={"relays": (report(),)})

    document = body("majors", "data", "uid", with_relays)

    assert document["metadata"] == {"name": "majors", "namespace": "data", "uid": "uid"}
    assert document["status"].keys() == {"observedGeneration", "conditions", "summary"}
    assert read(document["status"]) == status


@pytest.mark.parametrize("document", [None, {}, {"conditions": "garbage"}, 7])
def test_a_status_that_is_none_reads_as_unseen(document: Any) -> None:
    assert read(document) == NEW


def test_the_next_look_is_when_time_alone_may_change_something() -> None:
    assert next_look(seen(relay(silent_for=10), relay(silent_for=70)), 60) == 20
    assert next_look(seen(relay(silent_for=10), relay(leaving=1, ran_for=55)), 60) == 5
    assert next_look(seen(relay(silent_for=91)), 60) is None
    assert next_look(seen(relay(pod=None, workload=Workload())), 60) is None

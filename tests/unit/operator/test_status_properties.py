"""What holds of every status, whatever was seen."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streamset_api.status import BinanceStreamSetStatus
from streamset_operator.events import between
from streamset_operator.observed import Failure, Observed, ObservedRelay, PodState, Workload
from streamset_operator.reasons import REJECTIONS, Reason
from streamset_operator.status import body, own_part, read, settle
from tests.unit.operator.situations import report

words = st.sampled_from(["Unreachable", "GeoBlocked", "NoData", "StreamMissing", "SomethingNew"])
failures = st.builds(Failure, st.sampled_from(Reason), st.text(max_size=30))
links = st.fixed_dictionaries(
    {"connected": st.booleans()}, optional={"reason": words, "message": st.just("why")}
)
reports = st.fixed_dictionaries(
    {},
    optional={
        "configHash": st.sampled_from(["wanted", "older"]),
        "phase": st.sampled_from(["Starting", "Running", "Draining", "SomethingNew"]),
        "webSocket": links,
        "nats": links,
        "streams": st.builds(lambda active: {"desired": 3, "active": active}, st.integers(0, 3)),
        "silentStreams": st.builds(lambda count: {"count": count}, st.integers(0, 2)),
        "messagesPerSecond": st.floats(0, 1e6),
    },
).map(lambda fields: report(**fields))
relays = st.builds(
    ObservedRelay,
    name=st.sampled_from(["a-0", "a-1", "a-2"]),
    wanted_hash=st.just("wanted"),
    streams=st.integers(1, 5),
    leaving=st.integers(0, 1),
    workload=st.none() | st.builds(Workload, refused=st.none() | failures),
    pod=st.none() | st.builds(PodState, name=st.just("p"), trouble=st.none() | failures),
    report=st.none() | reports,
    silent_for=st.sampled_from([0.0, 90.0, 91.0]),
)
sets = st.builds(
    Observed,
    generation=st.integers(1, 3),
    relays=st.lists(relays, max_size=3).map(tuple),
    paused=st.booleans(),
    suspended=st.booleans(),
    failure=st.none() | failures,
    missing_pod_monitor=st.booleans(),
)


def statuses_of(status: BinanceStreamSetStatus) -> dict[str, str]:
    return {condition.type: condition.status.value for condition in status.conditions}


def settled(observed: Observed, before: BinanceStreamSetStatus, now: str = "noon") -> Any:
    return settle(observed, before, now)


@given(sets)
def test_stalled_and_reconciling_exclude_each_other_and_ready_excludes_both(
    observed: Observed,
) -> None:
    found = statuses_of(settled(observed, BinanceStreamSetStatus()))

    assert [found["Ready"], found["Reconciling"], found["Stalled"]].count("True") <= 1
    if found["Ready"] == "Unknown":
        assert found["Reconciling"] == "True"


@given(sets)
def test_ready_is_only_what_the_other_conditions_bear_out(observed: Observed) -> None:
    found = statuses_of(settled(observed, BinanceStreamSetStatus()))

    if found["Ready"] == "True" and not observed.suspended:
        assert (found["Accepted"], found["Connected"], found["Delivering"]) == ("True",) * 3
        assert all(relay.runs_it and relay.silent_for <= 90 for relay in observed.relays)
    if observed.failure is not None:
        assert found["Ready"] == "False"
        rejected = observed.failure.reason in REJECTIONS
        assert (found["Accepted"] == "False") is (found["Stalled"] == "True") is rejected


@given(sets, sets)
def test_the_same_facts_again_change_nothing(one: Observed, other: Observed) -> None:
    before = settled(other, BinanceStreamSetStatus())
    first = settled(one, before)
    second = settled(one, first, "later")

    assert second == own_part(first)
    assert between(first.conditions, second.conditions) == ()


@given(sets, sets)
def test_a_transition_has_its_time_and_nothing_else_has(one: Observed, other: Observed) -> None:
    before = {c.type: c for c in settled(one, BinanceStreamSetStatus(), "then").conditions}
    after = settled(other, settled(one, BinanceStreamSetStatus(), "then"), "now").conditions

    for condition in after:
        old = before.get(condition.type)
        same = old is not None and old.status is condition.status
        assert condition.last_transition_time == ("then" if same else "now")


@given(sets)
def test_what_is_written_is_what_the_api_takes(observed: Observed) -> None:
    status = settled(observed, BinanceStreamSetStatus())
    document = body("a", "b", "c", status)["status"]

    assert read(document) == status
    kinds = [condition["type"] for condition in document["conditions"]]
    assert len(set(kinds)) == len(kinds)
    assert ("Paused" in kinds) is observed.paused
    assert all(condition["reason"] for condition in document["conditions"])

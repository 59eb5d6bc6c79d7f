"""What the runs prove."""

from collections import Counter
from dataclasses import replace

import pytest

from benchmarks.operator.measurement import Measurement
from benchmarks.operator.requests import Request
from benchmarks.operator.verdict import verdicts
from tests.unit.benchmarks.operator.runs import APPLY, STATUS, but, run

GOOD = run(100)


def failed(*runs: Measurement) -> list[tuple[str, bool]]:
    """Return the questions answered with no, and whether each makes the benchmark fail."""
    found = verdicts(runs, rest_intervals=2.2)
    return [(verdict.question, verdict.must) for verdict in found if not verdict.holds]


def test_good_runs_prove_everything() -> None:
    assert failed(run(100), run(1000)) == []
    questions = [verdict.question for verdict in verdicts([run(100), run(1000)], 2.2)]
    assert any("time per set" in question for question in questions)
    assert any("settle within 120 s" in question for question in questions)


@pytest.mark.parametrize(
    ("bad", "question"),
    [
        (replace(GOOD, made=GOOD.made | {"Role": 99}), "every object is there"),
        (but(GOOD, "rest", own=Counter({STATUS: 1}), counted=Counter({("patch", "binancestreamsets"): 1})),
         "no writes at rest"),
        (but(GOOD, "stream", own=Counter({Request("get", "pods"): 1})), "agree"),
        (replace(GOOD, reports_at_rest=150), "reported meanwhile"),
        (replace(GOOD, changed_by_restart=1), "restart changes nothing"),
        (replace(GOOD, fell_back=1), "restart changes nothing"),
    ],
)  # fmt: skip
def test_a_count_that_is_wrong_fails(bad: Measurement, question: str) -> None:
    [(told, must)] = failed(bad)

    assert question in told
    assert must


def test_reading_at_rest_is_no_write() -> None:
    lists = Counter({Request("list", "pods"): 9})
    reading = but(GOOD, "rest", own=lists, counted=Counter({("get", "pods"): 9}))

    assert failed(reading) == []


def test_requests_that_grow_faster_than_the_sets_fail() -> None:
    own = Counter({APPLY: 1000, STATUS: 1120})
    counted = Counter({("patch", "deployments"): 1000, ("patch", "binancestreamsets"): 1120})
    more = but(run(1000), "converge", own=own, counted=counted)

    [(told, must)] = failed(GOOD, more)

    assert "requests per set" in told
    assert must


def test_time_and_memory_have_bars_that_are_only_told() -> None:
    slow = but(run(1000), "converge", seconds=151.0)
    fat = but(slow, "rest", resident=500_000_000, peak=500_000_000)

    told = failed(GOOD, fat)

    assert [must for _, must in told] == [False] * 4
    assert [question.partition(",")[0] for question, _ in told[2:]] == [
        "time per set",
        "memory per set",
    ]


def test_a_run_with_a_profile_has_no_restart_to_judge() -> None:
    phases = {name: phase for name, phase in GOOD.phases.items() if name != "restart"}

    assert failed(replace(GOOD, phases=phases, changed_by_restart=1)) == []

"""Whether something became slower."""

import json
from dataclasses import replace

import pytest

from benchmarks.guard import RECORDED, compare
from benchmarks.plan import GUARD_PLAN, PICOWS, STRAIGHTFORWARD, Case, Part
from benchmarks.results import Results

CASE = Case(Part.THROUGHPUT, (STRAIGHTFORWARD, PICOWS))


def ratio_of(value: float) -> Results:
    results = Results()
    for speed in (1.0, 3.0, 2.0):  # the machine's, round by round: it must not matter
        results.add(CASE.key(), STRAIGHTFORWARD, {"per_cpu_second": 50_000 * speed})
        results.add(CASE.key(), PICOWS, {"per_cpu_second": 50_000 * value * speed})
    return results


@pytest.mark.parametrize(
    ("found", "holds"), [(9.0, True), (8.0, True), (6.41, True), (6.39, False), (1.0, False)]
)
def test_a_fifth_worse_is_too_much(found: float, holds: bool) -> None:
    (comparison,) = compare([CASE], ratio_of(8.0), ratio_of(found))

    assert comparison.holds is holds


def test_what_was_not_measured_does_not_hold() -> None:
    (comparison,) = compare([CASE], ratio_of(8.0), Results())

    assert not comparison.holds


def test_what_was_never_recorded_does_not_hold() -> None:
    (comparison,) = compare([replace(CASE, streams=7)], ratio_of(8.0), ratio_of(8.0))

    assert not comparison.holds


def test_the_recorded_results_have_all_that_is_compared() -> None:
    recorded = Results.from_json(json.loads(RECORDED.read_text()))

    comparisons = list(compare(GUARD_PLAN, recorded, recorded))

    assert len(comparisons) >= 6
    assert [each.what for each in comparisons if not each.holds] == []

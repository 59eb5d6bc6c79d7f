"""What is made of measured values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.figures import growth, percentile, ratios

VALUES = st.lists(st.integers(-(10**9), 10**9), min_size=1)


def test_percentiles_are_values_by_nearest_rank() -> None:
    values = list(range(1, 1001))

    assert [percentile(values, p) for p in (0, 50, 99, 99.9, 100)] == [1, 500, 990, 999, 1000]


@given(VALUES, st.floats(0, 100))
def test_so_many_percent_do_not_exceed_a_percentile(values: list[int], percent: float) -> None:
    ordered = sorted(values)

    found = percentile(ordered, percent)

    assert found in values
    assert sum(value <= found for value in values) >= percent / 100 * len(values) - 1e-6


def test_there_is_no_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


def test_ratios_are_round_by_round() -> None:
    assert ratios([10.0, 30.0], [5.0, 10.0]) == [2.0, 3.0]


def test_growth_leaves_out_how_a_run_begins() -> None:
    begins_low = [10.0] * 2 + [70.0] * 18

    assert growth(begins_low) == 0
    assert growth([70.0 + number for number in range(20)]) == 16


def test_growth_of_a_single_value_is_none() -> None:
    assert growth([70.0]) == 0

"""What was measured, as it is kept."""

import json

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.results import Results, Spread


def measured() -> Results:
    results = Results(machine={"Python": "3.13"})
    for fast, slow in ((50.0, 10.0), (90.0, 10.0), (40.0, 20.0)):
        results.add("throughput/trade/3/core", "slow", {"rate": slow})
        results.add("throughput/trade/3/core", "fast", {"rate": fast, "other": 1.0})
    results.series["throughput/trade/3/core", "fast"] = [(0.0, 70.0), (5.0, 71.5)]
    return results


def test_the_spread_is_median_lowest_and_highest() -> None:
    assert measured().spread("throughput/trade/3/core", "fast", "rate") == Spread(50, 40, 90)


def test_a_ratio_is_the_median_of_ratios_within_rounds() -> None:
    """Not the ratio of the medians, which a slow minute of the machine would move."""
    assert measured().ratio("throughput/trade/3/core", "fast", "slow", "rate") == 5.0


def test_there_is_no_figure_of_what_was_not_measured() -> None:
    results = measured()

    assert results.median("tls/trade/3/core", "fast", "rate") is None
    assert results.ratio("throughput/trade/3/core", "fast", "nobody", "rate") is None


def test_clients_are_told_in_the_order_of_their_turns() -> None:
    assert measured().clients("throughput/trade/3/core") == ["slow", "fast"]


def test_who_is_left_out_has_no_figures_and_is_named() -> None:
    results = measured()

    results.leave_out("a case", ["throughput/trade/3/core"], "fast", "lost 3 messages")

    assert results.clients("throughput/trade/3/core") == ["slow"]
    assert results.not_run == {"a case: fast": "lost 3 messages"}


def test_json_keeps_everything() -> None:
    results = measured()
    results.not_run["Go"] = "no Go in PATH"

    again = Results.from_json(json.loads(json.dumps(results.as_json())))

    assert again == results


@given(st.lists(st.floats(0.001, 1e9), min_size=1))
def test_json_keeps_four_digits(values: list[float]) -> None:
    results = Results()
    for value in values:
        results.add("case", "client", {"figure": value})

    again = Results.from_json(results.as_json())

    for value, kept in zip(values, again.rounds["case", "client"]["figure"], strict=True):
        assert abs(kept - value) <= value / 1000

"""Promises and what a run says of them."""

import pytest

from benchmarks.bars import BARS, Verdict, verdicts
from benchmarks.plan import PICOWS, PLAN, STRAIGHTFORWARD, WEBSOCKETS
from benchmarks.results import Results
from tests.unit.benchmarks.recorded import everything


def test_a_whole_run_answers_every_promise() -> None:
    found = verdicts(everything())

    assert [verdict.bar.promise for verdict in found if verdict.found is None] == []


def test_what_was_not_measured_is_not_kept() -> None:
    assert {verdict.word for verdict in verdicts(Results())} == {"not measured"}


@pytest.mark.parametrize("bar", BARS, ids=lambda bar: bar.promise)
def test_the_bound_itself_keeps_the_promise_and_worse_does_not(bar: object) -> None:
    (known,) = [each for each in BARS if each is bar]
    worse = known.bound - 0.01 if known.least else known.bound + 0.01

    assert Verdict(known, known.bound).word == "yes"
    assert Verdict(known, worse).word == "NO"


def test_the_worst_relay_counts_for_losses_and_memory() -> None:
    results = Results()
    for client, lost, resident in ((PICOWS, 0, 70), (PICOWS, 2, 71), (WEBSOCKETS, 0, 81)):
        results.add("burst/trade/3/core", client, {"lost": lost, "dropped": 0})
        results.add("memory/trade/1024/core", client, {"resident": resident, "growth": 0.1})

    told = {verdict.bar.promise: verdict.found for verdict in verdicts(results)}

    assert 2 in told.values()
    assert 81 in told.values()


def test_every_promise_is_about_something_in_the_plan() -> None:
    whole, names = everything(), {name for case in PLAN for name in case.clients}

    assert {client for _, client in whole.rounds} == names
    assert STRAIGHTFORWARD in names

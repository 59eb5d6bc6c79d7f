from hypothesis import given
from hypothesis import strategies as st

from exchange_simulator.core.ledger import Run, StreamLedger


def test_neighbouring_batches_make_one_run() -> None:
    ledger = StreamLedger(keep=10)
    ledger.sent((0, 4), (100, 104), 1)
    ledger.sent((5, 5), (105, 105), 2)

    counted = ledger.snapshot()
    assert (counted.count, counted.deliveries, counted.first, counted.last) == (6, 7, 100, 105)
    assert counted.runs == (Run(100, 105, 6),)


def test_a_hole_or_a_restart_begins_a_new_run() -> None:
    ledger = StreamLedger(keep=10)
    ledger.sent((0, 4), (100, 104), 1)
    ledger.sent((7, 9), (107, 109), 1)
    ledger.sent((0, 1), (100, 101), 1)

    assert ledger.snapshot().runs == (Run(100, 104, 5), Run(107, 109, 3), Run(100, 101, 2))


def test_old_runs_are_forgotten_but_counted() -> None:
    ledger = StreamLedger(keep=2)
    for number in (0, 10, 20, 30):
        ledger.sent((number, number), (number, number), 1)

    counted = ledger.snapshot()
    assert counted.runs == (Run(20, 20, 1), Run(30, 30, 1))
    assert (counted.forgotten_runs, counted.count, counted.first) == (2, 4, 0)


def test_no_runs_are_kept_when_none_are_wanted() -> None:
    ledger = StreamLedger(keep=0)
    ledger.sent((0, 9), (0, 9), 1)

    assert ledger.snapshot().runs == ()
    assert ledger.snapshot().count == 10


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5)), max_size=30))
def test_runs_hold_exactly_what_was_sent(steps: list[tuple[int, int]]) -> None:
    ledger, sent, at = StreamLedger(keep=100), list[int](), 0
    for skipped, events in steps:
        first = at + skipped
        ledger.sent((first, first + events - 1), (first, first + events - 1), 1)
        sent += range(first, first + events)
        at = first + events

    counted = ledger.snapshot()
    assert [n for run in counted.runs for n in range(run.first, run.last + 1)] == sent
    assert sum(run.count for run in counted.runs) == counted.count == len(sent)

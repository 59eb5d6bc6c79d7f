"""Named situations of a handover. Arbitrary ones are in `test_handover_properties`."""

import re

import pytest

from streamset_relay.core.handover import TRANSITIONS, Bounds, Phase, Trigger, draw

from .frames import wrap
from .overlap import EVENTS, Pair, frame

TRADE, TICKER = "btcusdt@trade", "btcusdt@ticker"


@pytest.mark.parametrize("name", EVENTS)
def test_the_new_connection_ahead_of_the_old_one(name: str) -> None:
    pair = Pair(name)
    pair.old(frame(name, 0), frame(name, 1))
    pair.begin()
    pair.new(frame(name, 4), frame(name, 5))
    pair.old(frame(name, 2), frame(name, 3))
    assert pair.look() is None
    assert pair.tally.held == 2
    pair.new(frame(name, 6))
    pair.old(frame(name, 4))
    assert pair.look() is Trigger.ALIGNED
    assert pair.phase() is Phase.SWITCHED
    assert pair.numbers(name) == [0, 1, 2, 3, 4, 5, 6]
    pair.old(frame(name, 5), frame(name, 6), frame(name, 7))
    pair.new(frame(name, 7))
    assert pair.numbers(name) == [0, 1, 2, 3, 4, 5, 6, 7]
    assert (pair.tally.duplicates, pair.tally.held, pair.tally.gaps) == (4, 0, 0)


@pytest.mark.parametrize("name", EVENTS)
def test_a_new_connection_that_was_ahead_has_nothing_to_catch_up_with(name: str) -> None:
    pair = Pair(name)
    pair.begin()
    pair.old(frame(name, 0), frame(name, 1))
    pair.new(frame(name, 2), frame(name, 3))
    pair.old(frame(name, 2))
    pair.look()
    pair.look()
    assert pair.phase() is Phase.DONE


@pytest.mark.parametrize("name", EVENTS)
def test_the_new_connection_behind_the_old_one(name: str) -> None:
    pair = Pair(name)
    pair.begin()
    pair.old(*(frame(name, number) for number in range(5)))
    pair.new(frame(name, 2))
    assert pair.look() is Trigger.ALIGNED
    pair.old(frame(name, 5))  # too late: the new one brings it
    pair.look()
    assert pair.phase() is Phase.SWITCHED
    pair.new(frame(name, 3), frame(name, 4))
    pair.new(frame(name, 5), frame(name, 6))
    pair.look()
    assert pair.phase() is Phase.DONE
    assert pair.handover.new.streams is pair.streams
    pair.new(frame(name, 7))
    assert pair.numbers(name) == list(range(8))
    assert (pair.tally.duplicates, pair.tally.gaps, pair.tally.resets) == (4, 0, 0)


def test_all_streams_switch_together() -> None:
    pair = Pair(TRADE, TICKER)
    pair.begin()
    for number in range(3):
        pair.new(frame(TRADE, number))
        pair.old(frame(TRADE, number))
        assert pair.look() is None
    pair.new(frame(TICKER, 0))
    assert pair.look() is None
    pair.old(frame(TICKER, 0))
    assert pair.look() is Trigger.ALIGNED
    assert pair.numbers(TRADE) == [0, 1, 2]
    assert pair.handover.unaligned == []


def test_what_was_held_keeps_its_time_and_its_place() -> None:
    pair = Pair(TRADE, TICKER)
    pair.begin()
    pair.new(frame(TRADE, 0), frame(TICKER, 0))
    first = pair.now
    pair.wait(1.0)
    pair.new(frame(TICKER, 1), frame(TRADE, 1))
    second = pair.now
    pair.wait(1.0)
    pair.switch()
    assert [batch.arrived for batch in pair.batches] == [first, second]
    assert [batch.received_at for batch in pair.batches] == [int(first * 1e9), int(second * 1e9)]
    assert [name for name, _ in pair.out] == [TRADE, TICKER, TICKER, TRADE]


def test_quiet_streams_wait_for_the_deadline_and_then_switch_without_proof() -> None:
    pair = Pair(TRADE, "ethusdt@trade")
    pair.begin()
    pair.new(frame(TRADE, 0))
    pair.old(frame(TRADE, 0))
    pair.wait(9.9)
    assert pair.look() is None
    pair.wait(0.1)
    assert pair.look() is Trigger.DEADLINE
    assert pair.handover.unaligned == []
    assert pair.phase() is Phase.SWITCHED


def test_a_stream_that_flows_on_one_connection_only_stops_the_handover() -> None:
    pair = Pair(TRADE, TICKER)
    pair.begin()
    pair.old(frame(TICKER, 0))
    pair.new(frame(TRADE, 1))
    pair.wait(9.0)
    pair.old(frame(TICKER, 1), frame(TRADE, 0))
    assert pair.handover.missing(pair.names, pair.now) == [TICKER]
    pair.wait(1.0)
    assert pair.look() is Trigger.MISSING
    assert pair.phase() is Phase.PREPARING
    assert pair.tally.held == 0
    pair.new(frame(TRADE, 2))  # the last it said before it was closed
    pair.old(frame(TRADE, 1), frame(TRADE, 2))
    assert pair.numbers(TRADE) == [0, 1, 2]
    assert pair.tally.duplicates == 2
    pair.begin()
    pair.new(frame(TICKER, 2), frame(TRADE, 3))
    pair.old(frame(TICKER, 2), frame(TRADE, 3))
    assert pair.look() is Trigger.ALIGNED


def test_a_stream_that_is_wanted_no_longer_is_not_missing() -> None:
    pair = Pair(TRADE, TICKER)
    pair.begin()
    pair.old(frame(TICKER, 0))
    pair.names = (TRADE,)
    pair.wait(10.0)
    assert pair.look() is Trigger.DEADLINE


def test_a_stream_that_has_just_begun_to_flow_is_not_missing() -> None:
    pair = Pair(TICKER)
    pair.begin()
    pair.wait(9.0)
    pair.old(frame(TICKER, 0))
    pair.wait(1.0)
    assert pair.look() is Trigger.DEADLINE
    assert pair.handover.unaligned == [TICKER]
    pair.new(frame(TICKER, 0), frame(TICKER, 1))
    assert pair.numbers(TICKER) == [0, 1]


def test_without_the_exchanges_word_quiet_streams_are_not_switched() -> None:
    pair = Pair(TRADE)
    pair.begin()
    pair.wait(10.0)
    assert pair.look(subscribed=False) is Trigger.MISSING
    pair.begin()
    pair.wait(10.0)
    assert pair.look() is Trigger.DEADLINE


def test_what_flows_and_is_aligned_needs_no_word() -> None:
    pair = Pair(TRADE)
    pair.begin()
    pair.new(frame(TRADE, 0))
    pair.old(frame(TRADE, 0))
    assert pair.look(subscribed=False) is Trigger.ALIGNED


@pytest.mark.parametrize("bounds", [Bounds(10.0, 3, 1 << 20), Bounds(10.0, 1_000, 700)])
def test_a_full_hold_forces_the_switch(bounds: Bounds) -> None:
    pair = Pair(TRADE, bounds=bounds)
    pair.old(frame(TRADE, 0))
    pair.begin()
    pair.new(frame(TRADE, 2), frame(TRADE, 3))
    assert pair.phase() is Phase.OVERLAPPING
    pair.new(frame(TRADE, 4))
    assert (pair.phase(), pair.handover.why) == (Phase.SWITCHED, Trigger.FULL)
    pair.old(frame(TRADE, 1), frame(TRADE, 2))
    assert pair.numbers(TRADE) == [0, 2, 3, 4]
    assert (pair.tally.missing, pair.tally.unaligned, pair.tally.resets) == (1, 1, 0)


def test_the_old_connection_ends_before_the_new_one_is_open() -> None:
    pair = Pair(TRADE)
    pair.old(frame(TRADE, 0))
    pair.switch(Trigger.ENDED)
    assert pair.handover.late
    assert pair.phase() is Phase.DONE
    pair.new(frame(TRADE, 3))
    assert pair.numbers(TRADE) == [0, 3]
    assert pair.tally.missing == 2
    assert pair.tally.duplicates == 0


def test_the_new_connection_ends_after_the_switch() -> None:
    pair = Pair(TRADE)
    pair.begin()
    pair.old(frame(TRADE, 0), frame(TRADE, 1))
    pair.new(frame(TRADE, 0))
    pair.look()
    pair.handover.lost()
    assert pair.phase() is Phase.DONE
    pair.new(frame(TRADE, 4))  # on the connection after it
    assert pair.numbers(TRADE) == [0, 1, 4]
    assert pair.tally.missing == 2


def test_nobody_waits_for_ever_until_the_new_connection_has_caught_up() -> None:
    pair = Pair(TRADE)
    pair.begin()
    pair.wait(9.0)
    pair.old(frame(TRADE, 0), frame(TRADE, 1), frame(TRADE, 2))
    pair.new(frame(TRADE, 0))
    pair.look()
    pair.wait(9.0)
    pair.look()
    assert pair.phase() is Phase.SWITCHED
    pair.wait(1.0)
    pair.look()
    assert pair.phase() is Phase.DONE


def test_what_the_new_connection_never_brings_is_not_waited_for() -> None:
    pair = Pair(TICKER)
    pair.begin()
    pair.old(*(frame(TICKER, number) for number in range(4)))
    pair.new(frame(TICKER, 0))
    pair.look()
    pair.new(frame(TICKER, 4))
    pair.look()
    assert pair.phase() is Phase.DONE
    assert pair.numbers(TICKER) == [0, 1, 2, 3, 4]


def test_a_stream_nobody_asked_for_goes_on_once() -> None:
    name = "ethusdt@trade"
    pair = Pair(TRADE)
    pair.begin()
    for number in range(3):
        pair.new(wrap(name, {"t": number}))
        pair.old(wrap(name, {"t": number}))
    pair.switch()
    assert [event["t"] for _, event in pair.out] == [0, 1, 2]


def test_only_what_goes_on_is_counted_as_the_streams() -> None:
    pair = Pair(TRADE)
    pair.begin()
    pair.old(frame(TRADE, 0), frame(TRADE, 1))
    pair.new(frame(TRADE, 1), frame(TRADE, 2))
    pair.look()
    pair.old(frame(TRADE, 2))
    assert pair.streams.get(TRADE).received == 3
    assert pair.streams.get(TRADE).last == 102
    assert pair.tally.received == 5


def test_triggers_that_mean_nothing_do_nothing() -> None:
    pair = Pair(TRADE)
    pair.handover.lost()
    pair.handover.finish()
    assert pair.look() is None
    assert pair.phase() is Phase.PREPARING
    pair.begin()
    pair.begin()
    pair.handover.finish()
    assert pair.phase() is Phase.OVERLAPPING
    pair.switch(Trigger.STOPPED)
    pair.switch(Trigger.ENDED)
    assert pair.handover.why is Trigger.STOPPED
    pair.look()
    pair.begin()
    pair.handover.lost()
    assert pair.phase() is Phase.DONE


def test_the_diagram_shows_every_row_of_the_table() -> None:
    rows = sum(len(row) for row in TRANSITIONS.values())
    assert len(re.findall(r"^    \w+ --> \w+: .+$", draw(), re.MULTILINE)) == rows
    assert set(TRANSITIONS) == set(Phase)

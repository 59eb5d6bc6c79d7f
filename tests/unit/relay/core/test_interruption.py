"""After a stream was interrupted: what its next event proves, and what is said where it proves nothing."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamset_api.market import Market
from streamset_relay.core.handover import Trigger
from streamset_relay.core.sequence import Cut, Gap, Interruption, Lapse, Reset
from streamset_relay.core.stream import Streams

from .frames import TRADE, sort, streams_of, wrap
from .overlap import EVENTS, Pair, frame

LOST = Interruption(Cut.DISCONNECTED, 7_000)
TICKER, QUOTE, BOOK = "btcusdt@ticker", "btcusdt@bookTicker", "btcusdt@depth20@100ms"
PROVEN = (TRADE, "btcusdt@depth@100ms")
"""Streams whose numbers follow each other."""


def told(*names: str, market: Market = Market.SPOT, events: str | None = "events") -> Streams:
    """Streams of a relay whose events somebody wants to know."""
    return streams_of(*names, market=market, events=events)


def interrupted(name: str, *before: bytes, **given: Any) -> Streams:
    streams = told(name, **given)
    sort(*before, streams=streams)
    streams.interrupt([name], Cut.DISCONNECTED, 7_000)
    return streams


@pytest.mark.parametrize("name", PROVEN)
def test_numbers_that_go_on_prove_that_nothing_is_missing(name: str) -> None:
    streams = interrupted(name, frame(name, 0))

    assert sort(frame(name, 1), frame(name, 2), streams=streams).notes == ()
    (gap,) = sort(frame(name, 5), streams=streams).notes
    assert gap.interruption is None, "the interruption was over"


@pytest.mark.parametrize("name", PROVEN)
def test_a_hole_is_put_down_to_the_interruption(name: str) -> None:
    streams = interrupted(name, frame(name, 0))

    first, second = sort(frame(name, 3), frame(name, 6), streams=streams).notes
    assert isinstance(first, Gap)
    assert (first.interruption, second.interruption) == (LOST, None)


def test_the_hole_of_a_futures_book_has_no_size() -> None:
    name = "btcusdt@depth"
    streams = interrupted(name, wrap(name, {"u": 10, "pu": 5}), market=Market.USDM)

    found = sort(wrap(name, {"u": 30, "pu": 20}), streams=streams)
    assert found.notes == (Gap(name, 11, 20, None, LOST),)


@pytest.mark.parametrize("name", [name for name in EVENTS if name not in PROVEN])
def test_without_numbers_that_follow_it_is_said_that_nobody_knows(name: str) -> None:
    streams = interrupted(name, frame(name, 0))

    found = sort(frame(name, 1), frame(name, 2), streams=streams)
    assert found.notes == (Lapse(name, LOST),)
    assert sort(frame(name, 9), streams=streams).notes == ()


def test_a_stream_that_had_never_come_has_nothing_to_compare_with() -> None:
    streams = interrupted(TRADE)

    assert sort(wrap(TRADE, {"t": 5}), streams=streams).notes == (Lapse(TRADE, LOST),)


def test_an_event_without_its_number_proves_nothing() -> None:
    streams = interrupted(TRADE, wrap(TRADE, {"t": 5}))

    assert sort(wrap(TRADE, {"x": 5}), streams=streams).notes == (Lapse(TRADE, LOST),)


@pytest.mark.parametrize("name", [TRADE, QUOTE, BOOK])
def test_numbers_that_start_again_are_a_reset_and_no_lapse(name: str) -> None:
    streams = interrupted(name, frame(name, 9))

    (note,) = sort(frame(name, 0), streams=streams).notes
    assert isinstance(note, Reset)
    assert note.interruption == LOST


def test_the_first_of_two_interruptions_counts() -> None:
    streams = interrupted(TRADE, wrap(TRADE, {"t": 5}))
    streams.interrupt([TRADE, "never@heard"], Cut.ROTATION, 9_000)

    assert sort(wrap(TRADE, {"t": 7}), streams=streams).notes == (Gap(TRADE, 6, 6, 1, LOST),)


def test_a_stream_that_is_dropped_and_wanted_again_starts_afresh() -> None:
    streams = interrupted(TRADE, wrap(TRADE, {"t": 5}))
    streams.plan([TICKER])
    streams.plan([TRADE])

    assert sort(wrap(TRADE, {"t": 50}), streams=streams).notes == ()


def test_nothing_is_marked_while_nobody_wants_to_know() -> None:
    streams = interrupted(TICKER, frame(TICKER, 0), events=None)

    assert streams.get(TICKER).interruption is None
    assert sort(frame(TICKER, 1), streams=streams).notes == ()


@given(
    st.lists(
        st.tuples(st.sampled_from([*EVENTS, "lost"]), st.integers(0, 3)), min_size=1, max_size=40
    )
)
def test_the_way_back_never_changes_what_is_relayed(steps: list[tuple[str, int]]) -> None:
    """The first frame after an interruption goes the long way: the same messages come of it, and the same counts."""
    marked, plain = told(*EVENTS), told(*EVENTS, events=None)
    for at, (name, step) in enumerate(steps):
        if name == "lost":
            marked.interrupt(EVENTS, Cut.DISCONNECTED, at)
            plain.interrupt(EVENTS, Cut.DISCONNECTED, at)
            continue
        frames = [frame(name, at + step), frame(name, at + step + 1)]
        one, other = sort(*frames, streams=marked), sort(*frames, streams=plain)
        assert [m[1:] for m in one.messages] == [m[1:] for m in other.messages]
        assert [gap[:4] for gap in one.gaps] == [gap[:4] for gap in other.gaps]
        assert [reset[:3] for reset in one.resets] == [reset[:3] for reset in other.resets]
        assert not other.lapses
    assert [(s.name, s.received, s.last, s.gaps, s.resets) for s in marked] == [
        (s.name, s.received, s.last, s.gaps, s.resets) for s in plain
    ]
    assert set(marked.by_head.values()) == {s for s in marked if s.interruption is None}


class Told(Pair):
    """A handover of a relay whose events somebody wants to know."""

    def __init__(self, *names: str) -> None:
        super().__init__(*names, events="events")

    def notes(self) -> list[Any]:
        return [note for batch in self.batches for note in batch.notes]


def test_a_rotation_that_is_proven_says_nothing() -> None:
    pair = Told(TRADE, TICKER)
    pair.begin()
    for name in (TRADE, TICKER):
        pair.old(frame(name, 0), frame(name, 1))
        pair.new(frame(name, 1), frame(name, 2))
    assert pair.look() is Trigger.ALIGNED
    pair.new(frame(TRADE, 3), frame(TICKER, 3))

    assert pair.numbers(TICKER) == [0, 1, 2, 3]
    assert pair.notes() == []


def test_streams_that_were_not_seen_on_both_are_told_of() -> None:
    """The old connection ends before the two have met: of trades the numbers tell what is missing."""
    pair = Told(TRADE, TICKER)
    pair.look()
    pair.old(frame(TRADE, 0), frame(TICKER, 0))
    pair.begin()
    began = Interruption(Cut.ROTATION, int(pair.now * 1e9))
    pair.old(frame(TRADE, 1), frame(TICKER, 1))
    pair.new(frame(TRADE, 4), frame(TICKER, 4))
    pair.switch(Trigger.ENDED)

    assert pair.notes() == [Gap(TRADE, 102, 103, 2, began), Lapse(TICKER, began)]
    assert pair.numbers(TRADE) == [0, 1, 4]


@pytest.mark.parametrize(("subscribed", "notes"), [(True, 0), (False, 1)])
def test_a_quiet_stream_is_told_of_unless_it_was_subscribed(subscribed: bool, notes: int) -> None:
    pair = Told(TRADE, TICKER)
    pair.begin()
    pair.old(frame(TRADE, 0))
    pair.new(frame(TRADE, 0))
    pair.look(subscribed)
    pair.switch(Trigger.ENDED)
    pair.new(frame(TRADE, 1), frame(TICKER, 1))

    assert [type(note) for note in pair.notes()] == [Lapse] * notes


def test_the_notes_of_the_connection_that_leads_go_on_with_its_messages() -> None:
    pair = Told(TRADE)
    pair.begin()
    pair.old(frame(TRADE, 0), frame(TRADE, 2))
    pair.new(frame(TRADE, 0), frame(TRADE, 5))

    assert [note[1:4] for note in pair.notes()] == [(101, 101, 1)]
    assert json.loads(pair.batches[0].messages[1][1])["t"] == 102

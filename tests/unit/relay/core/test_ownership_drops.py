"""What becomes of events that a relay drops while it holds them: told of once, unless an owner has delivered them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamset_relay.core.batch import Batch, Room
from streamset_relay.core.classify import classify
from streamset_relay.core.events import Journal
from streamset_relay.core.marks import Mark, Marks, mark_of
from streamset_relay.core.ownership import Bounds, Ownership, State, Trigger
from streamset_relay.core.sequence import Cut, Gap
from streamset_relay.core.tally import Tally

from .frames import streams_of, wrap
from .overlap import EVENTS, frame

TRADE, DEPTH, QUOTE = "btcusdt@trade", "btcusdt@depth@100ms", "btcusdt@bookTicker"
TICKER, UNHEARD_OF = "btcusdt@ticker", "btcusdt@unheardOf"
TTL = 10.0
ALL = Room(1 << 30, 1 << 40)


class Relay:
    """Classification, `Ownership` and what is told of it; 10 ms go by with every batch."""

    def __init__(self, *names: str, size: int = 1 << 20, events: bool = True) -> None:
        self.streams = streams_of(*names, events="events" if events else None)
        self.journal = Journal("events" if events else None)
        self.ownership = Ownership(self.streams, Bounds(size, TTL), self.journal)
        self.tally = Tally()
        self.now = 0.0
        self.out: list[tuple[str, Any]] = []

    def receive(self, *frames: bytes) -> None:
        """As the pipeline does it, in one batch."""
        self.now += 0.01
        wall = round(self.now * 1e9)
        found = classify(list(frames), self.streams)
        self.tally.add(wall, found, self.now)
        batch = Batch(wall, self.now, found.messages, found.size, found.notes)
        going, gaps = self.ownership.take(batch)
        if going is not None:
            self._deliver(going, gaps)

    def trades(self, *numbers: int) -> None:
        """One batch each."""
        for number in numbers:
            self.receive(wrap(TRADE, {"t": number}))

    def follow(self, *marks: tuple[str, Mark]) -> None:
        self.ownership.follow(dict(marks))

    def expire(self) -> None:
        """All that is held."""
        self.ownership.expire(self.now + TTL + 1)
        assert self.ownership.held == 0

    def take_over(self, marks: Marks | None = None, *, let_out: bool = True) -> None:
        self.ownership.take_over(Trigger.SILENT, marks or {}, self.now)
        if let_out:
            self.let_out()

    def let_out(self) -> None:
        for batch, gaps in self.ownership.let_out():
            self._deliver(batch, gaps)

    def told(self, kind: str = "gap") -> list[dict[str, Any]]:
        """All records so far of that type."""
        self.journal.sum_up(self.now, int(self.now * 1e9), last=True)
        batches = self.journal.take(self.now, ALL)
        records = [json.loads(batch.messages[0][1] + b"}") for batch in batches]
        return [record for record in records if record["type"] == kind]

    def _deliver(self, batch: Batch, gaps: list[Gap]) -> None:
        self.tally.count_gaps(gaps)
        self.journal.take_over(gaps, batch)
        self.journal.note(batch)
        self.out += [(stream.name, json.loads(payload)) for stream, payload, _ in batch.messages]


def brief(record: dict[str, Any]) -> tuple[Any, ...]:
    return record["reason"], record["cause"], record["from"], record["to"], record["missing"]


def at(name: str, number: int) -> tuple[str, Mark]:
    """The mark that event `number` leaves."""
    [(stream, payload, _)] = classify([frame(name, number)], streams_of(name)).messages
    mark = mark_of(stream, payload)
    assert mark is not None
    return name, mark


def test_what_an_owner_drops_while_it_lets_out_is_told() -> None:
    relay = Relay(TRADE)
    relay.trades(*range(101, 150))
    relay.take_over({TRADE: Mark(100)}, let_out=False)
    going = relay.ownership.let_out()
    relay._deliver(*next(going))
    relay.expire()
    relay.trades(150)
    relay.let_out()

    assert [data["t"] for _, data in relay.out] == [101, 150]
    assert relay.ownership.dropped == {"expired": 48}
    assert [brief(record) for record in relay.told()] == [("dropped", "expired", 102, 149, 48)]
    assert relay.tally.missing == 0


def test_what_an_owner_has_in_its_hands_when_it_ends_is_told() -> None:
    relay = Relay(TRADE)
    relay.trades(1, 2, 3)
    relay.take_over({TRADE: Mark(1)}, let_out=False)
    relay.ownership.end("shutdown")

    assert relay.ownership.state is State.ENDED
    assert [brief(record) for record in relay.told()] == [("dropped", "shutdown", 2, 3, 2)]


def test_of_what_a_follower_drops_only_what_no_owner_delivered_is_told() -> None:
    relay = Relay(TRADE)
    relay.follow()
    relay.trades(*range(90, 120))
    relay.expire()
    assert relay.told() == []
    relay.trades(120)
    relay.follow((TRADE, Mark(95)))
    assert relay.told() == []
    relay.take_over({TRADE: Mark(100)})

    assert [data["t"] for _, data in relay.out] == [120]
    assert [brief(record) for record in relay.told()] == [("dropped", "expired", 101, 119, 19)]
    assert relay.tally.missing == 0, "none of these is missing at the exchange"


def test_a_hold_that_is_full_is_told_like_one_that_is_too_old() -> None:
    relay = Relay(TRADE, size=2_000)
    relay.follow((TRADE, Mark(4)))
    relay.trades(*range(1, 31))
    held = relay.ownership.held
    relay.take_over()

    [record] = relay.told()
    assert brief(record) == ("dropped", "hold_full", 5, 30 - held, 26 - held)


def test_nobody_owned_the_streams_so_all_that_was_dropped_is_told() -> None:
    relay = Relay(TRADE, TICKER)
    relay.receive(frame(TRADE, 0), frame(TICKER, 0), frame(TICKER, 1))
    relay.expire()
    relay.take_over()

    [trades, tickers] = relay.told()
    assert brief(trades) == ("dropped", "expired", 100, 100, 1)
    assert brief(tickers) == ("dropped", "expired", None, None, 2)
    assert tickers["since"] == tickers["until"] == "1970-01-01T00:00:00.010000Z"
    assert relay.told() == [], "told once"


@pytest.mark.parametrize("name", EVENTS)
def test_what_an_owner_has_delivered_in_the_end_is_forgotten(name: str) -> None:
    relay = Relay(name)
    relay.follow()
    for number in range(5):
        relay.receive(frame(name, number))
    relay.expire()
    relay.follow(at(name, 4))
    relay.receive(frame(name, 5))
    relay.take_over()

    assert relay.told() == []
    assert len(relay.out) == 1


@pytest.mark.parametrize("name", EVENTS)
def test_a_marked_event_among_those_held_has_all_before_it_delivered(name: str) -> None:
    relay = Relay(name)
    relay.follow()
    relay.receive(frame(name, 0))
    relay.expire()
    relay.receive(frame(name, 1))
    relay.receive(frame(name, 2))
    relay.take_over(dict([at(name, 1)]))

    assert relay.told() == []
    assert [data for _, data in relay.out] == [EVENTS[name](2)]


@pytest.mark.parametrize("name", [QUOTE, TICKER])
def test_of_how_many_a_mark_in_the_midst_leaves_nobody_can_say(name: str) -> None:
    relay = Relay(name)
    relay.follow()
    for number in range(5):
        relay.receive(frame(name, number))
    relay.expire()
    relay.receive(frame(name, 5))
    relay.take_over(dict([at(name, 2)]))

    assert [brief(record) for record in relay.told()] == [("dropped", "expired", None, None, None)]


def test_of_depth_the_numbers_left_are_told_and_not_how_many_messages() -> None:
    relay = Relay(DEPTH)
    relay.follow()
    for number in range(5):
        relay.receive(frame(DEPTH, number))
    relay.expire()
    relay.take_over(dict([at(DEPTH, 2)]))

    assert [brief(record) for record in relay.told()] == [("dropped", "expired", 109, 114, None)]


def test_what_is_missing_before_the_first_one_dropped_is_told_as_well() -> None:
    relay = Relay(TRADE)
    relay.follow()
    relay.trades(5, 6)
    relay.expire()
    relay.take_over({TRADE: Mark(2)})
    relay.trades(7)

    assert sorted(brief(record) for record in relay.told()) == [
        ("dropped", "expired", 5, 6, 2),
        ("takeover", None, 3, 4, 2),
    ]
    assert relay.tally.missing == 2


def test_what_dropped_batches_have_shown_is_told() -> None:
    relay = Relay(TRADE, TICKER)
    relay.follow((TRADE, Mark(3)))
    relay.receive(frame(TICKER, 0))
    relay.trades(3)
    relay.streams.interrupt([TICKER], Cut.DISCONNECTED, 500)
    relay.trades(6)
    relay.receive(frame(TICKER, 1))
    relay.expire()
    relay.take_over({TRADE: Mark(4), **dict([at(TICKER, 0)])})

    assert relay.ownership.dropped == {"expired": 4}
    gaps = {record["reason"]: record for record in relay.told()}
    assert brief(gaps["exchange"]) == ("exchange", None, 5, 5, 1)
    assert gaps["disconnected"]["stream"] == TICKER
    assert gaps["disconnected"]["since"] == "1970-01-01T00:00:00.000000Z"


def test_a_reset_among_what_was_dropped_is_told() -> None:
    relay = Relay(TRADE)
    relay.trades(990_011, 1, 2)
    relay.expire()
    relay.take_over()

    [reset] = relay.told("reset")
    assert (reset["last"], reset["first"]) == (990_011, 1)


def test_an_owner_tells_what_a_dropped_batch_has_shown() -> None:
    relay = Relay(TRADE)
    relay.trades(5, 8)
    relay.take_over({TRADE: Mark(4)}, let_out=False)
    relay.expire()

    assert sorted(brief(record) for record in relay.told()) == [
        ("dropped", "expired", 5, 8, 2),
        ("exchange", None, 6, 7, 2),
    ]


def test_an_owner_that_is_overruled_has_told_once() -> None:
    relay = Relay(TRADE)
    relay.trades(1)
    relay.expire()
    relay.take_over()
    assert len(relay.told()) == 1
    relay.follow((TRADE, Mark(5)))
    relay.trades(6)
    relay.take_over()

    assert relay.told() == []
    assert [data["t"] for _, data in relay.out] == [6]


def test_nobody_is_told_of_what_nobody_wants_to_know() -> None:
    relay = Relay(TRADE, events=False)
    relay.trades(1, 2)
    relay.expire()
    relay.take_over()

    assert not relay.journal.losses
    assert relay.ownership.dropped == {"expired": 2}


@pytest.mark.parametrize(
    ("mark", "hole"),
    [
        (99, (100, 104, 5)),  # all of it
        (101, (102, 104, 3)),  # the owner had some of what is missing here
        (104, None),  # or everything
    ],
)
def test_a_hole_in_which_the_mark_lies_is_told_once(
    mark: int, hole: tuple[int, int, int] | None
) -> None:
    relay = Relay(TRADE)
    relay.trades(99, 105, 106)
    relay.take_over({TRADE: Mark(mark)})

    assert [data["t"] for _, data in relay.out] == [105, 106]
    expected = [] if hole is None else [("exchange", None, *hole)]
    assert [brief(record) for record in relay.told()] == expected
    assert relay.tally.missing == 5, "counted when it was seen, and not again"


def test_a_hole_before_anything_was_received_is_that_of_the_takeover() -> None:
    relay = Relay(TRADE)
    relay.trades(105, 108)
    relay.take_over({TRADE: Mark(101)})

    assert [brief(record) for record in relay.told()] == [
        ("takeover", None, 102, 104, 3),
        ("exchange", None, 106, 107, 2),
    ]
    assert relay.tally.missing == 5


def test_a_batch_that_a_mark_divides_tells_of_what_goes_on_only() -> None:
    relay = Relay(TRADE)
    relay.receive(*(wrap(TRADE, {"t": number}) for number in (90, 98, 99, 101, 103)))
    relay.take_over({TRADE: Mark(99)})

    assert [brief(record)[2:] for record in relay.told()] == [(100, 100, 1), (102, 102, 1)]


def test_an_interruption_before_events_that_the_owner_delivered_is_none_of_ours() -> None:
    relay = Relay(TRADE, TICKER)
    relay.receive(frame(TICKER, 0))
    relay.streams.interrupt([TICKER], Cut.DISCONNECTED, 500)
    relay.receive(frame(TICKER, 1), frame(TRADE, 0))
    relay.take_over(dict([at(TICKER, 1)]))

    assert [name for name, _ in relay.out] == [TRADE]
    assert relay.told() == []


@given(st.data())
def test_of_every_number_it_is_known_what_became_of_it(data: Any) -> None:
    """Delivered by the owner, passed on, or told to be missing; once, as long as it can be told how many."""
    top = 40
    relay = Relay(TRADE, size=data.draw(st.sampled_from([600, 1_500, 1 << 20])))
    came = data.draw(st.lists(st.integers(1, top), unique=True).map(sorted))
    mark = data.draw(st.integers(0, top))
    when = data.draw(st.integers(0, len(came)))
    words = data.draw(st.dictionaries(st.integers(0, top), st.integers(0, mark)))
    expiries = data.draw(st.sets(st.integers(0, top), max_size=3))
    heard = 0
    for position, number in enumerate(came):
        if position == when:
            relay.take_over({TRADE: Mark(mark)}, let_out=data.draw(st.booleans()))
        if position in words and position < when:
            heard = max(heard, words[position])
            relay.follow((TRADE, Mark(heard)))
        relay.trades(number)
        if position in expiries:
            relay.expire()
        if position > when and data.draw(st.booleans()):
            relay.let_out()
    if when == len(came):
        relay.take_over({TRADE: Mark(mark)})
    relay.let_out()

    passed = [each["t"] for _, each in relay.out]
    told = relay.told()
    told_of = {n for record in told for n in range(record["from"], record["to"] + 1)}
    missing = set(range(mark + 1, max(passed, default=0))) - set(passed)
    assert passed == sorted(passed)
    assert missing <= told_of <= set(range(mark + 1, top + 1))
    if all(record["missing"] is not None for record in told):
        assert sum(record["missing"] for record in told) == len(told_of - set(passed))

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamset_relay.core.silence import NOTHING_SEEN, Observation, Silence

FLOOR, FACTOR, LINK = 10.0, 5.0, 90.0
TICKER, SLOW, TRADE, DEPTH = "a@ticker", "a@markPrice", "a@trade", "a@depth"


class Line:
    """A connection: counts of events, and of frames of any kind."""

    def __init__(self, periods: Mapping[str, float | None]) -> None:
        self.silence = Silence(FLOOR, FACTOR, LINK)
        self.now = 1_000.0
        self.counts = dict.fromkeys(periods, 0)
        self.heard = 0
        self.periods = periods
        self.connect()

    def connect(self) -> None:
        self.heard = 0
        self.silence.start(self.now)
        self.silence.watch(self.periods, self.counts, self.now)

    def change(self, periods: Mapping[str, float | None]) -> None:
        self.periods = periods
        self.silence.watch(self.periods, self.counts, self.now)

    def look(self, after: float, *events: str, ping: bool = True) -> Observation:
        self.now += after
        for name in events:
            self.counts[name] = self.counts.get(name, 0) + 1
        self.heard += len(events) + ping
        return self.silence.look(self.counts, self.heard, self.now)


def shown(seen: Observation) -> dict[str, object]:
    """What there is to say: the fields that are not empty."""
    return {field: value for field, value in seen._asdict().items() if value}


def test_a_clock_driven_stream_is_silent_after_its_deadline_and_not_before() -> None:
    line = Line({TICKER: 1.0, SLOW: 3.0, TRADE: None})

    assert line.look(10.0).silent == set()
    first = line.look(0.5)
    assert shown(first) == {"silent": {TICKER}, "fell_silent": {TICKER}, "quiet": {TRADE}}
    assert line.look(4.5).silent == {TICKER}  # five periods of three seconds: not yet
    second = line.look(0.5)
    assert second.silent == {TICKER, SLOW}
    assert second.fell_silent == {SLOW}


def test_an_event_driven_stream_is_quiet_and_never_silent() -> None:
    line = Line({TRADE: None, DEPTH: None})
    line.look(1.0, TRADE, DEPTH)

    both = {TRADE, DEPTH}
    assert shown(line.look(10.5, DEPTH)) == {"active": both, "quiet": {TRADE}}
    for _ in range(50):
        assert shown(line.look(60.0)) == {"active": both, "quiet": both}
    assert line.look(0.0, TRADE).quiet == {DEPTH}


def test_a_stream_is_active_from_its_first_event_on() -> None:
    line = Line({TICKER: 1.0, TRADE: None})
    assert line.look(1.0).active == set()
    assert line.look(1.0, TRADE).active == {TRADE}
    assert line.look(20.0).active == {TRADE}

    line.connect()
    assert line.look(1.0).active == set()  # proven on the old connection only


def test_events_before_the_connection_prove_nothing() -> None:
    line = Line({TICKER: 1.0})
    line.look(1.0, *[TICKER] * 100)
    line.connect()

    seen = line.look(10.5)
    assert seen.active == set()
    assert seen.fell_silent == {TICKER}


def test_falling_silent_and_coming_back_are_told_once() -> None:
    line = Line({TICKER: 1.0, TRADE: None})
    line.look(1.0, TICKER, TRADE)
    assert line.look(10.5, TRADE).fell_silent == {TICKER}
    both = {TICKER, TRADE}
    assert shown(line.look(1.0, TRADE)) == {"active": both, "silent": {TICKER}}

    assert shown(line.look(1.0, TICKER)) == {"active": both, "resumed": {TICKER}}
    assert line.look(1.0, TICKER).resumed == set()
    assert line.look(10.5, TRADE).fell_silent == {TICKER}


def test_a_stream_added_later_has_its_own_deadline() -> None:
    line = Line({TICKER: 1.0})
    line.look(8.0, TICKER)

    line.change({TICKER: 1.0, "b@ticker": 1.0})

    assert line.look(9.0, TICKER).silent == set()
    assert line.look(1.5, TICKER).silent == {"b@ticker"}


def test_a_stream_that_is_taken_away_neither_falls_silent_nor_comes_back() -> None:
    line = Line({TICKER: 1.0, "b@ticker": 1.0, TRADE: None})
    assert line.look(10.5, TRADE).silent == {TICKER, "b@ticker"}

    line.change({"b@ticker": 1.0, TRADE: None})

    seen = line.look(1.0, "b@ticker", TRADE)
    assert seen.resumed == {"b@ticker"}
    assert seen.active == {"b@ticker", TRADE}
    assert line.look(1.0).fell_silent == set()


def test_a_stream_that_stays_keeps_what_was_seen_of_it() -> None:
    line = Line({TICKER: 1.0})
    line.look(1.0, TICKER)
    line.look(6.0)

    line.change({TICKER: 1.0, TRADE: None})

    assert line.look(4.5).silent == {TICKER}


def test_a_link_without_frame_and_ping_is_dead() -> None:
    line = Line({TRADE: None})
    line.look(1.0, TRADE)

    assert line.look(LINK, ping=False).stalled is None
    assert line.look(0.5, ping=False).stalled == "neither frame nor ping"
    assert line.look(0.0, ping=True).stalled is None
    line.look(LINK + 1.0, ping=False)
    line.connect()
    assert line.look(LINK, ping=False).stalled is None
    assert line.look(1.0, ping=False).stalled == "neither frame nor ping"


@pytest.mark.parametrize(
    ("periods", "before", "flowing", "stalled"),
    [
        ({TICKER: 1.0}, [], [], True),  # acknowledged, and never a thing came
        ({TICKER: 1.0}, [TICKER], [], True),
        ({TICKER: 1.0, TRADE: None}, [], [], True),
        ({TICKER: 1.0, TRADE: None}, [TICKER, TRADE], [], True),
        ({TICKER: 1.0, TRADE: None}, [TICKER], [], True),
        ({TICKER: 1.0, TRADE: None}, [TRADE], [], False),  # a misspelt ticker, and nobody trades
        ({TICKER: 1.0, TRADE: None}, [TICKER, TRADE], [TRADE], False),
        ({TICKER: 1.0, "b@ticker": 1.0}, [TICKER, "b@ticker"], ["b@ticker"], False),
        ({TICKER: 1.0, "b@ticker": 1.0}, ["b@ticker"], [], True),
        ({TRADE: None, DEPTH: None}, [], [], False),
        ({TRADE: None, DEPTH: None}, [TRADE, DEPTH], [], False),
        ({}, [], [], False),
    ],
)
def test_a_connection_stalls_when_nothing_flows_and_what_did_flow_is_overdue(
    periods: dict[str, float | None], before: list[str], flowing: list[str], stalled: bool
) -> None:
    line = Line(periods)
    line.look(1.0, *before)

    assert line.look(10.5, *flowing).stalled == ("no data" if stalled else None)


def test_a_connection_is_not_stalled_while_a_new_stream_may_still_come() -> None:
    line = Line({TICKER: 1.0})
    line.look(1.0, TICKER)
    line.look(9.0)
    line.change({TICKER: 1.0, TRADE: None})

    assert line.look(1.5).stalled is None
    assert line.look(9.0).stalled == "no data"


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.tuples(
            st.floats(0.0, 30.0), st.lists(st.sampled_from([TICKER, SLOW, TRADE])), st.booleans()
        ),
        max_size=30,
    )
)
def test_looks_agree_with_the_time_of_the_last_event(
    steps: list[tuple[float, list[str], bool]],
) -> None:
    periods: dict[str, float | None] = {TICKER: 1.0, SLOW: 3.0, TRADE: None}
    line = Line(periods)
    seen_at = dict.fromkeys(periods, line.now)
    heard_at = line.now
    silent: frozenset[str] = frozenset()
    for pause, events, ping in steps:
        seen = line.look(pause, *events, ping=ping)

        seen_at.update(dict.fromkeys(events, line.now))
        heard_at = line.now if events or ping else heard_at
        ages = {name: line.now - at for name, at in seen_at.items()}
        assert seen.silent == {
            name for name, limit in ((TICKER, FLOOR), (SLOW, FACTOR * 3.0)) if ages[name] > limit
        }
        assert seen.quiet == ({TRADE} if ages[TRADE] > FLOOR else set())
        assert seen.fell_silent == seen.silent - silent
        assert seen.resumed == silent - seen.silent
        assert (seen.stalled == "neither frame nor ping") == (line.now - heard_at > LINK)
        silent = seen.silent


def test_before_the_first_look_nothing_is_known() -> None:
    assert not any(NOTHING_SEEN[:5])
    assert NOTHING_SEEN.stalled is None


def test_counts_that_come_from_elsewhere_are_no_events() -> None:
    line = Line({TICKER: 1.0, TRADE: None})
    line.look(1.0, TICKER)
    line.counts = {TICKER: 70, TRADE: 900}
    line.silence.recount(line.counts)
    assert line.look(1.0).active == {TICKER}
    assert line.look(FLOOR).silent == {TICKER}
    assert line.look(1.0, TRADE, TICKER).active == {TICKER, TRADE}

"""How far a relay has come: what a mark says of an event, and on which side of it another one lies."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamset_relay.core.batch import Batch
from streamset_relay.core.marks import Mark, Tracker, Watershed, mark_of
from streamset_relay.core.stream import Streams

from .frames import TRADE, sort, streams_of, wrap

TICKER = "btcusdt@ticker"
NAMES = (TRADE, TICKER, "!miniTicker@arr")
MS, US = 1_700_000_000_123, 1_700_000_000_123_456


def ticker(time: int, close: str = "1.0") -> bytes:
    return wrap(TICKER, {"E": time, "c": close})


def batch_of(frames: Sequence[bytes], streams: Streams | None = None) -> Batch:
    found = sort(*frames, streams=streams or streams_of(*NAMES))
    return Batch(0, 0.0, found.messages, found.size)


def marked(frame: bytes, name: str = TICKER) -> Mark:
    """The mark that an event leaves."""
    ((stream, payload, _),) = batch_of([frame]).messages
    assert stream.name == name
    mark = mark_of(stream, payload)
    assert mark is not None
    return mark


def held_beyond(mark: Mark, *frames: bytes) -> list[bytes]:
    """What is left of these events while they are held, and then let out."""
    watershed = Watershed()
    watershed.advance({TICKER: mark})
    batches = watershed.cut([batch_of([frame]) for frame in frames])
    left = [watershed.beyond(batch)[0] for batch in batches]
    return [frame_of(batch) for batch in left if batch is not None]


def came_beyond(mark: Mark, *frames: bytes) -> list[bytes]:
    """What is left of these events when they come after the takeover."""
    watershed = Watershed()
    watershed.advance({TICKER: mark})
    left = [watershed.beyond(batch_of([frame]))[0] for frame in frames]
    return [frame_of(batch) for batch in left if batch is not None]


def frame_of(batch: Batch) -> bytes:
    ((stream, payload, _),) = batch.messages
    return b'%b","data":%b}' % (stream.head, payload)


Beyond = Callable[..., list[bytes]]
WAYS = pytest.mark.parametrize("beyond", [held_beyond, came_beyond], ids=["held", "later"])


@given(st.binary(max_size=80), st.integers(0, 200), st.sampled_from(NAMES))
def test_a_mark_is_made_of_whatever_bytes(noise: bytes, at: int, name: str) -> None:
    stream = streams_of(*NAMES).get(name)
    event = b'[{"E":9,"t":5,"c":"x"}]' if name.startswith("!") else b'{"E":9,"t":5,"c":"x"}'
    for payload in (noise, event[:at] + noise + event[at:], event[:at] + noise):
        mark = mark_of(stream, payload)
        assert (mark is None) <= stream.numbered


@pytest.mark.parametrize("name", NAMES)
def test_bad_utf8_in_an_event_shows_nothing(name: str) -> None:
    stream = streams_of(*NAMES).get(name)
    for payload in (b'{"\xff":1}', b'[{"\xff":1}]'):
        mark = mark_of(stream, payload)
        assert mark is None if stream.numbered else mark is not None and mark.time == 0


@WAYS
@pytest.mark.parametrize(("mark", "unit"), [(MS, US), (US, MS)], ids=["to us", "to ms"])
def test_another_unit_of_time_takes_nothing_and_doubles_nothing(
    beyond: Beyond, mark: int, unit: int
) -> None:
    """Each event once a second; the payloads differ in their times, so that no hash is the same."""
    second = 1_000 if unit == MS else 1_000_000
    events = [ticker(unit + n * second) for n in range(-2, 3)]
    assert beyond(marked(ticker(mark)), *events) == events[3:]


@WAYS
def test_of_two_events_in_a_millisecond_one_is_the_marked_one_in_another_unit(
    beyond: Beyond,
) -> None:
    """Which of them it is, nobody can tell: the second comes again rather than not at all."""
    first, second = ticker(US, "1.0"), ticker(US + 5, "2.0")
    assert beyond(marked(ticker(MS, "2.0")), first, second) == [second]


@WAYS
@pytest.mark.parametrize("time", [MS, US])
def test_an_event_of_the_same_time_is_not_the_marked_one(beyond: Beyond, time: int) -> None:
    """`!forceOrder@arr` has several a millisecond. The follower may have come in between."""
    mark = marked(ticker(time, "1.0"))
    assert beyond(mark, ticker(time, "2.0")) == [ticker(time, "2.0")]
    assert beyond(mark, ticker(time, "1.0"), ticker(time, "2.0")) == [ticker(time, "2.0")]


def test_the_marked_event_is_known_after_one_of_the_same_time() -> None:
    other, own, later = ticker(MS, "2.0"), ticker(MS, "1.0"), ticker(MS + 1)
    assert held_beyond(marked(own), other, own, later) == [later]
    assert came_beyond(marked(own), other, own, later) == [other, later]


def test_marks_of_streams_that_nobody_knows_of_make_none() -> None:
    streams, watershed = streams_of(TRADE, TICKER), Watershed()
    watershed.advance({TRADE: Mark(5), "ethusdt@trade": Mark(5)})
    watershed.forget(streams)
    assert [(stream.name, stream.last) for stream in streams] == [(TRADE, 5), (TICKER, -1)]


def test_what_a_relay_took_over_from_is_its_mark_until_an_event_goes_on() -> None:
    streams = streams_of(TRADE, TICKER)
    origin = marked(ticker(MS))
    tracker = Tracker(streams, {TICKER: origin, "ethusdt@ticker": Mark(5, 6)})
    assert tracker.marks(all_passed=True) == {TICKER: origin}
    tracker.track(batch_of([ticker(MS + 1)], streams).messages, numbered=False)
    assert tracker.marks(all_passed=True) == {TICKER: marked(ticker(MS + 1))}
    assert Tracker(streams, {}).marks(all_passed=True) == {}


def test_numbers_of_what_has_not_gone_on_are_no_mark() -> None:
    streams = streams_of(TRADE)
    tracker = Tracker(streams, {})
    first, _ = (batch_of([wrap(TRADE, {"t": t})], streams) for t in (5, 6))
    assert tracker.marks(all_passed=False) == {}
    tracker.track(first.messages, numbered=True)
    assert tracker.marks(all_passed=False) == {TRADE: Mark(5)}
    assert tracker.marks(all_passed=True) == {TRADE: Mark(6)}


def test_streams_that_are_not_remembered_leave_nothing_behind() -> None:
    """Names come from outside: what is kept of them is bounded."""
    streams = streams_of(TICKER)
    tracker = Tracker(streams, {})
    foreign = streams_of("ethusdt@ticker")
    messages = batch_of([wrap("ethusdt@ticker", {"E": MS})], foreign).messages
    tracker.track(messages, numbered=True)
    assert tracker.marks(all_passed=True) == {}

"""What the numbers say, by the rules of each channel: first the checks alone, then whole streams."""

from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamset_api.market import Market
from streamset_relay.core.sequence import (
    RESET,
    UNKNOWN,
    Gap,
    Reset,
    chained,
    contiguous,
    ordered,
    ranged,
)

from .frames import RECORDED, TRADE, recorded_frames, sort, streams_of, wrap


class Event(NamedTuple):
    identity: int
    first: int = 0
    previous: int = 0


@pytest.mark.parametrize(
    ("last", "number", "verdict"),
    [
        *((-1, 0, 0), (-1, 7, 0), (7, 8, 0), (7, 9, 1), (7, 107, 99)),
        *((7, 7, RESET), (7, 6, RESET), (7, 0, RESET), (0, 1, 0), (0, 2, 1), (0, 0, RESET)),
    ],
)
def test_trades_follow_one_by_one(last: int, number: int, verdict: int) -> None:
    assert contiguous(last, Event(number)) == verdict


@pytest.mark.parametrize(
    ("last", "first", "number", "verdict"),
    [
        (-1, 157, 160, 0),
        (160, 161, 165, 0),
        (160, 161, 161, 0),
        (160, 163, 165, 2),
        (160, 160, 165, 0),  # an overlap
        (160, 150, 161, 0),
        (160, 157, 160, RESET),  # a repetition
        (160, 100, 120, RESET),
        (160, 1, 3, RESET),
    ],
)
def test_spot_diffs_cover_ranges(last: int, first: int, number: int, verdict: int) -> None:
    assert ranged(last, Event(number, first=first)) == verdict


@pytest.mark.parametrize(
    ("last", "previous", "number", "verdict"),
    [
        (-1, 149, 160, 0),
        (160, 160, 185, 0),  # numbers in between are used by nobody
        (160, 170, 185, UNKNOWN),
        (160, 150, 185, 0),  # an overlap
        (160, 149, 160, RESET),
        (160, 149, 155, RESET),
        (160, 1, 3, RESET),
    ],
)
def test_futures_diffs_name_the_one_before(
    last: int, previous: int, number: int, verdict: int
) -> None:
    assert chained(last, Event(number, previous=previous)) == verdict


@pytest.mark.parametrize(
    ("last", "number", "verdict"),
    [(-1, 0, 0), (5, 6, 0), (5, 500, 0), (5, 5, RESET), (5, 4, RESET)],
)
def test_books_only_grow(last: int, number: int, verdict: int) -> None:
    assert ordered(last, Event(number)) == verdict


class Kind(NamedTuple):
    """A channel, its market, and what its event looks like: numbers → JSON."""

    market: Market
    stream: str
    event: Any
    counted: bool | None
    """Whether a gap says how many are missing; None where gaps cannot be seen."""


KINDS = (
    Kind(Market.SPOT, TRADE, lambda _, n: {"e": "trade", "t": n}, True),
    Kind(Market.USDM, "btcusdt@aggTrade", lambda _, n: {"a": n, "f": 5, "l": 9}, True),
    Kind(Market.SPOT, "btcusdt@depth", lambda last, n: {"U": last + 1, "u": n}, True),
    Kind(Market.USDM, "btcusdt@depth@100ms", lambda last, n: {"U": n, "u": n, "pu": last}, False),
    Kind(Market.SPOT, "btcusdt@blockTrade", lambda _, n: {"t": n}, None),
    Kind(Market.SPOT, "btcusdt@bookTicker", lambda _, n: {"u": n}, None),
    Kind(Market.SPOT, "btcusdt@depth20@100ms", lambda _, n: {"lastUpdateId": n}, None),
    Kind(Market.USDM, "btcusdt@depth20", lambda last, n: {"U": n, "u": n, "pu": last}, None),
)
STEPPING = {TRADE, "btcusdt@aggTrade"}


def numbers_of(kind: Kind, steps: list[int], start: int = 1_000) -> list[int]:
    """Growing numbers; channels that count every event take steps of one."""
    numbers = [start]
    for step in steps:
        numbers.append(numbers[-1] + (1 if kind.stream in STEPPING else step))
    return numbers


def frames_of(kind: Kind, numbers: list[int]) -> list[bytes]:
    pairs = zip([numbers[0] - 1, *numbers], numbers, strict=False)
    return [wrap(kind.stream, kind.event(last, number)) for last, number in pairs]


@settings(deadline=None, max_examples=100)
@given(
    st.sampled_from(KINDS),
    st.lists(st.integers(1, 5), max_size=25),
    st.sets(st.integers(1, 24)),
    st.integers(1, 7),
)
def test_each_run_of_lost_events_is_one_gap(
    kind: Kind, steps: list[int], lost: set[int], chunk: int
) -> None:
    numbers = numbers_of(kind, steps)
    frames = frames_of(kind, numbers)
    arrived = [at for at in range(len(frames)) if at not in lost]
    streams = streams_of(kind.stream, market=kind.market)

    gaps: list[Gap] = []
    messages = 0
    for start in range(0, len(arrived), chunk):
        found = sort(*(frames[at] for at in arrived[start : start + chunk]), streams=streams)
        assert not found.resets
        gaps += found.gaps
        messages += len(found.messages)

    holes = [] if kind.counted is None else [(a, b) for a, b in pairwise(arrived) if b > a + 1]
    expected = [
        Gap(
            kind.stream,
            numbers[a] + 1,
            numbers[b - 1],
            numbers[b - 1] - numbers[a] if kind.counted else None,
        )
        for a, b in holes
    ]
    assert gaps == expected
    assert messages == len(arrived)
    stream = streams.get(kind.stream)
    assert stream.gaps == len(expected)
    assert stream.missing == sum(gap.missing or 0 for gap in expected)


@settings(deadline=None, max_examples=100)
@given(
    st.sampled_from(KINDS),
    st.lists(st.integers(1, 5), min_size=1, max_size=12),
    st.lists(st.integers(1, 5), max_size=12),
    st.integers(1, 900),
)
def test_numbers_that_start_again_are_one_reset_and_lose_nothing(
    kind: Kind, before: list[int], after: list[int], start: int
) -> None:
    old = frames_of(kind, numbers_of(kind, before))
    new = frames_of(kind, numbers_of(kind, after, start))
    streams = streams_of(kind.stream, market=kind.market)

    found = sort(*old, *new, streams=streams)

    assert [(reset.stream, reset.last) for reset in found.resets] == [
        (kind.stream, numbers_of(kind, before)[-1])
    ]
    assert streams.get(kind.stream).resets == 1
    assert found.gaps == []
    assert len(found.messages) == len(old) + len(new)
    repeated = numbers_of(kind, after, start)[-1]
    assert sort(new[-1], streams=streams).resets == [Reset(kind.stream, repeated, repeated)]


def test_after_a_reset_gaps_are_seen_again() -> None:
    found = sort(*(wrap(TRADE, {"t": number}) for number in (500, 3, 4, 8)))

    assert found.resets == [Reset(TRADE, 500, 3)]
    assert found.gaps == [Gap(TRADE, 5, 7, 3)]


def test_streams_are_checked_apart() -> None:
    streams = streams_of(TRADE, "ethusdt@trade")
    numbers = [(TRADE, 1), ("ethusdt@trade", 900), (TRADE, 2), ("ethusdt@trade", 902)]

    found = sort(*(wrap(name, {"t": number}) for name, number in numbers), streams=streams)

    assert found.gaps == [Gap("ethusdt@trade", 901, 901, 1)]
    assert found.resets == []


@pytest.mark.parametrize("chunk", [1, 7, 2_000])
def test_the_recorded_session_has_no_gap_and_no_reset(chunk: int) -> None:
    streams = streams_of(*RECORDED)
    frames = recorded_frames()

    for start in range(0, len(frames), chunk):
        found = sort(*frames[start : start + chunk], streams=streams)
        assert (found.gaps, found.resets) == ([], [])

    assert [streams.get(name).received for name in RECORDED] == [419, 441, 1_140]


def test_the_recorded_session_twice_is_one_reset_per_stream() -> None:
    streams = streams_of(*RECORDED)

    found = sort(*recorded_frames(), *recorded_frames(), streams=streams)

    assert sorted(reset.stream for reset in found.resets) == sorted(RECORDED)
    assert found.gaps == []
    assert len(found.messages) == 4_000


def test_frames_taken_out_of_the_recorded_session_are_missed() -> None:
    frames = [frame for frame in recorded_frames() if b"@trade" in frame]
    found = sort(*frames[:100], *frames[107:])

    (gap,) = found.gaps
    assert (gap.missing, gap.last - gap.first) == (7, 6)

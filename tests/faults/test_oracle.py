"""The oracle sees what is missing, doubled, inverted or made up; otherwise the whole matrix would prove nothing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults.oracle import Content, Numbers, common, judge, merged, size
from tests.faults.report import Line, markdown, percentile
from tests.support.jetstream import administration
from tests.support.nats_server import NatsServer

pytestmark = pytest.mark.oracle

TRADES, TICKER = "btcusdt@trade", "btcusdt@ticker"
SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 8)).map(lambda s: (s[0], sum(s))))


@given(st.lists(st.integers(0, 40)))
def test_numbers_are_those_that_were_added(added: list[int]) -> None:
    numbers = Numbers()
    for number in added:
        numbers.add(number)
    assert numbers.count == len(added)
    assert _spelled(numbers.spans()) == set(added)
    assert numbers.doubled == len(added) - len(set(added))


@given(st.lists(st.integers(0, 40), unique=True))
def test_those_behind_a_later_one_are_reordered(added: list[int]) -> None:
    numbers = Numbers()
    for number in added:
        numbers.add(number)
    behind = [n for at, n in enumerate(added) if any(before > n for before in added[:at])]
    assert numbers.reordered == len(behind)
    assert numbers.doubled == 0


@given(SPANS, SPANS)
def test_what_two_have_in_common(left: list[tuple[int, int]], right: list[tuple[int, int]]) -> None:
    one, other = merged(left), merged(right)
    assert _spelled(one) == _spelled(left)
    assert size(one) == len(_spelled(left))
    assert common(one, other) == len(_spelled(left) & _spelled(right))


def test_all_that_was_sent_is_stored() -> None:
    verdict = judge(sent((1, 10)), content(range(1, 11)), dropped=0, reported=0)
    assert (verdict.generated, verdict.sent, verdict.stored) == (10, 10, 10)
    assert (verdict.hole, verdict.cut, verdict.lost, verdict.doubled, verdict.foreign) == (0,) * 5


def test_one_that_nobody_spoke_of_is_lost() -> None:
    stored = content([1, 2, 3, 5, 6])
    assert judge(sent((1, 6)), stored, dropped=0, reported=0).lost == 1
    assert judge(sent((1, 6)), stored, dropped=1, reported=0).lost == 0
    assert judge(sent((1, 6)), content([]), dropped=0, reported=0).lost == 6


def test_the_last_one_is_lost_unless_the_relay_had_stopped_by_then() -> None:
    stored = content([1, 2, 3])
    assert judge(sent((1, 4)), stored, dropped=0, reported=0).lost == 1
    assert judge(sent((1, 4)), stored, dropped=0, reported=0, open_end=True).lost == 0


def test_a_hole_has_to_be_reported_to_the_event() -> None:
    streams, stored = sent((1, 3), (7, 9)), content([1, 2, 3, 7, 8, 9])
    verdict = judge(streams, stored, dropped=0, reported=3)
    assert (verdict.hole, verdict.cut, verdict.lost) == (3, 0, 0)
    assert judge(streams, stored, dropped=0, reported=2).lost == 1
    assert judge(streams, stored, dropped=0, reported=4).lost == -1


def test_what_was_sent_and_is_reported_missing_broke_off() -> None:
    verdict = judge(sent((1, 3), (7, 9)), content([1, 2, 7, 8, 9]), dropped=0, reported=4)
    assert (verdict.hole, verdict.cut, verdict.lost) == (3, 1, 0)


def test_doubled_inverted_and_made_up() -> None:
    verdict = judge(sent((1, 5)), content([1, 3, 2, 4, 4, 5, 1, 9]), dropped=0, reported=0)
    assert (verdict.doubled, verdict.reordered, verdict.foreign) == (2, 1, 1)


def test_streams_without_numbers_are_compared_by_count() -> None:
    stored = Content()
    for number in (1, 2, 2, 3):
        stored.take(_envelope(TICKER, b'"E":1'), b"NATS/1.0\r\nNats-Msg-Id: %d\r\n\r\n" % number)
    streams = {TICKER: {"count": 4, "first": 0, "last": 0, "runs": [], "forgotten_runs": 0}}
    verdict = judge(streams, stored, dropped=0, reported=0)
    assert (verdict.stored, verdict.lost, verdict.doubled) == (3, 1, 1)


async def test_a_message_that_is_taken_out_of_a_stream_is_missed() -> None:
    """Read in two goes, the first of which is purged from the server afterwards."""
    async with NatsServer(jetstream=True) as server, administration(server.url) as js:
        await js.add_stream(name="S", subjects=["s"])
        read = Content()
        for number in range(1, 101):
            await js.publish("s", _envelope(TRADES, b'"t":%d,"p":"1"' % number))
            if number == 50:
                await read.read(server.url, "S")
                assert read.count == 50
                await js.purge_stream("S", seq=40)
        await js.delete_msg("S", 77)
        await read.read_with(js, server.url, "S")
        assert judge(sent((1, 100)), read, dropped=0, reported=0).lost == 1


def test_the_table() -> None:
    line = Line(
        "1", "killed", 2, 7, 4_000.0, 10, 9, 0, {"expired": 1}, 0, 0, 0, 0, 60.0, (0.1, 3.0)
    )
    both = line + line
    assert (both.injections, both.received, both.dropped) == (4, 20, {"expired": 2})
    assert "| 1 | killed | 2 | 4,000 | 10 | 9 | 0 | expired 1 |" in markdown([line], 3_000)
    assert "0.10 / 3.00" in markdown([line], 3_000)
    assert percentile(range(1, 101), 0.95) == 95


def sent(*runs: tuple[int, int]) -> dict[str, Any]:
    """What the exchange says of trades that it sent in these stretches."""
    told = [{"first": a, "last": b, "count": b - a + 1} for a, b in runs]
    count = sum(run["count"] for run in told)
    ends = {"first": runs[0][0], "last": runs[-1][1]}
    return {TRADES: {"count": count, **ends, "runs": told, "forgotten_runs": 0}}


def content(numbers: Any) -> Content:
    """A stream that holds these trades, in that order."""
    stored = Content()
    for number in numbers:
        stored.take(_envelope(TRADES, b'"t":%d,"p":"1"' % number), b"")
    return stored


def _envelope(stream: str, data: bytes) -> bytes:
    return b'{"stream":"%b","data":{%b}}' % (stream.encode(), data)


def _spelled(spans: Any) -> set[int]:
    return {number for first, last in spans for number in range(first, last + 1)}

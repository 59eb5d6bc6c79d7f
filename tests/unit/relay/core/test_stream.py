import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamset_api.buffer import ChannelOverflow
from streamset_api.enums import Overflow
from streamset_api.market import Market
from streamset_api.relay_config import BufferConfig, RelayConfig
from streamset_relay.core.stream import UNPLANNED_LIMIT, Streams

from .frames import TRADE, sort, streams_of, wrap

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


@settings(deadline=None, max_examples=200)
@given(NAMES)
def test_the_fixed_parts_are_those_of_the_name(name: str) -> None:
    stream = streams_of(name).get(name)

    assert json.loads(stream.head + b'"}') == {"stream": name}
    assert json.loads(stream.opening + b"null}") == {"stream": name, "data": None}
    assert stream.publish.startswith(b"PUB ")
    assert stream.publish.count(b" ") == 2


@settings(deadline=None, max_examples=50)
@given(st.lists(NAMES, unique=True, max_size=8))
def test_each_name_has_its_own_stream(names: list[str]) -> None:
    streams = streams_of(*names)

    assert [stream.name for stream in streams] == names
    assert len(streams.by_head) == len(names)
    assert all(streams.by_head[streams.get(name).head] is streams.get(name) for name in names)


@pytest.mark.parametrize(
    ("market", "name", "subject"),
    [
        (Market.SPOT, "btcusdt@depth20@100ms", "spot.btcusdt.depth20=100ms"),
        (Market.USDM, "!miniTicker@arr", "usdm._all.miniTicker=arr"),
        (Market.USDM, "tradingSession", "usdm._all.tradingSession"),
        (Market.SPOT, "币@trade", "spot.%E5%B8%81.trade"),
        (Market.SPOT, "a b.c\r\n>@*", "spot.a%20b%2Ec%0D%0A%3E.%2A"),
    ],
)
def test_the_subject_is_rendered_once(market: Market, name: str, subject: str) -> None:
    streams = streams_of(market=market, subject="{market}.{symbol}.{channel}")

    assert streams.get(name).publish == f"PUB {subject} ".encode()


def test_the_policy_of_the_buffer_comes_with_the_channel() -> None:
    book = ChannelOverflow(channel="depth20@100ms", overflow=Overflow.DROP_OLDEST)
    tickers = ChannelOverflow(channel="bookTicker", overflow=Overflow.DROP_OLDEST)
    config = RelayConfig(streams=(TRADE,), buffer=BufferConfig(channels=(book, tickers)))
    streams = Streams(config)

    names = [TRADE, "x@depth20@100ms", "x@depth20", "x@bookTicker", "!bookTicker"]
    oldest = [streams.get(name).overflow is Overflow.DROP_OLDEST for name in names]
    assert oldest == [False, True, False, True, True]


def test_a_changed_plan_keeps_what_stays_and_forgets_what_goes() -> None:
    streams = streams_of("a@trade", "b@trade")
    kept = streams.get("b@trade")
    sort(wrap("a@trade", {"t": 5}), wrap("b@trade", {"t": 5}), streams=streams)

    streams.plan(["b@trade", "c@trade"])

    assert [stream.name for stream in streams] == ["b@trade", "c@trade"]
    assert streams.get("b@trade") is kept
    assert kept.last == 5
    assert sort(wrap("b@trade", {"t": 7}), streams=streams).gaps
    streams.plan(["a@trade"])
    assert not sort(wrap("a@trade", {"t": 99}), streams=streams).gaps  # it starts afresh


def test_a_stream_nobody_planned_is_remembered_and_may_be_planned_later() -> None:
    streams = streams_of(TRADE)
    found = sort(wrap("x@trade", {"t": 1}), wrap("x@trade", {"t": 3}), streams=streams)

    assert len(found.gaps) == 1
    stream = streams.get("x@trade")
    streams.plan([TRADE, "x@trade"])
    assert streams.get("x@trade") is stream
    assert stream.received == 2


def test_a_stream_that_comes_back_has_no_gap_where_it_was_not_wanted() -> None:
    streams = streams_of(TRADE, "x@trade")
    streams.plan([TRADE])
    sort(wrap("x@trade", {"t": 5}), streams=streams)  # was on its way when it was dropped

    streams.plan([TRADE, "x@trade"])

    assert not sort(wrap("x@trade", {"t": 900}), streams=streams).gaps
    assert sort(wrap("x@trade", {"t": 902}), streams=streams).gaps


def test_names_from_outside_are_remembered_up_to_a_limit_and_relayed_beyond_it() -> None:
    streams = streams_of(TRADE)
    frames = [wrap(f"s{n}@trade", {"t": n}) for n in range(UNPLANNED_LIMIT + 50)]

    found = sort(*frames, streams=streams)

    assert len(found.messages) == len(frames)
    assert len(list(streams)) == len(streams.by_head) == UNPLANNED_LIMIT + 1
    assert sort(wrap(TRADE, {"t": 1}), streams=streams).messages[0][0] is streams.get(TRADE)

    planned = [f"p{n}@trade" for n in range(100)]
    streams.plan(planned)  # what is planned always has room
    assert {stream.name for stream in streams} >= set(planned)
    assert len(streams.by_head) == UNPLANNED_LIMIT + 100


def test_unchecked_streams_are_of_the_same_kind_and_count_for_themselves() -> None:
    streams = streams_of(TRADE, subject="x.{symbol}")
    sort(wrap(TRADE, {"t": 1}), streams=streams)
    aside = streams.unchecked()

    found = sort(wrap(TRADE, {"t": 9}), wrap(TRADE, {"t": 3}), streams=aside)

    assert (found.gaps, found.resets) == ([], [])
    assert [identity for _, _, identity in found.messages] == [9, 3]
    own, other = streams.get(TRADE), aside.get(TRADE)
    assert (own.received, own.last, other.received) == (1, 1, 2)
    assert (own.publish, own.message_id) == (other.publish, other.message_id)


def test_subjects_are_those_of_the_planned_streams() -> None:
    streams = streams_of(TRADE, "btcusdt@ticker", subject="x.{symbol}")
    streams.plan([TRADE, "ethusdt@trade"])
    streams.get("strayusdt@trade")

    assert streams.subjects() == {"x.btcusdt", "x.ethusdt"}

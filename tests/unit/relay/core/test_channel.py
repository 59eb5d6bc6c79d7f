import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamset_api.market import Market
from streamset_relay.core import sequence
from streamset_relay.core.channel import Channel, channel_of

SPOT = (Market.SPOT, Market.SPOT_DATA, Market.US, Market.SPOT_TESTNET)
FUTURES = (Market.USDM, Market.COINM, Market.USDM_TESTNET, Market.COINM_TESTNET)

# One event with a different number in every field that numbers something.
EVERYTHING = {"t": 1, "a": 2, "U": 3, "u": 4, "pu": 5, "lastUpdateId": 6, "E": 7, "k": {"t": 8}}


def number_of(channel: Channel) -> int | None:
    if not channel.numbered:
        return None
    event: Any = msgspec.json.decode(json.dumps(EVERYTHING).encode(), type=channel.event)
    assert event.event_time == 7
    identity: int = event.identity
    return identity


@pytest.mark.parametrize(
    ("stream", "spot", "futures"),
    [
        ("btcusdt@trade", (1, sequence.contiguous), (1, sequence.contiguous)),
        ("btcusdt@blockTrade", (1, sequence.ordered), (1, sequence.ordered)),
        ("btcusdt@aggTrade", (2, sequence.contiguous), (2, sequence.contiguous)),
        ("btcusdt@bookTicker", (4, sequence.ordered), (4, sequence.ordered)),
        ("btcusdt@depth", (4, sequence.ranged), (4, sequence.chained)),
        ("btcusdt@depth@100ms", (4, sequence.ranged), (4, sequence.chained)),
        ("btcusdt@depth@0ms", (4, sequence.ranged), (4, sequence.chained)),
        ("btcusdt@depth5", (6, sequence.ordered), (4, sequence.ordered)),
        ("btcusdt@depth10@100ms", (6, sequence.ordered), (4, sequence.ordered)),
        ("btcusdt@depth20@100ms", (6, sequence.ordered), (4, sequence.ordered)),
        ("币安人生usdt@trade", (1, sequence.contiguous), (1, sequence.contiguous)),
        ("btcusdt@kline_1m", (None, None), (None, None)),
        ("btcusdt@kline_1s@+08:00", (None, None), (None, None)),
        ("btcusdt@ticker", (None, None), (None, None)),
        ("btcusdt@markPrice@1s", (None, None), (None, None)),
        ("btcusdt@referencePrice", (None, None), (None, None)),
        ("btcusdt@forceOrder", (None, None), (None, None)),
        ("btcusdt@rpiDepth@500ms", (None, None), (None, None)),
        ("btcusdt@depthful", (None, None), (None, None)),
        ("btcusdt@Trade", (None, None), (None, None)),
        ("!bookTicker", (None, None), (None, None)),
        ("!trade@arr", (None, None), (None, None)),
        ("!miniTicker@arr", (None, None), (None, None)),
        ("tradingSession", (None, None), (None, None)),
        ("trade", (None, None), (None, None)),
    ],
)
def test_the_name_decides_what_numbers_an_event(
    stream: str,
    spot: tuple[int | None, sequence.Check | None],
    futures: tuple[int | None, sequence.Check | None],
) -> None:
    for market in Market:
        channel = channel_of(market, stream)
        assert (number_of(channel), channel.check) == (futures if market in FUTURES else spot)


@pytest.mark.parametrize(
    ("stream", "spot", "futures"),
    [
        ("btcusdt@ticker", 1.0, 2.0),
        ("btcusdt@ticker_1h", 1.0, None),
        ("btcusdt@ticker_4h", 1.0, None),
        ("btcusdt@ticker_1d", 1.0, None),
        ("btcusdt@miniTicker", 1.0, 1.0),
        ("btcusdt@avgPrice", 1.0, 1.0),
        ("btcusdt@markPrice", None, 3.0),
        ("btcusdt@markPrice@1s", None, 3.0),
        ("!miniTicker@arr", 1.0, 1.0),
        ("!ticker_1h@arr", 1.0, None),
        ("!ticker@arr", 1.0, 2.0),
        ("!markPrice@arr", None, 3.0),
        ("!markPrice@arr@1s", None, 3.0),
        *((f"btcusdt@{kind}", None, None) for kind in ("trade", "depth", "bookTicker", "kline_1m")),
        *((name, None, None) for name in ("!forceOrder@arr", "!bookTicker", "!contractInfo")),
    ],
)
def test_only_what_ticks_by_the_clock_has_a_period(
    stream: str, spot: float | None, futures: float | None
) -> None:
    for market in Market:
        assert channel_of(market, stream).period == (futures if market in FUTURES else spot)


def test_every_market_has_a_table() -> None:
    assert {*SPOT, *FUTURES} == {*Market}


@given(st.sampled_from(Market), st.text())
def test_any_name_has_a_channel(market: Market, name: str) -> None:
    channel = channel_of(market, name)

    assert channel.numbered == (channel.check is not None)
    assert channel.period is None or channel.period > 0
    assert not (channel.numbered and channel.period)

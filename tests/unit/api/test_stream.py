"""Names of streams."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamset_api.errors import InvalidValueError
from streamset_api.market import Market
from streamset_api.stream import accept, is_unicode, kind, normalise, parse, retired, unite
from tests.unit.api import strategies


@pytest.mark.parametrize(
    ("written", "name", "symbol", "channel"),
    [
        ("btcusdt@trade", "btcusdt@trade", "btcusdt", "trade"),
        (" BTCUSDT@aggTrade ", "btcusdt@aggTrade", "btcusdt", "aggTrade"),
        ("BTCUSDT@depth20@100ms", "btcusdt@depth20@100ms", "btcusdt", "depth20@100ms"),
        ("btcusdt@kline_1M", "btcusdt@kline_1M", "btcusdt", "kline_1M"),
        ("btcusdt@kline_1d@+08:00", "btcusdt@kline_1d@+08:00", "btcusdt", "kline_1d@+08:00"),
        ("币安人生USDT@trade", "币安人生usdt@trade", "币安人生usdt", "trade"),
        ("BTCUSD_PERP@trade", "btcusd_perp@trade", "btcusd_perp", "trade"),
        ("!miniTicker@arr", "!miniTicker@arr", "", "miniTicker@arr"),
        ("!ticker_1h@arr", "!ticker_1h@arr", "", "ticker_1h@arr"),
        ("!bookTicker", "!bookTicker", "", "bookTicker"),
        ("tradingSession", "tradingSession", "", "tradingSession"),
    ],
)
def test_names_are_taken_apart(written: str, name: str, symbol: str, channel: str) -> None:
    assert parse(written) == (name, symbol, channel)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            " ",
            "btcusdt",
            "@trade",
            "btcusdt@",
            "btcusdt@@trade",
            "!",
            "!@arr",
            "btc usdt@trade",
        ),
        *("btcusdt@tra de", "btc\x00@trade", "btc\n@trade", "a/b@trade", "a,b@trade", 'a"@trade'),
        *("a!b@trade", "_all@trade", "x" * 200 + "@trade", "btc\ud800@trade", "btcusdt@trade\n@"),
    ],
)
def test_what_can_be_no_stream_is_refused(name: str) -> None:
    with pytest.raises(InvalidValueError, match="allowed: <symbol>@<channel>"):
        parse(name)


@given(strategies.names)
def test_normalising_changes_nothing_twice(name: str) -> None:
    once = normalise(name)

    assert normalise(once) == once
    assert parse(once) == parse(name)


@given(strategies.names, strategies.names)
def test_names_differ_by_more_than_case_of_the_symbol(one: str, other: str) -> None:
    if normalise(one) != normalise(other):
        assert parse(one) != parse(other)


@given(st.text(max_size=40))
def test_any_text_is_a_name_or_refused(text: str) -> None:
    try:
        name = parse(text)
    except InvalidValueError:
        return
    assert name.name.endswith(name.channel)
    assert is_unicode(name.name)


@pytest.mark.parametrize(
    ("channel", "expected"),
    [
        *(("depth", "depth"), ("depth20@100ms", "depth"), ("kline_1m", "kline")),
        *(("ticker_1h@arr", "ticker"), ("rpiDepth@500ms", "rpiDepth"), ("", "")),
    ],
)
def test_kind_is_the_channel_without_parameters(channel: str, expected: str) -> None:
    assert kind(channel) == expected


@pytest.mark.parametrize(
    ("market", "name", "reason"),
    [
        (Market.SPOT, "!bookTicker", "December 2022"),
        (Market.SPOT_DATA, "!ticker@arr", "March 2026"),
        (Market.SPOT_TESTNET, " !ticker@arr ", "March 2026"),
        (Market.COINM, "btcusd@indexPrice@1s", "June 2026"),
        (Market.USDM, "a" * 64, "listen key"),
        (Market.SPOT, "B" * 64, "listen key"),
    ],
)
def test_retired_streams_are_refused_with_the_reason(
    market: Market, name: str, reason: str
) -> None:
    assert reason in (retired(market, name) or "")
    with pytest.raises(InvalidValueError, match=reason):
        accept(market, name)


@pytest.mark.parametrize(
    ("market", "name"),
    [
        (Market.USDM, "!bookTicker"),
        (Market.USDM, "!ticker@arr"),
        (Market.COINM, "!ticker@arr"),
        (Market.US, "!ticker@arr"),
        (Market.SPOT, "!miniTicker@arr"),
        (Market.SPOT, "btcusdt@bookTicker"),
        (Market.COINM, "btcusd@indexPrice"),
    ],
)
def test_what_one_market_retired_another_may_serve(market: Market, name: str) -> None:
    assert retired(market, name) is None
    assert accept(market, name) == name


def test_matrix_and_list_are_united_once_each_in_a_stable_order() -> None:
    united = unite(
        ["BTCUSDT", "ethusdt"], ["trade", "ticker"], ["!miniTicker@arr", "btcusdt@ticker", "x@y"]
    )

    assert united == (
        *("btcusdt@trade", "btcusdt@ticker", "ethusdt@trade", "ethusdt@ticker"),
        *("!miniTicker@arr", "x@y"),
    )


@given(st.lists(strategies.names), st.lists(strategies.names))
def test_uniting_loses_and_repeats_nothing(one: list[str], other: list[str]) -> None:
    united = unite([], [], [*one, *other])

    assert set(united) == {*map(normalise, one), *map(normalise, other)}
    assert len(united) == len(set(united))
    assert unite([], [], united) == united

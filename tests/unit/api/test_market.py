"""Hosts, routes and addresses of the markets."""

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamset_api.errors import InvalidValueError
from streamset_api.market import (
    MARKETS,
    Market,
    Route,
    TimeUnit,
    check_endpoint,
    infer_market,
    market_of_host,
    route_of,
    stream_url,
)


def test_every_market_has_facts() -> None:
    assert set(MARKETS) == set(Market)
    for facts in MARKETS.values():
        assert check_endpoint(facts.url) == facts.url
        assert facts.streams_per_connection == 1024
        assert any(not route.kinds for route in facts.routes)


@pytest.mark.parametrize("market", Market)
def test_a_market_is_inferred_from_its_own_address(market: Market) -> None:
    assert infer_market(MARKETS[market].url) is market
    assert infer_market(MARKETS[market].url.upper() + "/ws") is market


@pytest.mark.parametrize(
    ("url", "market"),
    [
        ("wss://stream.binance.com", Market.SPOT),
        ("wss://fstream.binance.com/market/stream", Market.USDM),
        ("wss://demo-fstream.binance.com", Market.USDM_TESTNET),
        ("ws://127.0.0.1:9443/ws", Market.SPOT),
        ("wss://fstream.binance.com.example.org", Market.SPOT),
        ("wss://[bad", Market.SPOT),
        ("", Market.SPOT),
    ],
)
def test_an_unknown_host_is_taken_for_spot(url: str, market: Market) -> None:
    assert infer_market(url) is market


def test_an_unknown_host_belongs_to_no_market() -> None:
    assert market_of_host("ws://127.0.0.1:9443") is None


@pytest.mark.parametrize(
    ("market", "stream", "route"),
    [
        (Market.SPOT, "btcusdt@trade", ""),
        (Market.SPOT, "!miniTicker@arr", ""),
        (Market.COINM, "btcusd_perp@depth", ""),
        (Market.USDM, "btcusdt@bookTicker", "public"),
        (Market.USDM, "!bookTicker", "public"),
        (Market.USDM, "btcusdt@depth20@100ms", "public"),
        (Market.USDM, "btcusdt@depth@500ms", "public"),
        (Market.USDM, "btcusdt@rpiDepth@500ms", "public"),
        (Market.USDM, "btcusdt@trade", "public"),
        (Market.USDM, "btcusdt@aggTrade", "market"),
        (Market.USDM, "btcusdt@markPrice@1s", "market"),
        (Market.USDM, "!markPrice@arr@1s", "market"),
        (Market.USDM, "btcusdt@kline_1m", "market"),
        (Market.USDM, "btcusdt_perpetual@continuousKline_1m", "market"),
        (Market.USDM, "!forceOrder@arr", "market"),
        (Market.USDM, "tradingSession", "market"),
        (Market.USDM, "btcusdt@channelOfTomorrow", "market"),
        (Market.USDM_TESTNET, "btcusdt@depth", "public"),
    ],
)
def test_streams_go_to_the_route_that_delivers_them(
    market: Market, stream: str, route: str
) -> None:
    assert route_of(market, stream) == route


def test_routes_can_be_replaced() -> None:
    routes = (Route("a", ("trade",)), Route("b", ("depth",)))

    assert route_of(Market.USDM, "btcusdt@trade", routes) == "a"
    assert route_of(Market.USDM, "btcusdt@depth5", routes) == "b"
    assert route_of(Market.USDM, "btcusdt@ticker", routes) == "b"


@pytest.mark.parametrize(
    ("base", "route", "expected"),
    [
        (Market.SPOT, "", "wss://stream.binance.com:9443/stream"),
        (Market.USDM, "market", "wss://fstream.binance.com/market/stream"),
        ("wss://stream.binance.com:9443", "", "wss://stream.binance.com:9443/stream"),
        ("wss://stream.binance.com:9443/", "", "wss://stream.binance.com:9443/stream"),
        ("wss://stream.binance.com:9443/ws", "", "wss://stream.binance.com:9443/stream"),
        ("wss://stream.binance.com:9443/ws/", "", "wss://stream.binance.com:9443/stream"),
        ("wss://stream.binance.com:9443/stream", "", "wss://stream.binance.com:9443/stream"),
        ("wss://fstream.binance.com/stream", "public", "wss://fstream.binance.com/public/stream"),
        (
            "wss://fstream.binance.com/market/ws",
            "public",
            "wss://fstream.binance.com/public/stream",
        ),
        ("ws://127.0.0.1:1/proxy/ws", "", "ws://127.0.0.1:1/proxy/stream"),
        ("ws://127.0.0.1:1/market/ws", "", "ws://127.0.0.1:1/market/stream"),
        ("ws://[::1]:1?key=a%2Bb", "", "ws://[::1]:1/stream?key=a%2Bb"),
    ],
)
def test_addresses_of_combined_streams(base: Market | str, route: str, expected: str) -> None:
    assert stream_url(base, route) == expected


@given(
    st.sampled_from(["", "/", "/ws", "/stream", "/ws/"]),
    st.sampled_from(["", "public", "market"]),
    st.sampled_from(TimeUnit),
)
def test_an_address_is_a_base_for_itself(end: str, route: str, unit: TimeUnit) -> None:
    url = stream_url(f"wss://host{end}", route, unit)

    assert stream_url(url, route, unit) == url


def test_microseconds_are_asked_for_by_a_parameter() -> None:
    url = stream_url("wss://h/ws?timeUnit=x&key=v", "", TimeUnit.MICROSECOND)

    assert parse_qs(urlsplit(url).query) == {"key": ["v"], "timeUnit": ["MICROSECOND"]}
    assert "timeUnit" not in stream_url(Market.SPOT, "")


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "stream.binance.com",
            "http://h",
            "wss://",
            "wss:///ws",
            "wss://h:0",
            "wss://h:65536",
        ),
        *(
            "wss://h:port",
            "wss://h h",
            "wss://h/a b",
            "wss://h#x",
            "wss://h\n",
            "wss://a@b@h",
            "wss://u:p@h",
        ),
        *("wss://[1]", "wss://[::::]:9443/ws", "ws://[10.0.0.1]:1", "ws://[1:2:3]"),
        "wss://h/stream?streams=btcusdt@trade",
    ],
)
def test_what_is_no_endpoint_is_refused(url: str) -> None:
    with pytest.raises(InvalidValueError, match=r"wss://stream\.binance\.com"):
        check_endpoint(url)


@pytest.mark.parametrize("url", ["wss://h:65535", "ws://10.0.0.1:1/a/b?c=d", "wss://[::1]/ws"])
def test_what_is_an_endpoint_is_taken(url: str) -> None:
    assert check_endpoint(url) == url

"""Which streams exist, and that their payloads look like the documented ones."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from exchange_simulator.core.rules import MarketName
from exchange_simulator.sources.catalog import find
from exchange_simulator.sources.layout import Layout
from exchange_simulator.sources.subject import Subject

DATA = Path(__file__).parents[2] / "data" / "docs-samples.jsonl"
SAMPLES = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]

SPOT = (
    "btcusdt@trade",
    "btcusdt@aggTrade",
    "btcusdt@blockTrade",
    "btcusdt@depth",
    "btcusdt@depth@100ms",
    "btcusdt@depth5",
    "btcusdt@depth20@100ms",
    "btcusdt@bookTicker",
    "btcusdt@kline_1s",
    "btcusdt@kline_1M",
    "btcusdt@kline_1d@+08:00",
    "btcusdt@ticker",
    "btcusdt@ticker_4h",
    "!ticker_1h@arr",
    "btcusdt@miniTicker",
    "!miniTicker@arr",
    "btcusdt@avgPrice",
    "btcusdt@referencePrice",
    "币安人生usdt@trade",
)
USDM = (
    "btcusdt@trade",
    "btcusdt@aggTrade",
    "btcusdt@depth",
    "btcusdt@depth@500ms",
    "btcusdt@depth10@100ms",
    "btcusdt@bookTicker",
    "!bookTicker",
    "btcusdt@markPrice",
    "btcusdt@markPrice@1s",
    "!markPrice@arr@1s",
    "btcusdt@forceOrder",
    "!forceOrder@arr",
    "btcusdt@kline_1m",
    "btcusdt_perpetual@continuousKline_1m",
    "btcusdt@ticker",
    "!ticker@arr",
    "btcusdt@miniTicker",
    "!miniTicker@arr",
    "btcusdt_260925@aggTrade",
)


def layout(name: str, market: MarketName) -> Layout:
    listing = find(name, market)
    assert listing is not None
    futures = market in ("usdm", "coinm")
    symbols = () if listing.symbol else ("btcusdt", "ethusdt")
    return listing.build(Subject(name, listing.symbol, 1000, 0, futures, symbols))


def payload(name: str, market: MarketName, number: int = 0) -> Any:
    made = layout(name, market).payload(
        number, 1_672_515_782_136_000, 1_000_000, microseconds=False
    )
    return json.loads(made)


@pytest.mark.parametrize("name", SPOT)
def test_streams_of_spot(name: str) -> None:
    assert payload(name, "spot")


@pytest.mark.parametrize("name", USDM)
def test_streams_of_usd_m(name: str) -> None:
    assert payload(name, "usdm")


@pytest.mark.parametrize(
    ("name", "market"),
    [
        ("BTCUSDT@trade", "spot"),
        ("btcusdt@Trade", "spot"),
        ("btcusdt@aggtrade", "spot"),
        ("btcusdt@depth@250ms", "spot"),
        ("btcusdt@depth7", "spot"),
        ("btcusdt", "spot"),
        ("@trade", "spot"),
        ("", "spot"),
        ("btcusdt@kline_7m", "spot"),
        ("!bookTicker", "spot"),
        ("!ticker@arr", "spot"),
        ("btcusdt@markPrice", "spot"),
        ("btcusdt@kline_1s", "usdm"),
        ("btcusdt@avgPrice", "usdm"),
        ("btcusdt@kline_1s", "us"),
        ("!markPrice@arr", "coinm"),
    ],
)
def test_streams_that_stay_silent(name: str, market: MarketName) -> None:
    assert find(name, market) is None


def test_only_listed_symbols_have_streams() -> None:
    assert find("btcusdt@trade", "spot", ("btcusdt",)) is not None
    assert find("ethusdt@trade", "spot", ("btcusdt",)) is None
    assert find("!miniTicker@arr", "spot", ("btcusdt",)) is not None


@pytest.mark.parametrize(
    ("name", "route"),
    [
        ("btcusdt@depth@100ms", "public"),
        ("btcusdt@bookTicker", "public"),
        ("btcusdt@aggTrade", "market"),
        ("btcusdt@markPrice@1s", "market"),
        ("!forceOrder@arr", "market"),
    ],
)
def test_routes_of_usd_m(name: str, route: str) -> None:
    listing = find(name, "usdm")
    assert listing is not None
    assert listing.route == route


@pytest.mark.parametrize(
    ("name", "per_second"),
    [
        ("btcusdt@depth", 1),
        ("btcusdt@depth@100ms", 10),
        ("btcusdt@ticker", 1),
        ("btcusdt@kline_1m", 0.5),
        ("btcusdt@kline_1s", 1),
    ],
)
def test_documented_speeds(name: str, per_second: float) -> None:
    listing = find(name, "spot")
    assert listing is not None
    assert listing.rate == per_second


SECTIONS: list[tuple[str, str, MarketName]] = [
    ("Aggregate Trade Streams", "btcusdt@aggTrade", "spot"),
    ("Trade Streams", "btcusdt@trade", "spot"),
    ("Block Trade Streams", "btcusdt@blockTrade", "spot"),
    ("Kline/Candlestick Streams for UTC", "btcusdt@kline_1m", "spot"),
    ("Individual Symbol Mini Ticker Stream", "btcusdt@miniTicker", "spot"),
    ("Individual Symbol Ticker Streams", "btcusdt@ticker", "spot"),
    ("Individual Symbol Rolling Window Statistics Streams", "btcusdt@ticker_1h", "spot"),
    ("Individual Symbol Book Ticker Streams", "btcusdt@bookTicker", "spot"),
    ("Average Price", "btcusdt@avgPrice", "spot"),
    ("Partial Book Depth Streams", "btcusdt@depth5", "spot"),
    ("Diff. Depth Stream", "btcusdt@depth", "spot"),
    ("Reference Price Streams", "btcusdt@referencePrice", "spot"),
]


def shape(value: Any) -> Any:
    """Names and types, without what differs from event to event."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value else type(value).__name__


@pytest.mark.parametrize(("section", "name", "market"), SECTIONS)
def test_payloads_have_the_documented_members_and_types(
    section: str, name: str, market: MarketName
) -> None:
    documented = next(json.loads(s["frame"]) for s in SAMPLES if s["section"] == section)

    assert shape(payload(name, market)) == shape(documented)


FUTURES_EVENTS: list[tuple[str, str, str]] = [
    ("depthUpdate", "btcusdt@depth", ""),
    ("bookTicker", "btcusdt@bookTicker", ""),
    ("forceOrder", "btcusdt@forceOrder", "ps"),
    ("markPriceUpdate", "btcusdt@markPrice", ""),
    ("24hrTicker", "btcusdt@ticker", ""),
    ("24hrMiniTicker", "btcusdt@miniTicker", ""),
    ("continuous_kline", "btcusdt_perpetual@continuousKline_1m", ""),
]


@pytest.mark.parametrize(("event", "name", "member"), FUTURES_EVENTS)
def test_futures_payloads_have_the_documented_members(event: str, name: str, member: str) -> None:
    documented = [
        frame
        for s in SAMPLES
        if "usdsfutures" in s["provenance"]
        and isinstance(frame := json.loads(s["frame"]), dict)
        and frame.get("e") == event
        and (not member or member in frame)
    ]

    assert documented
    assert set(payload(name, "usdm")) in [set(frame) for frame in documented]


def test_microseconds_scale_every_time() -> None:
    made = layout("btcusdt@kline_1m", "spot")
    in_ms = json.loads(made.payload(3, 1_672_515_782_136_123, 2_000_000, microseconds=False))
    in_us = json.loads(made.payload(3, 1_672_515_782_136_123, 2_000_000, microseconds=True))

    assert in_us["E"] == 1_672_515_782_136_123
    assert in_ms["E"] == 1_672_515_782_136
    assert in_us["k"]["t"] == in_ms["k"]["t"] * 1000
    assert in_us["k"]["T"] == in_ms["k"]["T"] * 1000 + 999


def test_the_last_event_of_a_bar_comes_right_after_its_end() -> None:
    made = layout("btcusdt@kline_1m", "spot")
    minute = 1_672_515_780_000_000
    bars = [
        json.loads(made.payload(n, minute + n * 2_000_000, 2_000_000, microseconds=False))["k"]
        for n in range(-3, 33)
    ]

    closed = [candle for candle in bars if candle["x"]]
    assert [candle["T"] for candle in closed] == [1_672_515_779_999, 1_672_515_839_999]
    assert all(left["t"] <= right["t"] for left, right in itertools.pairwise(bars))

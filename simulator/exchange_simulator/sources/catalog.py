"""The streams the exchange serves: name → payload, usual rate, and route.

A name that is not here is acknowledged and stays silent, as on the live hosts: unknown, misspelt,
UPPERCASE, retired (`!bookTicker` and `!ticker@arr` on spot), or subscribed on the wrong route.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from exchange_simulator.core.rules import MarketName
from exchange_simulator.sources.bars import INTERVALS
from exchange_simulator.sources.books import book_ticker, depth, partial_depth
from exchange_simulator.sources.subject import Builder
from exchange_simulator.sources.ticks import (
    average_price,
    kline,
    mark_price,
    mini_ticker,
    reference_price,
    ticker,
)
from exchange_simulator.sources.trades import aggregate_trade, block_trade, force_order, trade

StreamRoute = Literal["public", "market"]

HOUR = 3600_000


@dataclass(frozen=True)
class Listing:
    """A stream that exists."""

    name: str
    symbol: str
    """Lower case; empty for a stream of the whole market."""
    build: Builder
    rate: float
    """Events per second of a lively symbol, or the documented speed where there is one."""
    route: StreamRoute
    """Where USD-M serves it."""


@lru_cache(maxsize=8192)
def find(name: str, market: MarketName, symbols: tuple[str, ...] | None = None) -> Listing | None:
    """Look a stream up; with `symbols`, only these are listed on the exchange."""
    symbol, at, channel = name.partition("@")
    if name.startswith("!"):
        symbol, channel = "", name
    elif not symbol or not at:
        return None
    contract = ""
    if channel.startswith("continuousKline_"):
        symbol, _, contract = symbol.partition("_")
        channel = f"{contract}@{channel}"
    if symbol and not _listed(symbol, symbols):
        return None
    for row in _ROWS:
        if market in row.markets and (found := re.fullmatch(row.pattern, channel)):
            return Listing(name, symbol, row.build(found), row.rate(found), row.route)
    return None


def _listed(symbol: str, symbols: tuple[str, ...] | None) -> bool:
    if symbols is not None:
        return symbol in symbols
    return symbol == symbol.lower() and re.fullmatch(r"[^\W_]+(_[^\W_]+)?", symbol) is not None


Found = re.Match[str]


@dataclass(frozen=True)
class _Row:
    pattern: str
    markets: tuple[MarketName, ...]
    build: Callable[[Found], Builder]
    rate: Callable[[Found], float]
    route: StreamRoute = "public"


def _every(seconds: float) -> Callable[[Found], float]:
    return lambda _found: 1 / seconds


def _always(builder: Builder) -> Callable[[Found], Builder]:
    return lambda _found: builder


def _speed(default_ms: int) -> Callable[[Found], float]:
    """The update speed that the name ends with (`@100ms`), or the default of its market."""
    return lambda found: 1000 / int(found["ms"] or default_ms)


def _kline(found: Found) -> Builder:
    contract = found.groupdict().get("contract") or ""
    zone = 8 * HOUR if found.groupdict().get("zone") else 0
    return kline(found["interval"], zone, contract)


def _window(found: Found) -> Builder:
    return ticker(found["window"], {"1h": HOUR, "4h": 4 * HOUR, "1d": 24 * HOUR}[found["window"]])


_SPOT: tuple[MarketName, ...] = ("spot", "spot-data", "us")
_INTERNATIONAL: tuple[MarketName, ...] = ("spot", "spot-data")
_FUTURES: tuple[MarketName, ...] = ("usdm", "coinm")
_ANY = _SPOT + _FUTURES

_INTERVAL = "|".join(INTERVALS)
_MINUTES = "|".join(interval for interval in INTERVALS if interval != "1s")

_ROWS = (
    _Row("trade", _ANY, _always(trade), _every(0.05)),
    _Row("aggTrade", _ANY, _always(aggregate_trade), _every(0.1), "market"),
    _Row("blockTrade", _INTERNATIONAL, _always(block_trade), _every(5)),
    _Row("bookTicker", _ANY, _always(book_ticker), _every(0.04)),
    _Row(r"depth(@(?P<ms>100)ms)?", _SPOT, _always(depth), _speed(1000)),
    _Row(r"depth(@(?P<ms>100|500)ms)?", _FUTURES, _always(depth), _speed(250)),
    _Row(
        r"depth(?P<levels>5|10|20)(@(?P<ms>100)ms)?",
        _SPOT,
        lambda found: partial_depth(int(found["levels"])),
        _speed(1000),
    ),
    _Row(
        r"depth(?P<levels>5|10|20)(@(?P<ms>100|500)ms)?",
        _FUTURES,
        lambda found: partial_depth(int(found["levels"])),
        _speed(250),
    ),
    _Row(r"kline_(?P<interval>1s)(?P<zone>@\+08:00)?", _INTERNATIONAL, _kline, _every(1)),
    _Row(rf"kline_(?P<interval>{_MINUTES})(?P<zone>@\+08:00)?", _SPOT, _kline, _every(2)),
    _Row(rf"kline_(?P<interval>{_MINUTES})", _FUTURES, _kline, _every(0.25), "market"),
    _Row(
        rf"(?P<contract>perpetual|current_quarter|next_quarter)@continuousKline_(?P<interval>{_MINUTES})",
        _FUTURES,
        _kline,
        _every(0.25),
        "market",
    ),
    _Row("ticker", _SPOT, _always(ticker()), _every(1)),
    _Row("ticker", _FUTURES, _always(ticker()), _every(2), "market"),
    _Row(r"ticker_(?P<window>1h|4h|1d)", _SPOT, _window, _every(1)),
    _Row(r"!ticker_(?P<window>1h|4h|1d)@arr", _SPOT, _window, _every(1)),
    _Row("!ticker@arr", ("us", *_FUTURES), _always(ticker()), _every(1), "market"),
    _Row("miniTicker", _SPOT, _always(mini_ticker), _every(1)),
    _Row("miniTicker", _FUTURES, _always(mini_ticker), _every(2), "market"),
    _Row("!miniTicker@arr", _ANY, _always(mini_ticker), _every(1), "market"),
    _Row("avgPrice", _SPOT, _always(average_price), _every(1)),
    _Row("referencePrice", _INTERNATIONAL, _always(reference_price), _every(1)),
    _Row("!bookTicker", _FUTURES, _always(book_ticker), _every(5)),
    _Row("markPrice", _FUTURES, _always(mark_price), _every(3), "market"),
    _Row("markPrice@1s", _FUTURES, _always(mark_price), _every(1), "market"),
    _Row("!markPrice@arr", ("usdm",), _always(mark_price), _every(3), "market"),
    _Row("!markPrice@arr@1s", ("usdm",), _always(mark_price), _every(1), "market"),
    _Row("forceOrder", _FUTURES, _always(force_order), _every(2), "market"),
    _Row("!forceOrder@arr", _FUTURES, _always(force_order), _every(1), "market"),
)

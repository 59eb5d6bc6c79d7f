"""Stream names: how they are written, taken apart and united.

A stream is named `<symbol>@<channel>`, for example `btcusdt@depth20@100ms`: the channel is all that
follows the first `@`. A stream of a whole market starts with `!` (`!miniTicker@arr`) and one has
neither (`tradingSession`); these have the symbol "" and the channel without its `!`.

Symbols are written in lower case, channels as they come (`aggTrade`, `kline_1M` is a month and
`kline_1m` a minute). Only ASCII letters change case: a symbol may hold others (since December 2025,
Binance spot CHANGELOG), and those are sent as given.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from streamset_api.errors import InvalidValueError

if TYPE_CHECKING:
    from streamset_api.market import Market

MAX_LENGTH = 128

ALLOWED = (
    "<symbol>@<channel> such as btcusdt@trade or btcusdt@depth20@100ms, or a stream of the whole "
    f"market such as !miniTicker@arr; at most {MAX_LENGTH} characters"
)

# The patterns are those of the CRD too, so they use only what RE2 knows. A symbol never starts with
# `_`: that keeps the subject token `_all` free for streams without a symbol. `,` and `/` separate
# streams in a variable and in an address.
_SYMBOL = r"[^\x00-\x20\x7f-\xa0@!,/\\\"'_][^\x00-\x20\x7f-\xa0@!,/\\\"']*"
_CHANNEL = r"[A-Za-z][A-Za-z0-9_]*(@[A-Za-z0-9_+:.-]+)*"
SYMBOL_PATTERN = rf"^{_SYMBOL}$"
CHANNEL_PATTERN = rf"^{_CHANNEL}$"
STREAM_PATTERN = rf"^({_SYMBOL}@{_CHANNEL}|!{_CHANNEL}|tradingSession)$"

_STREAM = re.compile(STREAM_PATTERN)
_KIND = re.compile(r"[A-Za-z]+")
_ASCII_LOWER = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


class StreamName(NamedTuple):
    """A stream's full name and its two parts. `symbol` is "" for a stream of the whole market."""

    name: str
    symbol: str
    channel: str


class Retired(NamedTuple):
    """Names that a market does not serve any more: it acknowledges them and stays silent."""

    markets: tuple[str, ...]
    pattern: str
    reason: str

    def covers(self, market: str, name: str) -> bool:
        """Tell whether `market` has retired the stream."""
        return market in self.markets and re.fullmatch(self.pattern, name.strip()) is not None


LISTEN_KEY_PATTERN = r"^[A-Za-z0-9]{60,}$"
LISTEN_KEY_REASON = (
    "this looks like a listen key; user data streams are no market data and are not relayed"
)

RETIRED: tuple[Retired, ...] = (
    Retired(
        ("spot", "spot-data", "spot-testnet"),
        r"^!bookTicker$",
        "!bookTicker was retired on spot in December 2022; "
        "subscribe to <symbol>@bookTicker for each symbol",
    ),
    Retired(
        ("spot", "spot-data", "spot-testnet"),
        r"^!ticker@arr$",
        "!ticker@arr was retired on spot in March 2026; "
        "use !miniTicker@arr, or <symbol>@ticker for each symbol",
    ),
    Retired(
        ("coinm", "coinm-testnet"),
        r"^[^@!]+@indexPrice@1s$",
        "indexPrice@1s was removed in June 2026; use <pair>@indexPrice",
    ),
)
"""The spot CHANGELOG (2022-12-07, 2025-11-14, 2026-02-20); the COIN-M pages of 2026-06-30."""


def normalise(name: str) -> str:
    """Return the name as the exchange writes it. Raises `InvalidValueError`."""
    return parse(name).name


def parse(name: str) -> StreamName:
    """Normalise a name and take it apart. Raises `InvalidValueError` for what can be no stream."""
    name = name.strip()
    symbol, at, channel = name.partition("@")
    if not name.startswith("!") and at:
        symbol = symbol.translate(_ASCII_LOWER)
        name = symbol + at + channel
    if len(name) > MAX_LENGTH or _STREAM.fullmatch(name) is None or not is_unicode(name):
        raise InvalidValueError(name, ALLOWED)
    if name.startswith("!"):
        return StreamName(name, "", name[1:])
    return StreamName(name, symbol, channel) if at else StreamName(name, "", name)


def kind(channel: str) -> str:
    """Return a channel without its parameters: `depth20@100ms` → `depth`, `kline_1m` → `kline`."""
    match = _KIND.match(channel)
    return match.group() if match else channel


def retired(market: "Market", name: str) -> str | None:
    """Return why `market` does not serve the stream (any more), or None. Takes any string."""
    if re.fullmatch(LISTEN_KEY_PATTERN, name.strip()):
        return LISTEN_KEY_REASON
    for entry in RETIRED:
        if entry.covers(market, name):
            return entry.reason
    return None


def accept(market: "Market", name: str) -> str:
    """Return the normalised name. Raises `InvalidValueError` for a retired stream too."""
    reason = retired(market, name)
    if reason is not None:
        raise InvalidValueError(name, f"a stream that {market} serves: {reason}")
    return normalise(name)


def unite(
    symbols: Iterable[str], channels: Iterable[str], streams: Iterable[str]
) -> tuple[str, ...]:
    """Return the matrix symbols × channels and the list as one, normalised, each stream once.

    The order is stable: symbol by symbol, then the list; a repeated stream keeps its first place.
    """
    channels = tuple(channels)
    matrix = (f"{symbol}@{channel}" for symbol in symbols for channel in channels)
    names = [*map(normalise, matrix), *map(normalise, streams)]
    return tuple(dict.fromkeys(names))


def is_unicode(name: str) -> bool:
    """Tell whether the name can be sent; bytes that are not UTF-8 come as surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in name)

"""The markets: hosts, routes and limits, as data.

Sources: web-socket-streams.md of binance/binance-spot-api-docs (spot); the derivatives pages
"Connect" of developers.binance.com (routes of USD-M since March 2026); the API documentation of
Binance.US.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from streamset_api.errors import InvalidValueError
from streamset_api.stream import kind, parse

# Patterns of the CRD too, so they use only what RE2 knows.
HOST = r"([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])"
PORT = r"([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
ENDPOINT_PATTERN = rf"^wss?://{HOST}(:{PORT})?(/[^\x00-\x20?#]*)?(\?[^\x00-\x20#]*)?$"
ENDPOINT_ALLOWED = (
    "a ws:// or wss:// address such as wss://stream.binance.com:9443, without stream names and "
    "credentials"
)


class Market(StrEnum):
    """A market of Binance that serves streams. The value is what a manifest writes."""

    SPOT = "spot"
    SPOT_DATA = "spot-data"
    USDM = "usdm"
    COINM = "coinm"
    US = "us"
    SPOT_TESTNET = "spot-testnet"
    USDM_TESTNET = "usdm-testnet"
    COINM_TESTNET = "coinm-testnet"


class TimeUnit(StrEnum):
    """The unit of the times inside payloads; a property of a connection, not of a stream."""

    MILLISECOND = "Millisecond"
    MICROSECOND = "Microsecond"


@dataclass(frozen=True)
class Route:
    """One path of a market's host, and the kinds of channel (`stream.kind`) that it delivers.

    No kinds means every kind that no other route names.
    """

    path: str
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True)
class MarketFacts:
    """What the relay must know of a market.

    `url` is the base address, `hosts` are further hosts of the same market (an address with one of
    them is taken for this market), `control_per_second` counts every message a client may send
    (control messages, pings and pongs), `ping_interval` is the server's, in seconds.
    """

    url: str
    hosts: tuple[str, ...] = ()
    routes: tuple[Route, ...] = (Route(""),)
    streams_per_connection: int = 1024
    control_per_second: int = 5
    time_unit: bool = False
    ping_interval: float = 20.0


# `trade` is not documented on USD-M. Collectors disagree on its route; most receive it on /public.
# A stream on the wrong route is acknowledged and stays silent.
USDM_ROUTES = (Route("public", ("bookTicker", "depth", "rpiDepth", "trade")), Route("market"))

_DERIVATIVES_PING = 180.0

MARKETS: dict[Market, MarketFacts] = {
    Market.SPOT: MarketFacts("wss://stream.binance.com:9443", time_unit=True),
    Market.SPOT_DATA: MarketFacts("wss://data-stream.binance.vision", time_unit=True),
    Market.USDM: MarketFacts(
        "wss://fstream.binance.com",
        routes=USDM_ROUTES,
        control_per_second=10,
        ping_interval=_DERIVATIVES_PING,
    ),
    Market.COINM: MarketFacts(
        "wss://dstream.binance.com", control_per_second=10, ping_interval=_DERIVATIVES_PING
    ),
    Market.US: MarketFacts("wss://stream.binance.us:9443", ping_interval=180.0),
    Market.SPOT_TESTNET: MarketFacts(
        "wss://stream.testnet.binance.vision", hosts=("demo-stream.binance.com",), time_unit=True
    ),
    Market.USDM_TESTNET: MarketFacts(
        "wss://fstream.binancefuture.com",
        hosts=("demo-fstream.binance.com",),
        routes=USDM_ROUTES,
        control_per_second=10,
        ping_interval=_DERIVATIVES_PING,
    ),
    Market.COINM_TESTNET: MarketFacts(
        "wss://dstream.binancefuture.com",
        hosts=("demo-dstream.binance.com",),
        control_per_second=10,
        ping_interval=_DERIVATIVES_PING,
    ),
}

_MARKET_OF_HOST = {
    host: market
    for market, facts in MARKETS.items()
    for host in (urlsplit(facts.url).hostname, *facts.hosts)
}
_ROUTE_PATHS = frozenset({"public", "market", "private"})


def infer_market(url: str) -> Market:
    """Return the market that an address belongs to by its host; spot where the host is unknown."""
    return market_of_host(url) or Market.SPOT


def market_of_host(url: str) -> Market | None:
    """Return the market whose host the address names, if it is one of Binance's hosts."""
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return None
    return _MARKET_OF_HOST.get(host)


def route_of(market: Market, stream: str, routes: Sequence[Route] = ()) -> str:
    """Return the path of the route that delivers `stream`; "" where the market has only one.

    `routes` stands in for the market's own table. A channel that no route names goes to the first
    route without kinds, or to the last one.
    """
    table = tuple(routes) or MARKETS[market].routes
    wanted = kind(parse(stream).channel)
    for route in table:
        if wanted in route.kinds:
            return route.path
    return next((route.path for route in table if not route.kinds), table[-1].path)


def has_host(url: str) -> bool:
    """Tell whether what an address has in brackets is an IPv6 address: no pattern can (RFC 3986, 3.2.2)."""
    try:
        urlsplit(url)
    except ValueError:
        return False
    return True


def check_endpoint(url: str) -> str:
    """Return `url` if a relay can connect to it, else raise `InvalidValueError`."""
    shaped = re.fullmatch(ENDPOINT_PATTERN, url) is not None and has_host(url)
    if not shaped or "streams=" in url:
        raise InvalidValueError(url, ENDPOINT_ALLOWED)
    return url


def stream_url(base: Market | str, route: str, time_unit: TimeUnit = TimeUnit.MILLISECOND) -> str:
    """Return the address of combined streams: base, route, `/stream`.

    `base` is a market or an endpoint, which may end in `/`, `/ws` or `/stream` and may already name
    a USD-M route; a path before that, and other parameters, stay. The parameter `timeUnit` is added
    for microseconds only. Raises `InvalidValueError`.
    """
    endpoint = MARKETS[base].url if isinstance(base, Market) else check_endpoint(base)
    parts = urlsplit(endpoint)
    path = [segment for segment in parts.path.split("/") if segment]
    if path and path[-1] in {"ws", "stream"}:
        path.pop()
    if route and path and path[-1] in _ROUTE_PATHS:
        path.pop()
    path += [route, "stream"] if route else ["stream"]
    query = parse_qsl(parts.query, keep_blank_values=True)
    if time_unit is TimeUnit.MICROSECOND:
        query = [pair for pair in query if pair[0] != "timeUnit"]
        query.append(("timeUnit", "MICROSECOND"))
    return urlunsplit((parts.scheme, parts.netloc, "/" + "/".join(path), urlencode(query), ""))

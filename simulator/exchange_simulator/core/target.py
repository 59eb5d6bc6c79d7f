"""The URL of an upgrade request: which route, raw or combined, which streams, which time unit.

Raw: `/ws`, `/ws/<stream>[/<stream>…]`. Combined: `/stream`, `/stream?streams=<stream>/<stream>…`.
USD-M puts a route in front: `/public/ws`, `/market/stream?streams=…`. Streams may be percent-encoded.
"""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

from exchange_simulator.core.rules import Rules

Route = Literal["public", "market", "private"]
_ROUTES: dict[str, Route] = {"public": "public", "market": "market", "private": "private"}


@dataclass(frozen=True)
class Target:
    """What an upgrade request asks for.

    `route` is None on a host without routes, and on a routed host when the URL names none: the legacy
    paths, which connect, acknowledge, and serve the streams of `/public` alone.
    """

    route: Route | None
    combined: bool
    streams: tuple[str, ...]
    microseconds: bool


def parse_target(path: str, rules: Rules) -> Target | None:
    """Read the path and query of a request line; None for a path the exchange does not serve."""
    bare, _, query = path.partition("?")
    parts = [part for part in bare.split("/") if part]
    route: Route | None = None
    if rules.routed and parts and (route := _ROUTES.get(parts[0])):
        del parts[0]
    if not parts or parts[0] not in ("ws", "stream"):
        return None
    combined = parts[0] == "stream"
    if combined and len(parts) > 1:
        return None
    parameters = _parameters(query)
    unit = parameters.get("timeUnit", "MILLISECOND") if rules.time_unit else "MILLISECOND"
    if unit not in ("MILLISECOND", "millisecond", "MICROSECOND", "microsecond"):
        return None
    names = parameters.get("streams", "").split("/") if combined else map(unquote, parts[1:])
    return Target(
        route=route,
        combined=combined,
        streams=tuple(dict.fromkeys(name for name in names if name)),
        microseconds=unit.lower() == "microsecond",
    )


def _parameters(query: str) -> dict[str, str]:
    """Split a query. A plus sign stays one: `kline_1m@+08:00` is a stream name."""
    pairs = (pair.partition("=") for pair in query.split("&"))
    return {unquote(name): unquote(value) for name, _, value in pairs}

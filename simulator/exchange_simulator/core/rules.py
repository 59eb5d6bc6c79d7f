"""The rules of each market, as the exchange documents them or as others saw them on the live hosts.

Sources: binance-spot-api-docs `web-socket-streams.md`; the "Connect" and "Live Subscribing" pages of
USD-M and COIN-M futures; binance-us-api-docs `web-socket-streams.md`.
"""

from dataclasses import dataclass, replace
from typing import Literal

MarketName = Literal["spot", "spot-data", "us", "usdm", "coinm"]


@dataclass(frozen=True)
class Rules:
    """What a market allows on one connection, and how it pings."""

    futures: bool
    """Payloads of the futures markets; otherwise those of spot."""
    routed: bool
    """USD-M's hosts split streams between `/public` and `/market`."""
    control_rate: int
    """Incoming messages per second; SUBSCRIBE and the like, PING and PONG all count."""
    ping_interval: float
    pong_timeout: float
    any_id: bool
    """A request's id may be a number, an alphanumeric text or null; otherwise an unsigned integer."""
    time_unit: bool
    """The URL parameter `timeUnit` is known."""
    max_streams: int = 1024
    max_age: float = 24 * 3600.0
    connection_attempts: int = 300
    """Per address and 5 minutes. Not documented for futures, where the same is assumed."""


_SPOT = Rules(
    futures=False,
    routed=False,
    control_rate=5,
    ping_interval=20.0,
    pong_timeout=60.0,
    any_id=True,
    time_unit=True,
)
_COINM = Rules(
    futures=True,
    routed=False,
    control_rate=10,
    ping_interval=180.0,
    pong_timeout=600.0,
    any_id=False,
    time_unit=False,
)
_US = replace(_SPOT, ping_interval=180.0, pong_timeout=600.0, any_id=False, time_unit=False)

RULES: dict[MarketName, Rules] = {
    "spot": _SPOT,
    "spot-data": _SPOT,
    "us": _US,
    "usdm": replace(_COINM, routed=True),
    "coinm": _COINM,
}
"""Every market the simulator can be."""

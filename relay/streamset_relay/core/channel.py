"""The table of channels: what numbers an event, how numbers follow each other, which channels tick by the clock.

A channel's name decides, never the fields that happen to be present: a futures partial book carries the
fields of a diff, and a spot one carries none of them.
Sources: Binance spot `web-socket-streams.md`; USD-M and COIN-M pages "WebSocket Market Streams".
"""

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from streamset_api.market import Market

from . import sequence
from .sequence import Check

IDENTITY_BITS = 62

Number = Annotated[int, msgspec.Meta(ge=0, lt=1 << IDENTITY_BITS)]


class Trade(msgspec.Struct, gc=False):
    """`trade`, `blockTrade`: the trade id."""

    identity: Number = msgspec.field(name="t")
    event_time: Any = msgspec.field(name="E", default=0)


class AggTrade(msgspec.Struct, gc=False):
    """`aggTrade`: the aggregate trade id."""

    identity: Number = msgspec.field(name="a")
    event_time: Any = msgspec.field(name="E", default=0)


class SpotDiff(msgspec.Struct, gc=False):
    """Spot `depth`: the last update id `u`, and the first one `U`, which follows the `u` before."""

    identity: Number = msgspec.field(name="u")
    first: Number = msgspec.field(name="U")
    event_time: Any = msgspec.field(name="E", default=0)


class FuturesDiff(msgspec.Struct, gc=False):
    """Futures `depth`: the last update id `u`, and `pu`, the `u` before."""

    identity: Number = msgspec.field(name="u")
    previous: Number = msgspec.field(name="pu")
    event_time: Any = msgspec.field(name="E", default=0)


class Update(msgspec.Struct, gc=False):
    """`bookTicker`, and the futures partial book: the update id `u`."""

    identity: Number = msgspec.field(name="u")
    event_time: Any = msgspec.field(name="E", default=0)


class SpotBook(msgspec.Struct, gc=False):
    """Spot partial book: `lastUpdateId`, and neither event type nor time."""

    identity: Number = msgspec.field(name="lastUpdateId")
    event_time: Any = msgspec.field(name="E", default=0)


class Anonymous(msgspec.Struct, gc=False):
    """A channel whose events carry no number of their own: a hash of the payload names them."""

    event_time: Any = msgspec.field(name="E", default=0)


@dataclass(frozen=True)
class Channel:
    """What the relay knows of one channel.

    `event` is what is decoded of a payload (class `Anonymous`: no number, the payload is hashed), `check` how
    numbers follow each other, `period` the seconds between two events where the channel ticks by the clock,
    None where it is driven by events and may rightly be quiet.
    """

    kind: str
    event: type[msgspec.Struct] = Anonymous
    check: Check | None = None
    period: float | None = None

    @property
    def numbered(self) -> bool:
        """Whether the exchange numbers the events."""
        return self.event is not Anonymous


PARTIAL_BOOKS = ("depth5", "depth10", "depth20")

_COMMON = (
    Channel("trade", Trade, sequence.contiguous),
    Channel("blockTrade", Trade, sequence.ordered),  # contiguity is not documented
    Channel("aggTrade", AggTrade, sequence.contiguous),
    Channel("bookTicker", Update, sequence.ordered),
    Channel("miniTicker", period=1.0),
    Channel("avgPrice", period=1.0),
)
_SPOT = {
    channel.kind: channel
    for channel in (
        *_COMMON,
        Channel("depth", SpotDiff, sequence.ranged),
        *(Channel(kind, SpotBook, sequence.ordered) for kind in PARTIAL_BOOKS),
        *(Channel(kind, period=1.0) for kind in ("ticker", "ticker_1h", "ticker_4h", "ticker_1d")),
    )
}
_FUTURES = {
    channel.kind: channel
    for channel in (
        *_COMMON,
        Channel("depth", FuturesDiff, sequence.chained),
        *(Channel(kind, Update, sequence.ordered) for kind in PARTIAL_BOOKS),
        Channel("ticker", period=2.0),
        Channel("markPrice", period=3.0),
    )
}
_TABLES = {
    Market.USDM: _FUTURES,
    Market.USDM_TESTNET: _FUTURES,
    Market.COINM: _FUTURES,
    Market.COINM_TESTNET: _FUTURES,
}


def channel_of(market: Market, stream: str) -> Channel:
    """Look up the channel of a stream by its name; an unknown one is anonymous and driven by events.

    `btcusdt@depth20@100ms` is of kind `depth20`, `!miniTicker@arr` of kind `miniTicker`.
    All-market streams carry many symbols in one frame: whatever the kind, they have no number of their own.
    """
    if stream.startswith("!"):
        kind = stream[1:].partition("@")[0]
        period = channel.period if (channel := _TABLES.get(market, _SPOT).get(kind)) else None
        return Channel("!" + kind, period=period)
    kind = stream.partition("@")[2].partition("@")[0]
    return _TABLES.get(market, _SPOT).get(kind) or Channel(kind)

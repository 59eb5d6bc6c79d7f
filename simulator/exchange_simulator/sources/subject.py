"""What a payload builder starts from: one stream, as the catalog found it."""

from collections.abc import Callable
from dataclasses import dataclass

from exchange_simulator.sources.layout import Layout, Numbers, escape
from exchange_simulator.sources.prices import Quote, quotes

RING = 16
"""Templates of a small payload."""
BOOK_RING = 4
"""Templates of a payload with many levels or many symbols."""


@dataclass(frozen=True)
class Subject:
    """What a builder needs to know about one stream."""

    stream: str
    symbol: str
    first_id: int
    seed: int
    futures: bool
    symbols: tuple[str, ...]
    """The members of an all-market stream."""

    @property
    def upper(self) -> str:
        """The symbol as payloads write it."""
        return self.symbol.upper()

    def tail(self, symbol: str) -> str:
        """What futures payloads end with since June 2026: the pair, and the kind of contract."""
        return f',"ps":"{symbol.upper().partition("_")[0]}","st":1' if self.futures else ""

    def walk(self, count: int = RING) -> list[Quote]:
        """The quotes of its templates."""
        return quotes(self.symbol, self.stream, count, self.seed)


Builder = Callable[[Subject], Layout]


def layout(
    texts: list[str],
    numbers: Numbers,
    identity: Callable[[int, int], int],
    *,
    steady: bool = False,
) -> Layout:
    """Make a layout of JSON texts with `<d>` and `<s>` for the values."""
    return Layout(tuple(escape(text) for text in texts), numbers, identity, steady)


def by_time(_number: int, ms: int) -> int:
    """The identity of events that have none but their time."""
    return ms

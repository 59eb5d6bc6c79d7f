"""How the numbers of a stream follow each other.

Each check takes the last number seen (-1 at the start) and the new event, and says what happened between:
0 nothing, n > 0 that n events are missing, `UNKNOWN` that some are missing and nobody can say how many,
`RESET` that the number repeats or goes back: the exchange started again, and so does the check.
Checked only where Binance documents contiguity; elsewhere (`ordered`) only that numbers grow.

What they show of a stream is a `Note`: a gap, a reset, or, after an interruption that they say nothing about, a lapse.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final, NamedTuple, TypeAlias

RESET: Final = -1
UNKNOWN: Final = -2

Check: TypeAlias = Callable[[int, Any], int]


class Cut(StrEnum):
    """What may have come between two events of a stream, other than the exchange itself."""

    DISCONNECTED = "disconnected"  # its connection was lost
    ROTATION = (
        "rotation"  # another connection took over, and nothing proves that it did so without a hole
    )


class Interruption(NamedTuple):
    """An event of a stream may not follow the one before: what happened, and when it was whole for the last time."""

    cut: Cut
    since: int
    """Wall clock in ns."""


class Gap(NamedTuple):
    """Events of `stream` that never came: numbers from `first` to `last`, `missing` many where that can be told."""

    stream: str
    first: int
    last: int
    missing: int | None
    interruption: Interruption | None = None
    """None while the stream flowed."""

    def above(self, number: int) -> "Gap | None":
        """What of it is greater than the number."""
        if number < self.first:
            return self
        missing = None if self.missing is None else self.last - number
        rest = self._replace(first=number + 1, missing=missing)
        return rest if rest.first <= rest.last else None

    def below(self, number: int | None) -> "Gap | None":
        """What of it is less than the number, if there is one."""
        if number is None or number > self.last:
            return self
        missing = None if self.missing is None else number - self.first
        rest = self._replace(last=number - 1, missing=missing)
        return rest if rest.first <= rest.last else None


class Reset(NamedTuple):
    """The numbers of `stream` went from `last` back to `first`, or repeated."""

    stream: str
    last: int
    first: int
    interruption: Interruption | None = None


class Lapse(NamedTuple):
    """`stream` came back after an interruption, and has no numbers that tell whether anything is missing."""

    stream: str
    interruption: Interruption


Note: TypeAlias = Gap | Reset | Lapse


def contiguous(last: int, event: Any) -> int:
    """Each number is the one before plus one (`t`, `a`)."""
    missing: int = event.identity - last - 1
    if missing == 0 or last < 0:
        return 0
    return missing if missing > 0 else RESET


def ranged(last: int, event: Any) -> int:
    """Each event covers `U`…`u`, and its `U` is the `u` before plus one; an overlap is no gap."""
    if event.first == last + 1 or last < 0:
        return 0
    if event.identity <= last:
        return RESET
    missing: int = event.first - last - 1
    return max(missing, 0)


def chained(last: int, event: Any) -> int:
    """Each event names the number before it (`pu`); numbers in between are used by nobody."""
    if event.previous == last or last < 0:
        return 0
    if event.identity <= last:
        return RESET
    return UNKNOWN if event.previous > last else 0


def ordered(last: int, event: Any) -> int:
    """Numbers grow; the steps say nothing."""
    return 0 if event.identity > last else RESET

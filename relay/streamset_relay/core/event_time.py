"""Times in events, as the exchange sends them: milliseconds, or microseconds where they were asked for.

The magnitude tells them apart: the border is the year 1973 in microseconds, and 5138 in milliseconds.
"""

from typing import Final

_BORDER: Final = 100_000_000_000_000


def in_microseconds(time: int) -> bool:
    """Whether this is microseconds."""
    return time > _BORDER


def seconds(time: int) -> float:
    """The time in seconds since 1970."""
    return time / 1e6 if in_microseconds(time) else time / 1e3


def milliseconds(time: int) -> int:
    """The time in whole milliseconds since 1970."""
    return time // 1000 if in_microseconds(time) else time

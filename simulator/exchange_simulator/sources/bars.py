"""Candlestick intervals: where the bar begins that a moment falls into."""

from datetime import UTC, datetime, timedelta

MINUTE = 60_000
DAY = 24 * 60 * MINUTE
WEEK = 7 * DAY
MONDAY = 4 * DAY
"""The first Monday of the epoch, 1970-01-05, in milliseconds."""

INTERVALS = {
    "1s": 1_000,
    "1m": MINUTE,
    "3m": 3 * MINUTE,
    "5m": 5 * MINUTE,
    "15m": 15 * MINUTE,
    "30m": 30 * MINUTE,
    "1h": 60 * MINUTE,
    "2h": 120 * MINUTE,
    "4h": 240 * MINUTE,
    "6h": 360 * MINUTE,
    "8h": 480 * MINUTE,
    "12h": 720 * MINUTE,
    "1d": DAY,
    "3d": 3 * DAY,
    "1w": WEEK,
    "1M": 0,
}
"""Interval → length in milliseconds; 0 where it follows the calendar."""


def bar(moment_ms: int, interval: str, offset_ms: int = 0) -> tuple[int, int]:
    """Open and close time (the last millisecond) of the bar, for a time zone `offset_ms` east."""
    local = moment_ms + offset_ms
    length = INTERVALS[interval]
    if not length:
        first = datetime.fromtimestamp(local / 1000, UTC).replace(
            day=1, hour=0, minute=0, second=0, microsecond=0
        )
        following = (first + timedelta(days=32)).replace(day=1)
        start, end = int(first.timestamp() * 1000), int(following.timestamp() * 1000)
    else:
        start = local - (local - (MONDAY if interval == "1w" else 0)) % length
        end = start + length
    return start - offset_ms, end - offset_ms - 1

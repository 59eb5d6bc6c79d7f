"""When to connect again: growing delays with jitter, and a budget of connects."""

from collections import deque


def delay(failures: int, initial: float, maximum: float, jitter: float) -> float:
    """Seconds to wait after the nth failure in a row: `initial · 2^(n-1)`, capped, plus `jitter` of up to a second."""
    doubled = initial * 2.0 ** min(failures - 1, 32)
    return min(doubled, maximum) + jitter


class ConnectBudget:
    """At most `limit` connects in any `window` seconds, shared by all connections of a relay.

    The exchange counts 300 in 5 minutes per address (Binance spot `web-socket-streams.md`), and bans repeat offenders.
    """

    def __init__(self, limit: int, window: float) -> None:
        self._limit = limit
        self._window = window
        self._spent: deque[float] = deque()

    def available_at(self, now: float) -> float:
        """The earliest time at which a connect is allowed: `now`, or when the oldest one leaves the window."""
        self._forget(now)
        return now if len(self._spent) < self._limit else self._spent[0] + self._window

    def spend(self, now: float) -> None:
        """Count a connect."""
        self._spent.append(now)

    def remaining(self, now: float) -> int:
        """Connects left in the window that ends now."""
        self._forget(now)
        return self._limit - len(self._spent)

    def _forget(self, now: float) -> None:
        while self._spent and self._spent[0] + self._window <= now:
            self._spent.popleft()

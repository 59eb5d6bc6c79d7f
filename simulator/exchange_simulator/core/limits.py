"""The exchange's limits on a client: how often it may speak, and how soon it must answer a ping."""

from collections import deque
from dataclasses import dataclass, field


class RateWindow:
    """At most `limit` events in any `seconds`, counted over a sliding window."""

    def __init__(self, limit: float, seconds: float) -> None:
        self.limit = limit
        self.seconds = seconds
        self._times: deque[float] = deque()

    def exceeded(self, now: float) -> bool:
        """Count one event at `now`, and say whether it was one too many."""
        self._forget(now)
        if len(self._times) >= self.limit:
            return True
        self._times.append(now)
        return False

    def free_at(self, now: float) -> float:
        """When the next event is allowed: `now`, or when the oldest counted one leaves the window."""
        self._forget(now)
        if len(self._times) < self.limit or not self._times:
            return now
        return self._times[0] + self.seconds

    def _forget(self, now: float) -> None:
        while self._times and self._times[0] <= now - self.seconds:
            self._times.popleft()


@dataclass
class Heartbeat:
    """The server's pings on one connection.

    A ping goes out every `interval` seconds. Its pong must bring the same payload within `timeout`;
    an unsolicited pong is allowed but keeps nothing alive.
    """

    interval: float
    timeout: float
    next_ping: float
    pending: dict[bytes, float] = field(default_factory=dict)  # payload -> when it was sent

    def due(self, now: float) -> bool:
        """Whether a ping is due."""
        return now >= self.next_ping

    def sent(self, payload: bytes, now: float) -> None:
        """A ping went out."""
        self.pending.setdefault(payload, now)
        self.next_ping = now + self.interval

    def answered(self, payload: bytes) -> bool:
        """A pong came. True if it answers a ping; then it answers every earlier one as well."""
        if payload not in self.pending:
            return False
        for sent in list(self.pending):
            del self.pending[sent]
            if sent == payload:
                break
        return True

    def overdue(self, now: float) -> bool:
        """Whether the oldest ping has waited longer than the exchange allows."""
        if not self.pending:
            return False
        return now - next(iter(self.pending.values())) > self.timeout

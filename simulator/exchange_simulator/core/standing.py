"""Faults that stay until they are used up or cleared, and what they do to the next request."""

from collections import Counter
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from exchange_simulator.core.protocol import ErrorShape

Stall = Literal["data", "everything"]
"""No data but pings as usual, or nothing at all: no pings, and nothing that arrives is read."""


@dataclass(frozen=True)
class Rejection:
    """Answer the upgrade with an HTTP status."""

    status: int
    retry_after: int | None = None


@dataclass(frozen=True)
class SubscribeError:
    """Answer SUBSCRIBE with an error."""

    code: int
    message: str
    shape: ErrorShape | None = None


@dataclass(frozen=True)
class Acknowledgement:
    """How a request is acknowledged: when, whether at all, and whether it is obeyed."""

    delay: float = 0.0
    sent: bool = True
    obeyed: bool = True


T = TypeVar("T")


@dataclass
class Repeated(Generic[T]):
    """A fault that takes effect so many more times (None: without end), or until a moment."""

    fault: T
    left: int | None = None
    until: float | None = None

    def take(self, now: float) -> T | None:
        """The fault, if it still takes effect; this uses it once."""
        if self.left == 0 or (self.until is not None and now >= self.until):
            return None
        if self.left is not None:
            self.left -= 1
        return self.fault


class Standing:
    """The faults in force, and how often each took effect."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.clear()

    def clear(self) -> None:
        """End every fault; the counts stay."""
        self.reject_upgrades: Repeated[Rejection] | None = None
        self.close_after_accept: Repeated[int] | None = None
        self.reply_error: Repeated[SubscribeError] | None = None
        self.acknowledge: Repeated[Acknowledgement] | None = None
        self.stall: Stall | None = None
        self.lag = 0.0  # of connections that open from now on
        self.silenced: set[str] = set()

    def on_upgrade(self, now: float) -> Rejection | None:
        """How to refuse the upgrade that came."""
        return self._take("reject_upgrades", self.reject_upgrades, now)

    def on_open(self, now: float) -> int | None:
        """With which code to close the connection that was accepted."""
        return self._take("close_after_accept", self.close_after_accept, now)

    def on_subscribe(self, now: float) -> SubscribeError | None:
        """How to refuse the SUBSCRIBE that came."""
        return self._take("reply_error", self.reply_error, now)

    def on_obeyed(self, now: float) -> Acknowledgement:
        """How to acknowledge the SUBSCRIBE or UNSUBSCRIBE that came."""
        planned = self.acknowledge
        name = "delay_acks" if planned and planned.fault.sent else "drop_acks"
        return self._take(name, planned, now) or Acknowledgement()

    def _take(self, name: str, planned: Repeated[T] | None, now: float) -> T | None:
        fault = planned.take(now) if planned else None
        if fault is not None:
            self.counts[name] += 1
        return fault

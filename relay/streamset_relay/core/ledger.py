"""The promise: where every received frame went.

``received = published + unconfirmed + duplicate + dropped + in flight``
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Ledger:
    """A snapshot. Each number is counted where the thing happens, so that `difference` is a check and no tautology."""

    received: int
    """Data frames read from the exchange, malformed ones included; control replies are none."""
    published: int
    """Written to NATS, and a later PING was answered."""
    unconfirmed: int
    """Written to a NATS connection that was lost before the next PONG. Not sent again."""
    in_flight: int
    """In the buffer, or written and waiting for the PONG."""
    dropped: dict[str, int] = field(default_factory=dict)
    """By reason."""
    duplicate: int = 0
    """Seen on two connections during a handover, published once."""

    @property
    def dropped_total(self) -> int:
        """All reasons together."""
        return sum(self.dropped.values())

    @property
    def difference(self) -> int:
        """Frames unaccounted for. Anything but 0 is a bug of the relay."""
        accounted = self.published + self.unconfirmed + self.duplicate + self.in_flight
        return self.received - accounted - self.dropped_total

    def as_dict(self) -> dict[str, object]:
        """For the log and for JSON."""
        return {
            "received": self.received,
            "published": self.published,
            "unconfirmed": self.unconfirmed,
            "duplicate": self.duplicate,
            "dropped": dict(self.dropped),
            "in_flight": self.in_flight,
            "difference": self.difference,
        }

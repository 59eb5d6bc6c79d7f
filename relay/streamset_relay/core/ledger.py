"""The promise: where every received frame went.

``received = published + unconfirmed + duplicate + dropped + in flight``

On JetStream it is `acked` instead of `published`, and nothing stays unconfirmed. Records of events, which were never
received, go the same way and are on the left: ``received + records = …``.
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
    """Held by a handover, in the buffer, or written and waiting for the PONG."""
    dropped: dict[str, int] = field(default_factory=dict)
    """By reason."""
    duplicate: int = 0
    """Came on two connections during a handover, and goes on once; or another relay had stored it in JetStream."""
    acked: int | None = None
    """Stored in a JetStream stream, by its own word; None on core NATS."""
    records: int | None = None
    """Records of events that the relay wrote; None where none are wanted. The counts above have them too."""

    @property
    def dropped_total(self) -> int:
        """All reasons together."""
        return sum(self.dropped.values())

    @property
    def processed(self) -> int:
        """Messages handed to NATS for good."""
        return self.published + self.unconfirmed + (self.acked or 0)

    @property
    def difference(self) -> int:
        """Frames unaccounted for. Anything but 0 is a bug of the relay."""
        accounted = self.processed + self.duplicate + self.in_flight
        return self.received + (self.records or 0) - accounted - self.dropped_total

    def as_dict(self) -> dict[str, object]:
        """For the log and for JSON."""
        return {
            "received": self.received,
            **({} if self.records is None else {"records": self.records}),
            **self._delivered(),
            "duplicate": self.duplicate,
            "dropped": dict(self.dropped),
            "in_flight": self.in_flight,
            "difference": self.difference,
        }

    def _delivered(self) -> dict[str, int]:
        if self.acked is None:
            return {"published": self.published, "unconfirmed": self.unconfirmed}
        return {"acked": self.acked}

"""Snapshots of what the exchange saw and did. Times are seconds since the epoch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from exchange_simulator.core.ledger import StreamCount


@dataclass(frozen=True)
class Attempt:
    """An upgrade request, and the HTTP status it was answered with (101 when it was accepted)."""

    at: float
    path: str
    status: int


@dataclass(frozen=True)
class ControlMessage:
    """A message from the client: a text or binary message, or a PING or PONG frame."""

    at: float
    kind: str
    """The method (`SUBSCRIBE`, …), `PING`, `PONG`, or `error` for a message the exchange refused."""
    text: str
    """The message, at most 8,000 characters of it."""


@dataclass(frozen=True)
class ConnectionStats:
    """One connection, open or closed.

    `close_sent` and `close_received` are the codes of the close frames; None when there was none (yet).
    """

    number: int
    path: str
    remote: str
    opened_at: float
    closed_at: float | None
    close_sent: int | None
    close_received: int | None
    combined: bool
    streams: tuple[str, ...]
    messages: int
    bytes: int
    pings_sent: int
    pongs_received: int
    pings_received: int
    control: tuple[ControlMessage, ...]


@dataclass(frozen=True)
class Stats:
    """Everything the exchange counted.

    `faults` counts how often each fault took effect, `violations` how often a client broke a rule.
    """

    open: int
    attempts: tuple[Attempt, ...]
    connections: tuple[ConnectionStats, ...]
    streams: Mapping[str, StreamCount]
    faults: Mapping[str, int]
    violations: Mapping[str, int]
    events: int
    """Distinct events sent to at least one connection, over all streams."""
    deliveries: int
    """Frames with events sent, over all streams and connections."""
    replay_passes: int
    """Passes of the replay that are over."""

    def to_json(self) -> dict[str, Any]:
        """The same as JSON values."""
        return asdict(self)

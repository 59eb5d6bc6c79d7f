"""What a sink has done with the messages it was given: a snapshot, from which ledger and metrics are made."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

OVERSIZE: Final = "oversize"
"""Dropped because the server, or the stream, takes no message of that size."""


@dataclass(frozen=True)
class JetStreamAccount:
    """How JetStream delivery went."""

    acked: int = 0
    """Stored in the stream, once."""
    duplicate: int = 0
    """Not stored, because the stream had it already, from another relay."""
    in_window: int = 0
    """Written and not answered."""
    resent: int = 0
    """Writes after a message's first."""
    duplicate_answers: int = 0
    """Answers that said `duplicate`, those to repetitions of this relay included."""
    reordered: int = 0
    """Messages that the stream stored behind a later one of their stream."""
    window_limit: int = 0
    """Messages that may be in flight now; less than configured while the server is overloaded."""


@dataclass(frozen=True)
class Account:
    """Counts since the start. ``given == published + unconfirmed + acked + duplicate + dropped + pending``."""

    pending: int
    """Without a last word yet."""
    dropped: Counter[str] = field(default_factory=Counter)
    """By reason."""
    published: int = 0
    """Core NATS: written, and a later PING was answered."""
    unconfirmed: int = 0
    """Core NATS: written to a connection that ended before the next PONG."""
    jetstream: JetStreamAccount | None = None
    """None on core NATS."""

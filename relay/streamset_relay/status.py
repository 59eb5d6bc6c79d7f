"""What the relay says of itself: one snapshot, from which readiness, `/info`, heartbeat and metrics are read."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from .connection import Connection
from .core.account import Account, JetStreamAccount
from .core.ledger import Ledger
from .core.ownership import State as Owner
from .core.session import State
from .pipeline import Pipeline
from .place import Place

DISCONNECTED = "websocket_disconnected"
NATS_DISCONNECTED = "nats_disconnected"
NO_DATA = "no_data"
DRAINING = "draining"
STARTING = "starting"


@dataclass(frozen=True)
class Status:
    """A snapshot. Counts since the start, times in seconds; `not_ready` is why, or None when it is ready."""

    not_ready: str | None
    websocket_connected: bool
    nats_connected: bool
    connections: dict[str, int]
    """How many connections are in each state."""
    breakers: dict[str, str]
    """`exchange` and `nats` → `closed`, `open` or `half_open`."""
    streams: tuple[str, ...]
    active: int
    silent: tuple[str, ...]
    refused: dict[str, str]
    """Streams that the exchange would not subscribe, and its words."""
    ledger: Ledger
    queue_size: int
    queue_utilization: float
    queue_age: float
    gaps: int
    missing: int
    sequence_resets: int
    reconnects: int
    handovers: dict[str, int]
    """Planned replacements of connections, by outcome."""
    nats_reconnects: int
    lag: float
    last_message_at: float | None
    """Unix time of the last message."""
    since_last_message: float | None
    last_ping_at: float | None
    """Unix time of the exchange's last PING or PONG."""
    since_last_ping: float | None
    uptime: float
    last_errors: dict[str, str]
    """`exchange` and `nats` → what went wrong last."""
    jetstream: JetStreamAccount | None = None
    """How delivery into the stream goes; None on core NATS."""
    event_records: dict[str, int] = field(default_factory=dict)
    """Records on the subject of events, by type."""
    ownership: Owner = Owner.OWNING
    """Whether this relay publishes the streams, or another one does."""


def observe(
    pipeline: Pipeline,
    places: Iterable[Place],
    *,
    draining: bool,
    started_at: float,
    now: float,
    wall: float,
) -> Status:
    """Take a snapshot at `now` on the loop's clock, `wall` on the wall's."""
    places = list(places)
    connections = [place.connection for place in places]
    every = [connection for place in places for connection in place.connections]
    tally, buffer, link = pipeline.tally, pipeline.buffer, pipeline.sink.link
    connected = bool(connections) and all(connection.open for connection in connections)
    pings = [c.last_ping_at for c in connections if c.last_ping_at is not None]
    arrived, account = tally.last_arrived, pipeline.sink.account
    owner = Owner.OWNING if pipeline.ownership is None else pipeline.ownership.state
    return Status(
        not_ready=_not_ready(connections, connected, link.connected, draining, owner),
        websocket_connected=connected,
        nats_connected=link.connected,
        connections={
            state.value: sum(1 for c in every if c.session.state is state) for state in State
        },
        breakers={
            "exchange": _worst(connection.session.breaker for connection in connections),
            "nats": link.breaker,
        },
        streams=tuple(name for c in connections for name in c.planned.streams),
        active=sum(len(connection.observation.active) for connection in connections),
        silent=tuple(sorted(name for c in connections for name in c.observation.silent)),
        refused={
            name: refusal.message
            for connection in connections
            for name, refusal in connection.subscriptions.refused.items()
        },
        ledger=_ledger(pipeline, account),
        queue_size=buffer.messages,
        queue_utilization=buffer.utilization,
        queue_age=buffer.oldest_age(now),
        gaps=tally.gaps,
        missing=tally.missing,
        sequence_resets=tally.resets,
        reconnects=tally.reconnects,
        nats_reconnects=link.reconnects,
        lag=tally.lag,
        last_message_at=tally.last_received_at / 1e9 if tally.last_received_at else None,
        since_last_message=now - arrived if arrived is not None else None,
        last_ping_at=wall - now + max(pings) if pings else None,
        since_last_ping=now - max(pings) if pings else None,
        uptime=now - started_at,
        handovers=dict(tally.handovers),
        last_errors=_last_errors(every, link.last_error),
        jetstream=account.jetstream,
        event_records=dict(pipeline.journal.recorded),
        ownership=owner,
    )


def _ledger(pipeline: Pipeline, account: Account) -> Ledger:
    """Add up what each stage has counted."""
    buffer, tally, jetstream = pipeline.buffer, pipeline.tally, account.jetstream
    journal = pipeline.journal
    dropped = tally.dropped + buffer.dropped + account.dropped + journal.dropped
    held, duplicates = 0, tally.duplicates
    if (ownership := pipeline.ownership) is not None:
        held, dropped = ownership.held, dropped + ownership.dropped
        duplicates += ownership.duplicates
    return Ledger(
        received=tally.received,
        published=account.published,
        unconfirmed=account.unconfirmed,
        acked=None if jetstream is None else jetstream.acked,
        in_flight=buffer.messages + account.pending + tally.held + held + len(journal.waiting),
        dropped=dict(dropped),
        duplicate=duplicates + (0 if jetstream is None else jetstream.duplicate),
        records=journal.recorded.total() if journal.wanted else None,
    )


def _not_ready(
    connections: list[Connection],
    connected: bool,
    nats_connected: bool,
    draining: bool,
    owner: Owner,
) -> str | None:
    if draining:
        return DRAINING
    if not connected:
        return DISCONNECTED
    if not nats_connected:
        return NATS_DISCONNECTED
    if any(connection.no_data for connection in connections):
        return NO_DATA
    return STARTING if owner is Owner.ASKING else None


def _worst(breakers: Iterable[str]) -> str:
    return max(breakers, key=("closed", "half_open", "open").index, default="closed")


def _last_errors(connections: list[Connection], nats: str | None) -> dict[str, str]:
    errors = {} if nats is None else {"nats": nats}
    for connection in connections:
        if connection.session.last_error is not None:
            errors["exchange"] = str(connection.session.last_error)
    return errors

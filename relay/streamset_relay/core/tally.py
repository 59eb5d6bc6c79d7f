"""What has been seen since the start, in plain integers. Metrics, status and ledger read them when asked."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from .classify import BINARY, Sorted
from .event_time import seconds
from .sequence import Gap

SHUTDOWN = "shutdown"


@dataclass
class Tally:
    """Counts of one relay. Drops of the buffer are counted there, what became of the others by the sink."""

    received: int = 0
    """Data frames, malformed ones included."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Malformed frames, by reason."""
    held: int = 0
    """Messages that a handover holds now."""
    duplicates: int = 0
    """Messages of one connection that another has delivered, or is to deliver, during a handover."""
    gaps: int = 0
    missing: int = 0
    """Events that gaps are known to have swallowed."""
    resets: int = 0
    refusals: int = 0
    """Error answers to SUBSCRIBE and UNSUBSCRIBE."""
    shutdown_notices: int = 0
    handovers: Counter[str] = field(default_factory=Counter)
    """Handovers by the reason of the switch, and `missing`: those put off for a stream that did not come."""
    unaligned: int = 0
    """Streams that were switched although no event had been seen on both connections."""
    reconnects: int = 0
    """Connects after the first of each connection."""
    losses: Counter[str] = field(default_factory=Counter)
    """Failed connects and lost connections, by close code or HTTP status."""
    lag: float = 0.0
    """Receive time less event time of the last chunk that showed one, in seconds."""
    last_received_at: int = 0
    """Wall clock of the last message, ns; 0 before the first."""
    last_arrived: float | None = None
    """The same on the monotonic clock."""

    def drop_binary(self, frames: int) -> None:
        """Count binary frames, which no stream sends."""
        if frames:
            self.received += frames
            self.dropped[BINARY] += frames

    def add(self, received_at: int, found: Sorted, now: float) -> None:
        """Count what was found in the text frames of a chunk, or of a part of it."""
        self.received += len(found.messages) + found.malformed.total()
        if found.malformed:
            self.dropped.update(found.malformed)
        if found.messages:
            self.last_received_at = received_at
            self.last_arrived = now
        if found.event_time:
            self.lag = received_at / 1e9 - seconds(found.event_time)
        if found.gaps or found.resets:
            self.check(found)

    def check(self, found: Sorted) -> None:
        """Count what the numbers say; of messages that were held, it is said when they go on."""
        self.count_gaps(found.gaps)
        self.resets += len(found.resets)

    def count_gaps(self, gaps: Iterable[Gap]) -> None:
        """Count holes in the numbers of what goes on."""
        for gap in gaps:
            self.gaps += 1
            self.missing += gap.missing or 0

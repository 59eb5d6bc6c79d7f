"""What was written to core NATS and is not confirmed yet: it tells which messages a lost connection leaves in doubt."""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from .batch import Batch
from .losses import Losses


class _Write(NamedTuple):
    end: int
    """Messages written so far."""
    batches: Sequence[Batch]


class Unsettled:
    """Writes in order. It goes by the account of the session, which settles write by write."""

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self._writes: deque[_Write] = deque()
        self._lost = 0

    def add(self, batches: Sequence[Batch], end: int) -> None:
        """These were written; `end` is how many messages were so far."""
        self._writes.append(_Write(end, batches))

    def settle(self, settled: int, lost: int) -> None:
        """How many messages have had their last word so far, and how many of those were lost with a connection.

        The last ones that were settled are the lost ones: a connection confirms up to its end.
        """
        certain = settled - (lost - self._lost)
        self._lost = lost
        while self._writes and self._writes[0].end <= settled:
            end, batches = self._writes.popleft()
            if end > certain:
                for batch in batches:
                    self._losses.doubt(batch.messages, batch.received_at)

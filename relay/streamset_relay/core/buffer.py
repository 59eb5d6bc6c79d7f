"""The bounded buffer between the exchange and NATS. It holds batches, bounds messages and bytes, and counts each drop.

The socket is always read; when NATS is slow or away it is this buffer that fills. Messages of channels whose
policy is `DropNewest` and of those with `DropOldest` wait in two lanes, so that what may be evicted never pushes
out what may not; a stream is in one lane only, which keeps its order.
"""

from collections import Counter, deque
from typing import Final

from streamset_api.enums import Overflow
from streamset_api.relay_config import BufferConfig

from .batch import Batch, Room
from .classify import Message
from .losses import Losses

OVERFLOW: Final = "buffer_full"
EXPIRED: Final = "expired"

#: What a waiting message costs beside its payload: tuple, bytes header, number, list slot.
MESSAGE_OVERHEAD: Final = 200

#: Above this share of a bound the buffer is under pressure.
PRESSURE: Final = 0.8


class Buffer:
    """First in, first out, per lane. `messages` and `size` (bytes, overhead included) are what waits now.

    What is dropped for want of room or time is told to `losses`.
    """

    def __init__(self, config: BufferConfig, losses: Losses | None = None) -> None:
        self._losses = Losses(wanted=False) if losses is None else losses
        self._max_messages = config.max_messages
        self._max_bytes = config.max_bytes
        self._ttl = config.ttl_seconds
        policies = {config.overflow, *(entry.overflow for entry in config.channels)}
        self._mixed = len(policies) > 1
        self._keeping: deque[Batch] = deque()
        self._evicting: deque[Batch] = deque()
        self._default = self._evicting if config.overflow is Overflow.DROP_OLDEST else self._keeping
        self.messages = 0
        self.size = 0
        self.dropped: Counter[str] = Counter()

    def put(self, batch: Batch) -> None:
        """Add a batch; what finds no room is dropped by policy."""
        for lane, part in self._split(batch):
            if self._fits(len(part.messages), _cost(part)):
                self._append(lane, part)
            elif lane is self._evicting:
                self._append(lane, part)
                self._evict()
            else:
                self._append(lane, self._head(part))

    def take(self, now: float, room: Room) -> list[Batch]:
        """The oldest batches that have not expired, until they fill the room; they leave the buffer."""
        self.expire(now)
        taken: list[Batch] = []
        messages = size = 0
        while messages < room.messages and size < room.size and (lane := self._oldest_lane()):
            batch = self._remove(lane)
            messages += len(batch.messages)
            size += batch.size
            taken.append(batch)
        return taken

    def expire(self, now: float) -> None:
        """Drop what has waited longer than its time to live."""
        deadline = now - self._ttl
        for lane in (self._keeping, self._evicting):
            while lane and lane[0].arrived < deadline:
                batch = self._remove(lane)
                self._drop(batch, batch.messages, EXPIRED)

    def drop_all(self, reason: str) -> None:
        """Give up what is left."""
        while lane := self._oldest_lane():
            self.dropped[reason] += len(self._remove(lane).messages)

    @property
    def capacity(self) -> int:
        """Messages it holds at most."""
        return self._max_messages

    @property
    def utilization(self) -> float:
        """How full it is: 0 to 1, by the bound that is nearer."""
        return max(self.messages / self._max_messages, self.size / self._max_bytes)

    @property
    def oldest(self) -> float | None:
        """When the oldest message arrived, which is the first of its lane; None when empty."""
        lane = self._oldest_lane()
        return lane[0].arrived if lane else None

    def oldest_age(self, now: float) -> float:
        """Seconds that the oldest message has waited; 0 when empty."""
        oldest = self.oldest
        return 0.0 if oldest is None else now - oldest

    def _split(self, batch: Batch) -> list[tuple[deque[Batch], Batch]]:
        if not self._mixed:
            return [(self._default, batch)]
        lanes: tuple[list[Message], list[Message]] = ([], [])
        for message in batch.messages:
            lanes[message[0].overflow is Overflow.DROP_OLDEST].append(message)
        return [
            (lane, batch._replace(messages=messages, size=_payload_size(messages)))
            for lane, messages in zip((self._keeping, self._evicting), lanes, strict=True)
            if messages
        ]

    def _fits(self, messages: int, cost: int) -> bool:
        return (
            self.messages + messages <= self._max_messages and self.size + cost <= self._max_bytes
        )

    def _append(self, lane: deque[Batch], batch: Batch) -> None:
        if batch.messages:
            lane.append(batch)
            self.messages += len(batch.messages)
            self.size += _cost(batch)

    def _remove(self, lane: deque[Batch]) -> Batch:
        batch = lane.popleft()
        self.messages -= len(batch.messages)
        self.size -= _cost(batch)
        return batch

    def _oldest_lane(self) -> deque[Batch] | None:
        if self._keeping and self._evicting:
            return min(self._keeping, self._evicting, key=lambda lane: lane[0].arrived)
        return self._keeping or self._evicting or None

    def _head(self, batch: Batch) -> Batch:
        """The part of the batch that fits; the rest is dropped."""
        kept, size = 0, 0
        for _, payload, _ in batch.messages[: self._max_messages - self.messages]:
            if self.size + size + (kept + 1) * MESSAGE_OVERHEAD + len(payload) > self._max_bytes:
                break
            kept += 1
            size += len(payload)
        self._drop(batch, batch.messages[kept:], OVERFLOW)
        return batch._replace(messages=batch.messages[:kept], size=size)

    def _evict(self) -> None:
        """Drop the oldest of the evicting lane until the bounds hold."""
        while self._evicting and not self._fits(0, 0):
            batch = self._remove(self._evicting)
            size, gone = batch.size, 0
            for _, payload, _ in batch.messages:
                left = len(batch.messages) - gone
                if self._fits(left, size + left * MESSAGE_OVERHEAD):
                    break
                gone += 1
                size -= len(payload)
            self._drop(batch, batch.messages[:gone], OVERFLOW)
            if rest := batch.messages[gone:]:
                self._evicting.appendleft(batch._replace(messages=rest, size=size))
                self.messages += len(rest)
                self.size += size + len(rest) * MESSAGE_OVERHEAD

    def _drop(self, batch: Batch, messages: list[Message], reason: str) -> None:
        self.dropped[reason] += len(messages)
        self._losses.drop(messages, batch.received_at, reason)


def _cost(batch: Batch) -> int:
    return batch.size + len(batch.messages) * MESSAGE_OVERHEAD


def _payload_size(messages: list[Message]) -> int:
    return sum(len(payload) for _, payload, _ in messages)

"""One at a time: in ordered delivery a message waits until the one before it, of its stream, is stored.

Then nothing that the server refuses or loses can be overtaken, at the price of one round trip per message and
stream. Streams do not wait for each other.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .batch import Batch
from .buffer import EXPIRED
from .classify import Message
from .losses import Losses
from .stream import Stream


class _Held(NamedTuple):
    received_at: int
    arrived: float
    message: Message


class Turns:
    """Whose turn it is.

    `held` messages wait for theirs, and `size` are the bytes of their payloads; `expired` have waited too long,
    and `given_up` were held when the relay ended.
    """

    def __init__(self, ttl: float, losses: Losses | None = None) -> None:
        self._ttl = ttl
        self._losses = Losses(wanted=False) if losses is None else losses
        # Of streams whose last message is under way, by the half of the id that names the stream.
        self._lines: dict[bytes, deque[_Held]] = {}
        self.held = 0
        self.size = 0
        self.expired = 0
        self.given_up = 0

    @property
    def oldest(self) -> float | None:
        """When the first to arrive of the held messages arrived, each line in the order in which it was filled."""
        return min((line[0].arrived for line in self._lines.values() if line), default=None)

    def admit(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Give those that may go at once, in order; the others are held."""
        for batch in batches:
            going: list[Message] = []
            for message in batch.messages:
                stream, payload, _ = message
                line = self._lines.get(stream.message_id)
                if line is None:
                    self._lines[stream.message_id] = deque()
                    going.append(message)
                else:
                    line.append(_Held(batch.received_at, batch.arrived, message))
                    self.held += 1
                    self.size += len(payload)
            if going:
                yield batch._replace(messages=going, size=sum(len(m[1]) for m in going))

    def release(self, streams: Iterable[Stream], now: float) -> Iterator[Batch]:
        """The message of each of these that was under way has its last word: give the next ones."""
        for stream in streams:
            following = self._next(self._lines[stream.message_id], now)
            if following is None:
                del self._lines[stream.message_id]
            else:
                received_at, arrived, message = following
                yield Batch(received_at, arrived, [message], len(message[1]))

    def expire(self, now: float) -> None:
        """Drop what has waited longer than its time to live since it arrived."""
        for line in self._lines.values():
            while line and line[0].arrived < now - self._ttl:
                self._expire(self._pop(line))

    def drop_all(self) -> None:
        """Give up what is held."""
        self.given_up += self.held
        self.held = self.size = 0
        self._lines.clear()

    def _next(self, line: deque[_Held], now: float) -> _Held | None:
        while line:
            held = self._pop(line)
            if held.arrived >= now - self._ttl:
                return held
            self._expire(held)
        return None

    def _expire(self, held: _Held) -> None:
        self.expired += 1
        self._losses.drop([held.message], held.received_at, EXPIRED)

    def _pop(self, line: deque[_Held]) -> _Held:
        held = line.popleft()
        self.held -= 1
        self.size -= len(held.message[1])
        return held

"""The window: messages on their way into a JetStream stream, in order, until each has been answered.

Messages are numbered in the order in which they are added, and kept as the bytes that go over the
wire. Each is in one of these states::

    waiting ──due──▶ flying ──ack──▶ done          (waiting: to be written, for the first time or again)
       ▲               │ refuse
       └───rewind── refused                         (and `rewind` takes what is flying back, too)

So a message is written again only after `rewind`, in the old order; an answer counts whenever it
comes, and whatever state its message is in. What may be in flight is bounded by messages and bytes.
`shrink` halves both bounds; a window's worth of positive answers widens them a little.
"""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from .batch import NO_ROOM, Room
from .reordering import Reordering

UNACKED: Final = "unacked_expired"
"""Dropped because its fate is unknown and the stream may have forgotten its id: it may be stored."""

UNACKED_AT_STOP: Final = "unacked_shutdown"
"""Dropped because the relay ended before the answer came: it may be stored."""

EXPIRED: Final = "expired"
UNSENT_AT_STOP: Final = "shutdown"

SAFETY: Final = 10.0
"""Seconds that a stream may still know an id for when its message is written for the last time."""

GROWTH: Final = 8
"""A window's worth of positive answers widens a narrowed window by one part in so many."""

WAITING, FLYING, REFUSED, DONE, DROPPED = range(5)
_FLYING: Final = bytes([FLYING])
_LEFT: Final = bytes([DONE, DROPPED])
_REWIND: Final = bytes.maketrans(bytes([FLYING, REFUSED]), bytes([WAITING, WAITING]))


class Limits(NamedTuple):
    """Bounds of a window; times in seconds."""

    messages: int
    """In flight at most."""
    bytes: int
    """Wire bytes in flight at most, unless one message alone has more."""
    timeout: float
    """The oldest message in flight is overdue after this long."""
    lifetime: float
    """Nothing is written again later than this after its first time."""
    ttl: float
    """Nothing is written for the first time later than this after it arrived."""


class Window:
    """Accounts of one stream. ``added == acked + duplicate + dropped + messages`` at any time.

    * `acked`: stored, by one of our writes as far as we know;
    * `duplicate`: written once, and the stream had it already, from another relay;
    * `dropped`: by reason, see `expire`, `drop` and `drop_all`;
    * `resent`: writes after a message's first;
    * `duplicate_answers`: all answers that said `duplicate`, those to our own repetitions included;
    * `reordered`: messages stored behind a later one of their stream, as far as the answers show.

    `stream_of` tells from a message's bytes which stream of the exchange it belongs to. With `keep_dropped` the
    bytes of what is dropped are kept in `lost`, with the reason, for somebody who takes them away.
    """

    def __init__(
        self, limits: Limits, stream_of: Callable[[bytes], bytes], *, keep_dropped: bool = False
    ) -> None:
        self._keep_dropped = keep_dropped
        self.lost: list[tuple[bytes, str]] = []
        self._limits = limits
        self._stream_of = stream_of
        self._parts: list[bytes] = []
        self._states = bytearray()
        self._base = 0  # number of the first message in the two above: the oldest unanswered
        self._limit = limits.messages
        self._credit = 0  # positive answers since the limit last grew
        self._flying_bytes = 0
        self._arrived: deque[tuple[int, float]] = deque()  # number behind the last, time
        self._arrivals: deque[tuple[int, float]] = deque()  # the same, of those written as well
        self._first_sent: deque[tuple[int, float]] = deque()
        self._sent: deque[tuple[int, float]] = deque()  # since the last rewind
        self._fresh = 0  # number of the first message never written
        self._refusals: dict[int, str] = {}  # last answer to a message not written since
        self._order = Reordering()
        self.next = 0
        self.acked = 0
        self.duplicate = 0
        self.duplicate_answers = 0
        self.resent = 0
        self.dropped: Counter[str] = Counter()

    @property
    def messages(self) -> int:
        """Messages without a last word."""
        return len(self._states) - self._count(DONE) - self._count(DROPPED)

    @property
    def oldest(self) -> float | None:
        """When the first to arrive of the messages without a last word arrived. Looks at all of them."""
        found: float | None = None
        start = 0
        for end, arrived in self._arrivals:
            stop = end - self._base
            if (found is None or arrived < found) and self._states[start:stop].strip(_LEFT):
                found = arrived
            start = stop
        return found

    @property
    def in_flight(self) -> int:
        """Messages written and not answered."""
        return self._count(FLYING)

    @property
    def limit(self) -> int:
        """Messages that may be in flight now."""
        return self._limit

    @property
    def reordered(self) -> int:
        """Messages stored behind a later one of their stream."""
        return self._order.inverted

    @property
    def room(self) -> Room:
        """What it would like to be given now. More is taken, and waits.

        Nothing while something waits, nor before a quarter of the window is free: small writes cost most.
        """
        span, most, size = len(self._states), self._limit, self._flying_bytes
        if span * 4 > most * 3 or size * 4 > self._byte_limit * 3 or WAITING in self._states:
            return NO_ROOM
        return Room(most - span, max(1, self._byte_limit - size))

    def holds(self, number: int) -> bool:
        """Whether a message has been added and has no last word yet."""
        at = number - self._base
        return 0 <= at < len(self._states) and self._states[at] not in _LEFT

    def add(self, parts: Sequence[bytes], arrived: float) -> None:
        """Append messages that arrived at that time; the first of them has the number `next`."""
        if not parts:
            return
        self._parts += parts
        self._states += bytes(len(parts))
        self.next += len(parts)
        entry = (self.next, arrived)
        self._arrived.append(entry)
        self._arrivals.append(entry)

    def due(self, now: float) -> list[bytes]:
        """What is to be written now, in order; it is in flight from here on."""
        self.expire(now)
        start = self._states.find(WAITING)
        if start < 0:
            return []
        stop = min(len(self._states), self._limit)
        count, parts = stop - start, self._parts[start:stop]
        size = sum(map(len, parts))
        gaps = self._states.count(WAITING, start, stop) < count
        if gaps or self._flying_bytes + size > self._byte_limit:
            return self._due_one_by_one(start, now)
        if parts:
            self._states[start:stop] = _FLYING * count
            again = min(max(0, self._fresh - self._base - start), count)
            self._fly(count, again, stop, size, now)
        return parts

    def ack(self, numbers: list[int]) -> None:
        """The stream has these, and had none of them before. Numbers out of nowhere are ignored."""
        if not numbers:
            return
        start, stop = numbers[0] - self._base, numbers[-1] - self._base + 1
        run = range(numbers[0], numbers[-1] + 1)
        if (
            start >= 0
            and self._states[start:stop] == _FLYING * len(numbers)
            and not self._order.watching
            and list(run) == numbers
        ):
            self._states[start:stop] = bytes([DONE]) * len(run)
            self._flying_bytes -= sum(map(len, self._parts[start:stop]))
            self.acked += len(run)
            self._advance()
        else:
            for number in numbers:
                self._ack_one(number, duplicate=False)
        self._grow(len(numbers))

    def ack_duplicate(self, number: int) -> None:
        """The stream had this one already."""
        self.duplicate_answers += 1
        self._ack_one(number, duplicate=True)
        self._grow(1)

    def refuse(self, number: int, reason: str) -> None:
        """The stream did not take this one, and may take it later: it stays until `rewind`."""
        at = number - self._base
        if self.holds(number) and self._states[at] == FLYING:
            self._states[at] = REFUSED
            self._flying_bytes -= len(self._parts[at])
            self._refusals[number] = reason
            self._order.refused(number)

    def refuse_all(self, reason: str) -> None:
        """As `refuse`, for everything in flight."""
        at = self._states.find(FLYING)
        while at >= 0:
            self.refuse(self._base + at, reason)
            at = self._states.find(FLYING, at + 1)

    def refused(self) -> list[tuple[int, bytes]]:
        """Messages whose last answer was a refusal: number and bytes, in order."""
        return [
            (number, self._parts[number - self._base])
            for number in sorted(self._refusals)
            if self.holds(number)
        ]

    def drop(self, number: int, reason: str) -> None:
        """Give one up."""
        if self.holds(number):
            if self._keep_dropped:
                self.lost.append((self._parts[number - self._base], reason))
            self._leave(number - self._base, DROPPED)
            self.dropped[reason] += 1
            self._advance()

    def rewind(self) -> None:
        """Take back whatever is in flight or was refused: it waits to be written again, in order."""
        if self._count(DONE):
            done = [n for n, state in enumerate(self._states, self._base) if state == DONE]
            self._order.overtake(done, [self._key(number) for number in done])
        self._states = self._states.translate(_REWIND)
        self._flying_bytes = 0
        self._sent.clear()
        self._order.watch(self._base, self._fresh)

    def shrink(self) -> None:
        """Halve what may be in flight."""
        self._limit = max(1, self._limit // 2)
        self._credit = 0

    @property
    def deadline(self) -> float | None:
        """When the oldest message in flight is overdue; None with nothing in flight."""
        at = self._states.find(FLYING)
        if at < 0:
            return None
        _forget(self._sent, self._base + at)
        return self._sent[0][1] + self._limits.timeout

    def expire(self, now: float) -> None:
        """Drop what waits and is too old: to be written again, or for the first time.

        Messages in flight are left: an answer may be under way.
        """
        self._expire(self._first_sent, now - self._limits.lifetime, 0, UNACKED)
        self._expire(self._arrived, now - self._limits.ttl, self._fresh, EXPIRED)

    def drop_all(self) -> None:
        """Give up everything: the relay ends."""
        self.rewind()
        for number in range(self._base, self.next):
            unsent = number >= self._fresh
            self.drop(number, UNSENT_AT_STOP if unsent else self._fate(number, UNACKED_AT_STOP))

    def _expire(
        self, times: deque[tuple[int, float]], before: float, start: int, reason: str
    ) -> None:
        if not times or times[0][1] >= before:
            return
        _forget(times, max(self._base, start))
        end = max((end for end, time in times if time < before), default=0)
        at = self._states.find(WAITING, max(0, start - self._base))
        late = []
        while 0 <= at < end - self._base:
            late.append(self._base + at)
            at = self._states.find(WAITING, at + 1)
        for number in late:
            self.drop(number, self._fate(number, reason))

    def _fate(self, number: int, unknown: str) -> str:
        """Why a message is given up: what the stream said last, if it was asked and did answer."""
        return self._refusals.get(number, unknown)

    @property
    def _byte_limit(self) -> int:
        return self._limits.bytes * self._limit // self._limits.messages

    def _count(self, state: int) -> int:
        return self._states.count(state)

    def _key(self, number: int) -> bytes:
        return self._stream_of(self._parts[number - self._base])

    def _due_one_by_one(self, at: int, now: float) -> list[bytes]:
        """As far as the bounds allow, between messages that are done."""
        parts, size, again, stop = [], 0, 0, at
        while 0 <= at < self._limit:
            part = self._parts[at]
            in_flight = self._flying_bytes + size
            if in_flight and in_flight + len(part) > self._byte_limit:
                break
            self._states[at] = FLYING
            parts.append(part)
            size += len(part)
            again += self._base + at < self._fresh
            stop = at + 1
            at = self._states.find(WAITING, stop)
        if parts:
            self._fly(len(parts), again, stop, size, now)
        return parts

    def _fly(self, count: int, again: int, stop: int, size: int, now: float) -> None:
        """Note that `count` messages are in flight, `again` of them not for the first time."""
        end = self._base + stop
        self._flying_bytes += size
        self._sent.append((end, now))
        self.resent += again
        if again:
            for number in [n for n in self._refusals if self._states[n - self._base] == FLYING]:
                del self._refusals[number]
        if again < count:
            self._fresh = end
            self._first_sent.append((end, now))
            _forget(self._arrived, end)

    def _ack_one(self, number: int, *, duplicate: bool) -> None:
        if not self.holds(number) or number >= self._fresh:
            return
        repeated = self._order.repeated(number)
        if self._order.watching:
            self._order.stored(number, self._key(number), duplicate=duplicate)
        self._leave(number - self._base, DONE)
        if duplicate and not repeated:
            self.duplicate += 1
        else:
            self.acked += 1
        self._advance()

    def _leave(self, at: int, state: int) -> None:
        if self._states[at] == FLYING:
            self._flying_bytes -= len(self._parts[at])
        self._states[at] = state
        self._refusals.pop(self._base + at, None)

    def _advance(self) -> None:
        """Forget the messages in front of the oldest unanswered one."""
        gone = len(self._states) - len(self._states.lstrip(_LEFT))
        if gone:
            del self._parts[:gone]
            del self._states[:gone]
            self._base += gone
            _forget(self._first_sent, self._base)
            _forget(self._arrivals, self._base)
            self._order.forget(self._base)

    def _grow(self, answers: int) -> None:
        if self._limit == self._limits.messages:
            return
        self._credit += answers
        if self._credit >= self._limit:
            self._credit = 0
            step = max(1, self._limit // GROWTH)
            self._limit = min(self._limits.messages, self._limit + step)


def _forget(times: deque[tuple[int, float]], number: int) -> None:
    """Remove the entries that speak of messages below `number` only."""
    while times and times[0][0] <= number:
        times.popleft()

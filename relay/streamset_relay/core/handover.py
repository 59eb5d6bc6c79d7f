"""From one connection to its successor without a hole: which messages of the two go on.

For a while both deliver the same streams. The old one leads: what it delivers goes on as ever. What the new one
delivers is held until the old one has delivered it too, and then dropped as a duplicate; so what is held is what
the new one is ahead by. A stream is *aligned* once an event was seen on both. When all are, or at a deadline, they
switch together: what is held goes on, and then the new one leads. Whatever the old one still brings is a duplicate,
and so are, where the new one was behind, the events that the old one had delivered.

Until the switch nothing hangs on the new connection: should it fail, nothing was lost. Nor is anything lost by the
switch of an aligned stream. How events are compared, `lanes` says.
"""

from collections.abc import Callable, Collection, Iterable
from enum import StrEnum
from itertools import groupby
from typing import Any, Final, NamedTuple

import msgspec

from .batch import Batch
from .buffer import MESSAGE_OVERHEAD
from .classify import Message, classify
from .lanes import Hashed, Held, Lane, Numbered
from .sequence import Cut
from .stream import Stream, Streams
from .tally import Tally


class Phase(StrEnum):
    """How far it is."""

    PREPARING = "preparing"  # the new connection is not open
    OVERLAPPING = "overlapping"  # both deliver, the old one leads
    SWITCHED = "switched"  # the new one leads; some events were delivered by the old one already
    DONE = "done"


class Trigger(StrEnum):
    """What moves it."""

    OPENED = "new connection open"
    LOST = "new connection lost"
    MISSING = "deadline, a stream is missing"
    ALIGNED = "every stream aligned"
    DEADLINE = "deadline"
    FULL = "hold full"
    ENDED = "old connection ended"
    STOPPED = "stop"
    CAUGHT_UP = "caught up"


_P, _T = Phase, Trigger

TRANSITIONS: Final[dict[Phase, dict[Trigger, Phase]]] = {
    _P.PREPARING: {_T.OPENED: _P.OVERLAPPING, _T.ENDED: _P.DONE, _T.STOPPED: _P.DONE},
    _P.OVERLAPPING: {
        _T.LOST: _P.PREPARING,
        _T.MISSING: _P.PREPARING,
        _T.ALIGNED: _P.SWITCHED,
        _T.DEADLINE: _P.SWITCHED,
        _T.FULL: _P.SWITCHED,
        _T.ENDED: _P.SWITCHED,
        _T.STOPPED: _P.SWITCHED,
    },
    _P.SWITCHED: {_T.CAUGHT_UP: _P.DONE, _T.LOST: _P.DONE},
    _P.DONE: {},
}

LEADS: Final = frozenset({Phase.PREPARING, Phase.OVERLAPPING})
"""The old connection's messages go on."""


class Bounds(NamedTuple):
    """How long both connections deliver, in seconds, and how much is held meanwhile."""

    timeout: float
    max_messages: int
    max_bytes: int


class Side:
    """One of the two connections: what its frames are classified against, and what of a batch goes on now."""

    __slots__ = ("streams", "take")

    def __init__(self, streams: Streams, take: Callable[[Batch], Iterable[Batch]]) -> None:
        self.streams = streams
        self.take = take


class Handover:
    """One change of connections. `old` and `new` are its two ends.

    Every message that comes in either goes on once, is counted as a duplicate, or is held; what is held counts
    in the tally as such. Numbers are checked on what goes on, in the order in which it does.
    """

    def __init__(self, streams: Streams, tally: Tally, bounds: Bounds) -> None:
        self.phase = Phase.PREPARING
        self.why: Trigger | None = None  # of the switch
        self.late = False  # the old connection was gone before the new one was open
        self.unaligned: list[str] = []  # streams that were switched without an event seen on both
        self.old = Side(streams, self._take_old)
        self.new = Side(streams.unchecked(), self._take_new)
        self._streams = streams
        self._tally = tally
        self._bounds = bounds
        self._lanes: dict[tuple[str, bool], Lane] = {}
        self._arrivals = 0
        self._held = 0
        self._size = 0
        self._began = 0  # wall clock, ns
        self._until = 0.0
        self._names: Collection[str] = ()
        self._subscribed = False

    def begin(self, now: float, wall: int = 0) -> None:
        """The new connection is open, and nothing is subscribed on it yet.

        `wall` is the wall clock in ns, for records of events.
        """
        if self.phase is Phase.PREPARING:
            self._move(Trigger.OPENED)
            self._lanes.clear()
            self._began = wall
            self._until = now + self._bounds.timeout

    def lost(self) -> None:
        """The new connection ended. Before the switch, the old one delivers what was held."""
        if self.phase is Phase.OVERLAPPING:
            self._move(Trigger.LOST)
            self._forget()
        elif self.phase is Phase.SWITCHED:
            self._finish(Trigger.LOST)

    def look(self, names: Collection[str], subscribed: bool, now: float) -> Trigger | None:
        """What is due: a reason to `switch`, `MISSING` if the new connection is of no use, or nothing.

        `names` are the streams wanted, `subscribed` tells whether the exchange has confirmed all of them on the
        new connection. A stream is missing there when the old one has delivered it for half of the time and the
        new one never. One that is quiet on both is switched without proof.
        """
        self._names, self._subscribed = names, subscribed
        if self.phase is Phase.OVERLAPPING:
            aligned = {name for (name, _), lane in self._lanes.items() if lane.aligned}
            if aligned.issuperset(names):
                return Trigger.ALIGNED
            if now >= self._until:
                fit = subscribed and not self.missing(names, now)
                return Trigger.DEADLINE if fit else self._abandon()
        elif now >= self._until or self._caught_up(names):
            self.finish()
        return None

    def switch(self, why: Trigger, now: float) -> list[Batch]:
        """Let the new connection lead, for a reason that `look` gave, or because the old one `ENDED` or is `STOPPED`.

        Gives what was held and goes on; nothing after the first call.
        """
        if self.phase not in LEADS:
            return []
        self.why = why
        if self.phase is Phase.PREPARING:
            self.late = True
            self._finish(why)
            return []
        self._move(why)
        self.unaligned = [name for (name, _), lane in self._lanes.items() if not lane.aligned]
        self._tally.unaligned += len(self.unaligned)
        self._streams.interrupt(self._unproven(), Cut.ROTATION, self._began)
        self._until = now + self._bounds.timeout
        self.old.streams = self._streams.unchecked()
        going: list[Held] = []
        for lane in self._lanes.values():
            on, superseded = lane.switch()
            self._drop(superseded)
            going += on
        self._unhold(going)
        return self._pass_on(sorted(going))

    def finish(self) -> None:
        """Wait no longer for the new connection to catch up."""
        if self.phase is Phase.SWITCHED:
            self._finish(Trigger.CAUGHT_UP)

    def missing(self, names: Collection[str], now: float) -> list[str]:
        """Which of these streams flow on the old connection and not on the new one."""
        since = now - self._bounds.timeout / 2
        return [
            name
            for (name, _), lane in self._lanes.items()
            if lane.led_at is not None and lane.led_at <= since and not lane.followed
            if name in names
        ]

    def _unproven(self) -> set[str]:
        """Streams of which an event may have come on neither connection."""
        flowing = {name for name, _ in self._lanes}
        unheard = set() if self._subscribed else set(self._names) - flowing
        return unheard.union(self.unaligned)

    def _caught_up(self, names: Collection[str]) -> bool:
        """Whether nothing is to come any more that the old connection has delivered."""
        flowing = {name for name, _ in self._lanes}
        quiet = [self._streams.get(name) for name in names if name not in flowing]
        known = any(stream.numbered and stream.last >= 0 for stream in quiet)
        return not known and all(lane.caught_up for lane in self._lanes.values())

    def _take_old(self, batch: Batch) -> Iterable[Batch]:
        if self.phase not in LEADS:
            self._tally.duplicates += len(batch.messages)
            return ()
        if self.phase is Phase.OVERLAPPING:
            for stream, payload, identity in batch.messages:
                lane, event_time = self._lane(stream, payload, -1)
                if lane.led_at is None:
                    lane.led_at = batch.arrived
                self._drop(lane.old(identity, event_time))
        return (batch,)

    def _take_new(self, batch: Batch) -> Iterable[Batch]:
        match self.phase:
            case Phase.OVERLAPPING:
                return self._hold(batch)
            case Phase.SWITCHED:
                return self._pass_on(self._fresh(batch))
            case Phase.DONE:
                return (batch,)
            case Phase.PREPARING:  # it is being closed
                self._tally.duplicates += len(batch.messages)
                return ()

    def _hold(self, batch: Batch) -> Iterable[Batch]:
        for message in batch.messages:
            stream, payload, _ = message
            lane, event_time = self._lane(stream, payload, self._streams.get(stream.name).last)
            lane.followed = True
            held = self._held_of(batch, message, event_time)
            self._held += 1
            self._tally.held += 1
            self._size += _cost(held)
            self._drop(lane.new(held))
        if self._held >= self._bounds.max_messages or self._size >= self._bounds.max_bytes:
            return self.switch(Trigger.FULL, batch.arrived)
        return ()

    def _fresh(self, batch: Batch) -> Iterable[Held]:
        """What of a batch the old connection has not delivered."""
        for message in batch.messages:
            stream, payload, _ = message
            lane, event_time = self._lane(stream, payload, self._streams.get(stream.name).last)
            held = self._held_of(batch, message, event_time)
            if lane.expects(held):
                self._tally.duplicates += 1
            else:
                yield held

    def _held_of(self, batch: Batch, message: Message, event_time: int) -> Held:
        self._arrivals += 1
        return Held(self._arrivals, batch.received_at, batch.arrived, event_time, message)

    def _lane(self, stream: Stream, payload: bytes, last: int) -> tuple[Lane, int]:
        """The lane of a message, and its event time; `last` is the number before, if it is a new lane.

        A message without its channel's number is named by a hash, and compared as such.
        """
        event = _event(stream, payload)
        numbered = stream.numbered and event is not None
        key = (stream.name, numbered)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Numbered(last) if numbered else Hashed()
        event_time = event.event_time if event is not None else 0
        return lane, event_time if isinstance(event_time, int) else 0

    def _pass_on(self, going: Iterable[Held]) -> list[Batch]:
        """Hand messages to their streams proper, in order, and check the numbers."""
        batches = []
        for (received_at, arrived), held in groupby(going, lambda h: (h.received_at, h.arrived)):
            found = classify([_frame(*each.message) for each in held], self._streams)
            self._tally.check(found)
            self._tally.dropped.update(found.malformed)  # nested to the limit of a deeper stack
            batches.append(Batch(received_at, arrived, found.messages, found.size, found.notes))
        return batches

    def _drop(self, duplicates: Collection[Held]) -> None:
        self._unhold(duplicates)
        self._tally.duplicates += len(duplicates)

    def _unhold(self, messages: Collection[Held]) -> None:
        self._held -= len(messages)
        self._tally.held -= len(messages)
        self._size -= sum(map(_cost, messages))

    def _forget(self) -> None:
        for lane in self._lanes.values():
            self._drop(lane.clear())

    def _abandon(self) -> Trigger:
        self._move(Trigger.MISSING)
        self._forget()
        return Trigger.MISSING

    def _finish(self, why: Trigger) -> None:
        self._move(why)
        self.new.streams = self._streams

    def _move(self, trigger: Trigger) -> None:
        self.phase = TRANSITIONS[self.phase][trigger]


def draw() -> str:
    """The table as a Mermaid state diagram, for ARCHITECTURE.md."""
    lines = ["stateDiagram-v2", f"    [*] --> {Phase.PREPARING.value}"]
    for phase, row in TRANSITIONS.items():
        for trigger, target in row.items():
            lines.append(f"    {phase.value} --> {target.value}: {trigger.value}")
    lines.append(f"    {Phase.DONE.value} --> [*]")
    return "\n".join(lines) + "\n"


def _cost(held: Held) -> int:
    """Bytes, reckoned as in the buffer."""
    return len(held.message[1]) + MESSAGE_OVERHEAD


def _event(stream: Stream, payload: bytes) -> Any:
    try:
        return stream.decode(payload)
    except (msgspec.MsgspecError, RecursionError):
        return None


def _frame(stream: Stream, payload: bytes, _identity: int) -> bytes:
    """The message as the exchange would have sent it."""
    return b'%b","data":%b}' % (stream.head, payload)

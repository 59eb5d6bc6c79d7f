"""Which of two relays of the same streams publishes: the owner; the other one, its successor, follows and holds.

A relay that starts asks for the owner. While there is one, it holds what it receives, less what the owner says to
have delivered (`marks`). The owner's last word, when it stops, leaves the streams to it; then what it holds goes on,
less what lies behind that word, and what comes after. Nothing is lost and nothing doubled, because both receive the
same events and one mark divides them. Where nobody answers it owns the streams at once, and where an owner has been
silent for too long it takes them over. `core.marks` says how events are compared.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final, NamedTuple

from .batch import Batch
from .buffer import EXPIRED, MESSAGE_OVERHEAD
from .events import Journal
from .marks import Marks, Tracker, Watershed
from .notes import reconcile
from .sequence import Gap
from .stream import Streams
from .unclaimed import Unclaimed

HOLD_FULL: Final = "hold_full"
"""Dropped because a successor may hold no more, and no owner has said that it had delivered them."""

UNSETTLED: Final = 5.0
"""Seconds after a takeover in which events may still lie behind the mark of the relay before."""


class State(StrEnum):
    """What the relay is to its streams."""

    ASKING = "asking"  # is there an owner?
    FOLLOWING = "following"  # there is; what comes is held
    TAKING_OVER = "taking_over"  # what was held goes on first, and what comes meanwhile behind it
    OWNING = "owning"  # what comes goes on
    ENDED = "ended"


class Trigger(StrEnum):
    """What changes that."""

    OWNED = "an owner answers"
    NOBODY = "nobody listens"
    SILENT = "owner silent"
    HANDED_OVER = "owner hands over"
    LET_OUT = "nothing held"
    OVERRULED = "a later owner answers"
    STOP = "stop"


_S, _T = State, Trigger

TRANSITIONS: Final[dict[State, dict[Trigger, State]]] = {
    _S.ASKING: {
        _T.OWNED: _S.FOLLOWING,
        _T.NOBODY: _S.TAKING_OVER,
        _T.SILENT: _S.TAKING_OVER,
        _T.HANDED_OVER: _S.TAKING_OVER,
        _T.STOP: _S.ENDED,
    },
    _S.FOLLOWING: {
        _T.HANDED_OVER: _S.TAKING_OVER,
        _T.SILENT: _S.TAKING_OVER,
        _T.STOP: _S.ENDED,
    },
    _S.TAKING_OVER: {_T.LET_OUT: _S.OWNING, _T.OVERRULED: _S.FOLLOWING, _T.STOP: _S.ENDED},
    _S.OWNING: {_T.OVERRULED: _S.FOLLOWING, _T.STOP: _S.ENDED},
    _S.ENDED: {},
}

OWNS: Final = frozenset({State.TAKING_OVER, State.OWNING})
"""What comes in is this relay's to deliver."""


class Bounds(NamedTuple):
    """How much is held, in bytes, and for how long, in seconds."""

    size: int
    ttl: float


class Ownership:
    """The state, and what is held in it. Counts: every message taken goes on, is held, a duplicate or dropped.

    `journal` is where it says what it has lost: what it drops as an owner, and at a takeover what it had dropped
    before and no owner has delivered. `alone`: there are no other relays, so nobody asks for `marks`.
    """

    def __init__(
        self,
        streams: Streams,
        bounds: Bounds,
        journal: Journal | None = None,
        *,
        alone: bool = False,
    ) -> None:
        self.state = State.ASKING
        self.held = 0
        self.passed = 0
        """Messages that went on, so far."""
        self.duplicates = 0
        """Messages that the owner delivers."""
        self.dropped: Counter[str] = Counter()
        self._streams = streams
        self._bounds = bounds
        self._journal = Journal() if journal is None else journal
        self._unclaimed = Unclaimed()
        self._gaps: list[Gap] = []  # to be told with the next batch that goes on
        self._batches: deque[Batch] = deque()
        self._size = 0
        self._watershed = Watershed()
        self._until = 0.0
        self._alone = alone
        self._tracker: Tracker | None = None

    @property
    def owns(self) -> bool:
        """Whether what comes in is this relay's to deliver."""
        return self.state in OWNS

    def take(self, batch: Batch) -> tuple[Batch | None, list[Gap]]:
        """What of a batch goes on now, and what is missing before it."""
        if self.state is not State.OWNING:
            self._hold(batch)
            return None, []
        if self._watershed:
            beyond = self._divide(batch)
            if beyond is None:
                return None, []
            batch = beyond
        return batch, self._pass(batch)

    def let_out(self) -> Iterator[tuple[Batch, list[Gap]]]:
        """What was held, in order, as long as there is any; new batches may come meanwhile. Then it owns."""
        while self.state is State.TAKING_OVER and self._batches:
            batch = self._batches.popleft()
            self._count(batch, -1)
            beyond = self._divide(batch)
            if beyond is not None:
                yield beyond, self._pass(beyond)
        if self.state is State.TAKING_OVER:
            self._move(Trigger.LET_OUT)

    def follow(self, marks: Marks) -> None:
        """An owner answers, and says how far it has come."""
        if self.state is State.ASKING:
            self._move(Trigger.OWNED)
        elif self.owns:
            self._move(Trigger.OVERRULED)
            self._tracker = None
            self._gaps = []
        self._advance(marks)

    def take_over(self, why: Trigger, marks: Marks, now: float) -> None:
        """Own the streams from these marks on. `let_out` comes next."""
        self._move(why)
        self._advance(marks)
        self._until = now + UNSETTLED
        if not self._alone:
            self._tracker = Tracker(self._streams, self._watershed.marks)
        self._gaps = self._unclaimed.tell(self._watershed, self._journal)

    def marks(self) -> Marks:
        """How far each stream has come: by this relay, or by the one before where that was ahead."""
        if self._tracker is None:
            return {}
        tracked = self._tracker.marks(all_passed=self.state is State.OWNING)
        return {**tracked, **self._watershed.marks}

    def expire(self, now: float) -> None:
        """Drop what was held for too long: nobody has said that it was delivered."""
        while self._batches and self._batches[0].arrived < now - self._bounds.ttl:
            self._drop_oldest(EXPIRED)

    def end(self, reason: str) -> None:
        """Stop. What a successor holds is the owner's to deliver; what nobody owns is dropped."""
        while self._batches:
            if self.state is State.FOLLOWING:
                batch = self._batches.popleft()
                self._count(batch, -1)
                self.duplicates += len(batch.messages)
            else:
                self._drop_oldest(reason)
        self._move(Trigger.STOP)

    def _divide(self, batch: Batch) -> Batch | None:
        """What of a batch lies beyond the marks. What is missing in between is told with what goes on next."""
        if self._watershed and batch.arrived > self._until:
            self._watershed.forget(self._streams)
        if not self._watershed:
            return batch
        marks = self._watershed.marks if batch.notes else {}
        beyond, gaps = self._watershed.beyond(batch)
        self.duplicates += len(batch.messages) - (len(beyond.messages) if beyond else 0)
        if beyond is not None and batch.notes:
            beyond, gaps = reconcile(beyond, gaps, marks)
        self._gaps += gaps
        return beyond

    def _pass(self, batch: Batch) -> list[Gap]:
        """These go on. Gives the gaps to be told with them."""
        self.passed += len(batch.messages)
        if self._tracker is not None:
            self._tracker.track(batch.messages, numbered=self.state is not State.OWNING)
        gaps, self._gaps = self._gaps, []
        return gaps

    def _hold(self, batch: Batch) -> None:
        if self.state is State.ENDED:
            self.duplicates += len(batch.messages)
            return
        self._batches.append(batch)
        self._count(batch, 1)
        while self._size > self._bounds.size:
            self._drop_oldest(HOLD_FULL)

    def _advance(self, marks: Marks) -> None:
        self._watershed.advance(marks)
        before = self.held
        left = self._watershed.cut([*self._unclaimed.ends(), *self._batches])
        self._keep(self._unclaimed.keep(left))
        self.duplicates += before - self.held

    def _keep(self, batches: Iterable[Batch]) -> None:
        self._batches = deque(batches)
        self.held = self._size = 0
        for batch in self._batches:
            self._count(batch, 1)

    def _drop_oldest(self, reason: str) -> None:
        batch = self._batches.popleft()
        self._count(batch, -1)
        if not self.owns:
            self.dropped[reason] += len(batch.messages)
            self._unclaimed.add(batch, reason)
        elif lost := self._divide(batch):
            self.dropped[reason] += len(lost.messages)
            self._journal.note(lost)
            self._journal.losses.drop(lost.messages, lost.received_at, reason)

    def _count(self, batch: Batch, sign: int) -> None:
        self.held += sign * len(batch.messages)
        self._size += sign * (batch.size + len(batch.messages) * MESSAGE_OVERHEAD)

    def _move(self, trigger: Trigger) -> None:
        self.state = TRANSITIONS[self.state][trigger]


def draw() -> str:
    """The table as a Mermaid state diagram, for ARCHITECTURE.md."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.ASKING.value}"]
    for state, row in TRANSITIONS.items():
        for trigger, target in row.items():
            lines.append(f"    {state.value} --> {target.value}: {trigger.value}")
    lines.append(f"    {State.ENDED.value} --> [*]")
    return "\n".join(lines) + "\n"

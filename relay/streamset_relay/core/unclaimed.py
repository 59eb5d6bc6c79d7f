"""What a follower gave up of what it held. The owner may have delivered it: what is lost shows at a takeover.

Bounded: of each stream the first event given up and the last one, and what they add up to.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from .batch import Batch
from .classify import Message
from .events import Journal
from .losses import LIMIT, Losses, loss_of
from .marks import Watershed
from .sequence import Gap, Note, Reset

_BEFORE_ALL = -math.inf


@dataclass(slots=True)
class _Ends:
    """Of one stream."""

    first: Message | None
    """None where the owner has delivered it."""
    last: Message
    reset: Batch | None = None
    """No messages, and the note of the last reset."""

    @property
    def batch(self) -> Batch:
        split = self.first is not None and self.first is not self.last
        messages = [self.first, self.last] if split and self.first else [self.last]
        return Batch(0, _BEFORE_ALL, messages, 0)


class Unclaimed:
    """Events that no owner has claimed to have delivered, and what they showed of their streams."""

    def __init__(self) -> None:
        self._ends: dict[str, _Ends] = {}
        self._losses = Losses()

    def add(self, batch: Batch, cause: str) -> None:
        """These are given up. They came before all that is still held."""
        self._losses.drop(batch.messages, batch.received_at, cause)
        for message in batch.messages:
            name = message[0].name
            ends = self._ends.get(name)
            if ends is not None:
                ends.last = message
            elif len(self._ends) < LIMIT:
                self._ends[name] = _Ends(message, message)
        for note in batch.notes:
            if (ends := self._ends.get(note.stream)) is not None:
                self._note(note, ends, batch)

    def ends(self) -> list[Batch]:
        """The first and the last of each stream, a batch each, to be cut as if they were still held."""
        return [ends.batch for ends in self._ends.values()]

    def keep(self, left: Iterable[Batch]) -> list[Batch]:
        """What marks have left of `ends` and, behind them, of what is held: the latter is returned.

        Streams whose last event lies behind their mark are forgotten.
        """
        held: list[Batch] = []
        beyond: dict[str, _Ends] = {}
        for batch in left:
            if batch.arrived > _BEFORE_ALL:
                held.append(batch)
                continue
            first, last = batch.messages[0], batch.messages[-1]
            ends = self._ends[last[0].name]
            if last is ends.last:
                beyond[last[0].name] = ends
                ends.first = first if first is ends.first else None
        for name in self._ends.keys() - beyond.keys():
            self._losses.forget(name)
        self._ends = beyond
        return held

    def tell(self, watershed: Watershed, journal: Journal) -> list[Gap]:
        """Nobody else will deliver what is left of them: tell of it, once and for all.

        Gives what else is missing, between the marks and the first events given up. The streams have come beyond
        their marks.
        """
        gaps: list[Gap] = []
        marks = watershed.marks
        for name, ends in self._ends.items():
            _, found = watershed.beyond(ends.batch)
            if name in marks:
                self._losses.cut(name, marks[name].identity, partly=ends.first is None)
            if ends.first is not None:
                known = self._losses.least(name)
                gaps += [gap for each in found if (gap := each.below(known))]
            if ends.reset is not None:
                journal.note(ends.reset)
        for loss in self._losses.take():
            if journal.wanted:
                journal.losses.add(loss)
        self._ends = {}
        return gaps

    def _note(self, note: Note, ends: _Ends, batch: Batch) -> None:
        if isinstance(note, Reset):
            ends.reset = batch._replace(messages=[], size=0, notes=(note,))
        else:
            self._losses.add(loss_of(note, batch.received_at))

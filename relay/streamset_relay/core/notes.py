"""What a batch shows of its streams, once the marks of another relay have divided it.

A follower sees holes of its own. Where the other relay had those events, there is no hole; where a mark lies
in one, what is missing is what lies above it, and it is missing once.
"""

from collections.abc import Iterable

from .batch import Batch
from .marks import Marks
from .sequence import Gap, Note


def reconcile(beyond: Batch, gaps: Iterable[Gap], marks: Marks) -> tuple[Batch, list[Gap]]:
    """Each missing event in one of the two: the notes of what lies beyond the marks, or the gaps behind them.

    `gaps` is what the numbers say to be missing between `marks`, as they were, and the messages of the batch.
    """
    there = {message[0].name for message in beyond.messages}
    notes: list[Note] = []
    for note in beyond.notes:
        mark = marks.get(note.stream)
        if mark is None:
            notes.append(note)
        elif not isinstance(note, Gap):
            notes += [note] if note.stream in there else []
        elif (rest := note.above(mark.identity)) is not None:
            notes.append(rest)
    return beyond._replace(notes=notes), [
        rest for gap in gaps if (rest := gap.below(_least(notes, gap.stream))) is not None
    ]


def _least(notes: Iterable[Note], stream: str) -> int | None:
    """The first number that notes of a stream tell to be missing."""
    return min((n.first for n in notes if isinstance(n, Gap) and n.stream == stream), default=None)

"""Which messages a later one of their stream has overtaken: found by the answers of JetStream.

A connection's messages are answered in the order in which the server handled them. So a message that
was refused, or had no answer while later ones had theirs, had not been stored before those; if a
repetition stores it, it lies behind them. And what the stream calls a duplicate had been stored before
anything that a repetition stored.
"""

from collections.abc import Sequence


class Reordering:
    """Counts inversions of one window. Idle (`watching` is False) but for the time after a rewind."""

    def __init__(self) -> None:
        self._until = 0  # numbers below were written before the last rewind
        self._refused: set[int] = set()
        self._overtakers: dict[bytes, int] = {}  # per stream, the last message known to be stored
        self._late: dict[
            bytes, list[int]
        ] = {}  # stored by the last repetition, and not inverted so far
        self.watching = False
        self.inverted = 0

    def repeated(self, number: int) -> bool:
        """Whether an earlier write than the last may have stored a message."""
        return number < self._until

    def refused(self, number: int) -> None:
        """The stream said that it did not take this one."""
        self._refused.add(number)

    def overtake(self, numbers: Sequence[int], streams: Sequence[bytes]) -> None:
        """These are stored, and something in front of them is not."""
        for number, stream in zip(numbers, streams, strict=True):
            self._overtakers[stream] = max(number, self._overtakers.get(stream, -1))

    def watch(self, base: int, until: int) -> None:
        """Whatever of `base` to `until` has no answer is written again."""
        self._until = until
        self._late.clear()
        self.watching = base < until

    def stored(self, number: int, stream: bytes, *, duplicate: bool) -> None:
        """The stream has this one; `duplicate`: it had it before it saw the last repetition."""
        if number >= self._until:
            return
        late = self._late.setdefault(stream, [])
        if duplicate:
            self.inverted += sum(1 for other in late if other < number)
            late[:] = [other for other in late if other > number]
        if duplicate and number not in self._refused:
            return
        if number < self._overtakers.get(stream, -1):
            self.inverted += 1
        elif not duplicate:
            late.append(number)

    def forget(self, base: int) -> None:
        """Everything below `base` has had its last word."""
        if self.watching and base >= self._until:
            self.watching = False
            self._overtakers.clear()
            self._late.clear()
        if self._refused:
            self._refused = {number for number in self._refused if number >= base}

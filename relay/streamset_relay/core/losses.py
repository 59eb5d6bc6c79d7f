"""What the relay itself has lost, by stream: messages that its stages had to drop, or that NATS never confirmed.

A hole for a consumer, though no number of the exchange shows it. The stages add what they give up; it is summed up
until somebody takes it. What is kept is bounded: one `Loss` a stream, reason and cause. Records of events that were
lost are not summed up but kept, to be sent again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from .account import OVERSIZE
from .classify import Message
from .sequence import Gap, Interruption, Lapse, ordered

LIMIT: Final = 30_000
"""Losses that are kept apart. What comes beyond has no stream: names may come from outside, in any number."""

LARGEST: Final = 1 << 53
"""Ids are below: JSON's readers could not hold greater ones. Above are hashes, of events that lack their id."""


class Reason(StrEnum):
    """Why events are missing."""

    EXCHANGE = "exchange"
    """The exchange left them out: the connection stood."""
    DISCONNECTED = "disconnected"
    """The connection to the exchange was lost."""
    ROTATION = "rotation"
    """A connection took over from another one, and it is not proven that it did so without a hole."""
    TAKEOVER = "takeover"
    """This relay took over from another one that did not say, or could not, how far it had come."""
    DROPPED = "dropped"
    """The relay had them and gave them up."""
    UNCONFIRMED = "unconfirmed"
    """Written to a NATS connection that was lost before it confirmed them: most of them have arrived."""


@dataclass(slots=True)
class Loss:
    """Events of one stream that are missing, or may be. `stream` is None for those of any."""

    stream: str | None
    reason: Reason
    cause: str | None
    """Of drops: the ledger's word."""
    first: int | None
    last: int | None
    """The least and the greatest number; None where numbers do not follow each other."""
    missing: int | None
    """How many; None where nobody can say."""
    since: int
    until: int
    """Receive times of the first and the last, ns."""

    def absorb(self, other: "Loss") -> None:
        """Take in another loss of the same stream."""
        known = None not in (self.first, other.first)
        self.first = min(self.first or 0, other.first or 0) if known else None
        self.last = max(self.last or 0, other.last or 0) if known else None
        counted = None not in (self.missing, other.missing)
        self.missing = (self.missing or 0) + (other.missing or 0) if counted else None
        self.since = min(self.since, other.since)
        self.until = max(self.until, other.until)

    def cut(self, number: int) -> bool:
        """Leave out all numbers up to this one; whether something is left. How much, only a row without holes tells."""
        if self.first is None or self.last is None or number < self.first:
            return True
        whole = self.missing == self.last - self.first + 1
        self.first = number + 1
        self.missing = self.last - number if whole else None
        return self.last > number


def loss_of(note: Gap | Lapse, received_at: int, reason: Reason | None = None) -> Loss:
    """What is missing before an event received then; `reason` None is the note's own."""
    cut = note.interruption
    since = received_at if cut is None else cut.since
    loss = Loss(note.stream, reason or reason_of(cut), None, None, None, None, since, received_at)
    if isinstance(note, Gap):
        loss.first, loss.last, loss.missing = note.first, note.last, note.missing
    return loss


def reason_of(interruption: Interruption | None) -> Reason:
    """Why something is missing, or the numbers started again."""
    return Reason.EXCHANGE if interruption is None else Reason(interruption.cut.value)


class Record(NamedTuple):
    """A record of events about `stream`, as it was."""

    stream: str
    payload: bytes
    identity: int
    received_at: int


class Losses:
    """Sums up. `Losses(wanted=False)` keeps nothing, for a relay that nobody asks. False while it holds nothing."""

    def __init__(self, *, wanted: bool = True) -> None:
        self.wanted = wanted
        self._records: list[Record] = []
        self._count = 0
        self._tables: dict[tuple[Reason, str | None], dict[str | None, Loss]] = {}

    def __bool__(self) -> bool:
        return bool(self._count or self._records)

    def drop(self, messages: Iterable[Message], received_at: int, cause: str) -> None:
        """These are given up."""
        if self.wanted:
            self._lose(messages, received_at, Reason.DROPPED, cause)

    def doubt(self, messages: Iterable[Message], received_at: int) -> None:
        """Whether these have arrived, nobody can say."""
        if self.wanted:
            self._lose(messages, received_at, Reason.UNCONFIRMED, None)

    def repeat(self, record: Record) -> None:
        """A record may not have arrived."""
        self._records.append(record)

    def add(self, loss: Loss) -> None:
        """Sum up with what is there."""
        table = self._table(loss.reason, loss.cause)
        if loss.stream not in table and self._count >= LIMIT:
            loss.stream = loss.first = loss.last = None
        known = table.get(loss.stream)
        if known is None:
            self._count += 1
            table[loss.stream] = loss
        else:
            known.absorb(loss)

    def forget(self, stream: str) -> None:
        """Nothing of this stream is missing."""
        for table in self._tables.values():
            self._count -= table.pop(stream, None) is not None

    def cut(self, stream: str, number: int, *, partly: bool) -> None:
        """Of this stream nothing up to that number is missing.

        `partly`: that is some of it, so that of what has no numbers nobody can say how much is.
        """
        for table in self._tables.values():
            loss = table.get(stream)
            if loss is None:
                continue
            if partly and loss.first is None:
                loss.missing = None
            elif not loss.cut(number):
                self._count -= 1
                del table[stream]

    def least(self, stream: str) -> int | None:
        """The least number of this stream that is missing, where one is known."""
        losses = (table[stream] for table in self._tables.values() if stream in table)
        return min((loss.first for loss in losses if loss.first is not None), default=None)

    def take(self) -> list[Loss]:
        """All that is summed up; it leaves."""
        losses = [loss for table in self._tables.values() for loss in table.values()]
        self._tables.clear()
        self._count = 0
        return losses

    def take_records(self) -> list[Record]:
        """The records that may not have arrived; they leave."""
        records, self._records = self._records, []
        return records

    def _table(self, reason: Reason, cause: str | None) -> dict[str | None, Loss]:
        return self._tables.setdefault((reason, cause), {})

    def _lose(
        self, messages: Iterable[Message], received_at: int, reason: Reason, cause: str | None
    ) -> None:
        """Quick where the stream has lost something already: this happens when there is no time."""
        table = self._table(reason, cause)
        for message in messages:
            stream, _, identity = message
            loss = table.get(stream.name)
            if loss is None or stream.record:
                self._lose_first(message, received_at, reason, cause)
                continue
            if received_at > loss.until:
                loss.until = received_at
            elif received_at < loss.since:
                loss.since = received_at
            if loss.missing is not None:
                loss.missing += 1
            if loss.first is not None and loss.last is not None:
                if loss.last < identity < LARGEST:
                    loss.last = identity
                elif identity < loss.first:
                    loss.first = identity
                elif identity >= LARGEST:
                    loss.first = loss.last = None

    def _lose_first(
        self, message: Message, received_at: int, reason: Reason, cause: str | None
    ) -> None:
        stream, payload, identity = message
        if not stream.record:
            follows = stream.channel.check not in (None, ordered) and identity < LARGEST
            number = identity if follows else None
            missing = 1 if reason is Reason.DROPPED else None
            times = received_at, received_at
            self.add(Loss(stream.name, reason, cause, number, number, missing, *times))
        elif cause != OVERSIZE:
            self.repeat(Record(stream.name, payload, identity, received_at))

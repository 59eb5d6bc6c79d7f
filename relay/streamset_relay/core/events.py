"""Records on the subject of events: what whoever fills holes in the data has to know. The schema is in `docs/relay.md`.

A record is a message like any other, but for its envelope, which has the record's own fields in place of `data`. It
travels the way of messages behind the buffer, and what is known of a stream goes ahead of the message that showed it.
Records do not expire: while NATS is away they wait, and too many gaps are summed up (`losses`). One that may not have
arrived is sent again.

No record was ever received from the exchange: the ledger counts them apart.
"""

from collections import Counter, deque
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

import msgspec

from streamset_api.market import Market

from ..errors import ConnectionLost, ConnectionStalled, ExchangeError
from .batch import Batch, Room
from .envelope import format_time
from .identity import payload_identity
from .losses import Loss, Losses, Reason, Record, loss_of, reason_of
from .sequence import Gap, Lapse, Reset
from .stream import record_stream

LIMIT: Final = 10_000
SIZE_LIMIT: Final = 8 << 20
"""Records that may wait, and their bytes, give or take one."""

FULL: Final = "records_full"
"""Dropped because too many records wait, and the record is no gap, which could be summed up."""

SUM_INTERVAL: Final = 1.0
"""Seconds between two records of one stream about what the relay itself has lost."""

NAMES_LIMIT: Final = 16_000
"""Bytes that a list of streams may have in a record; a longer one is left out, and their number stays."""


class Kind(StrEnum):
    """What a record is about: its `type`."""

    GAP = "gap"
    RESET = "reset"
    DISCONNECT = "disconnect"
    CONNECT = "connect"
    ROTATION = "rotation"


class Seat(NamedTuple):
    """Which connection a record is about."""

    number: int
    url: str
    streams: Collection[str]


class Journal:
    """Writes records down, in order, until they are taken. Without a `subject` it writes nothing.

    `recorded` counts records by their type, `dropped` those that were given up. Every record is taken, waits, or is
    dropped. `losses` is where the stages say what they have lost.
    """

    def __init__(
        self, subject: str | None = None, market: Market = Market.SPOT, relay: str | None = None
    ) -> None:
        self._subject = subject
        self._market = market
        self._relay = relay
        self._sum_at = 0.0
        self._size = 0
        self.wanted = subject is not None
        self.losses = Losses(wanted=self.wanted)
        self.waiting: deque[Batch] = deque()
        self.recorded: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()

    def note(self, batch: Batch) -> None:
        """Write down what the messages of a batch have shown."""
        if not self.wanted:
            return
        wall = batch.received_at
        for note in batch.notes:
            match note:
                case Gap() | Lapse():
                    self._lost(loss_of(note, wall), wall, timed=note.interruption is not None)
                case Reset():
                    self._reset(note, wall)

    def take_over(self, gaps: Iterable[Gap], batch: Batch) -> None:
        """Write down what is missing between another relay's last event and the first one of this relay."""
        if self.wanted:
            for gap in gaps:
                loss = loss_of(gap, batch.received_at, Reason.TAKEOVER)
                self._lost(loss, batch.received_at, timed=False)

    def connect(self, seat: Seat, attempts: int, down_since: int | None, wall: int) -> None:
        """A connection is open, and its streams are about to flow; `down_since` is None for the first one."""
        down = None if down_since is None else round(max(0, wall - down_since) / 1e9, 3)
        self._write(
            Kind.CONNECT,
            {
                **_where(seat),
                "attempts": attempts,
                "since": _time(down_since),
                "down_seconds": down,
            },
            wall,
        )

    def disconnect(self, seat: Seat, error: ExchangeError, heard_at: int, wall: int) -> None:
        """A connection was lost; `heard_at` is when something came last."""
        code, reason = _words(error)
        self._write(
            Kind.DISCONNECT,
            {
                **_where(seat),
                "code": code,
                "reason": reason,
                "since": _time(heard_at),
                **_names("streams", seat.streams),
            },
            wall,
        )

    def rotation(
        self,
        seat: Seat,
        cause: str,
        outcome: str,
        unaligned: Collection[str],
        began: int,
        wall: int,
    ) -> None:
        """A connection has taken over from the one before."""
        self._write(
            Kind.ROTATION,
            {
                **_where(seat),
                "reason": cause,
                "outcome": outcome,
                "since": _time(began),
                **_names("unaligned", unaligned),
            },
            wall,
        )

    def sum_up(self, now: float, wall: int, *, last: bool = False) -> None:
        """Write down what the stages have lost, now and then: call it while records are being taken.

        Records that may not have arrived are repeated as they were.
        """
        if (now >= self._sum_at or last) and self.losses:
            self._sum_at = now + SUM_INTERVAL
            for record in self.losses.take_records():
                kind = msgspec.json.decode(record.payload + b"}", type=_Typed).type
                self._put(kind, record)
            for loss in self.losses.take():
                self._lost(loss, wall)

    def take(self, now: float, room: Room) -> list[Batch]:
        """The oldest records, until they fill the room; they leave."""
        taken: list[Batch] = []
        size = 0
        while self.waiting and len(taken) < room.messages and size < room.size:
            batch = self.waiting.popleft()
            self._size -= batch.size
            size += batch.size
            taken.append(batch._replace(arrived=now))
        return taken

    def drop_all(self, reason: str) -> None:
        """Give up what waits."""
        if self.waiting:
            self.dropped[reason] += len(self.waiting)
            self.waiting.clear()
            self._size = 0

    @property
    def _full(self) -> bool:
        return len(self.waiting) >= LIMIT or self._size >= SIZE_LIMIT

    def _lost(self, loss: Loss, wall: int, *, timed: bool = True) -> None:
        if self._full:
            self.losses.add(loss)
            return
        numbers = None if loss.first is None else (loss.first, loss.last)
        document = {
            "stream": loss.stream,
            "from": loss.first,
            "to": loss.last,
            "missing": loss.missing,
            "reason": loss.reason.value,
            "cause": loss.cause,
            "since": _time(loss.since if timed else None),
            "until": _time(loss.until if timed else None),
        }
        self._write(Kind.GAP, document, wall, loss.stream or "", numbers)

    def _reset(self, reset: Reset, wall: int) -> None:
        cut = reset.interruption
        document = {
            "stream": reset.stream,
            "last": reset.last,
            "first": reset.first,
            "reason": reason_of(cut).value,
            "since": _time(None if cut is None else cut.since),
            "until": _time(None if cut is None else wall),
        }
        numbers = reset.last, reset.first
        self._write(Kind.RESET, document, wall, reset.stream, numbers)

    def _write(
        self,
        kind: Kind,
        fields: Mapping[str, Any],
        wall: int,
        stream: str = "",
        numbers: tuple[int | None, ...] | None = None,
    ) -> None:
        """Make it a message. Where numbers say it all, they name the record: on any relay, in any run."""
        if not self.wanted:
            return
        head = {"type": kind.value, "relay": self._relay, "market": self._market.value}
        payload = msgspec.json.encode({**head, **fields})[:-1]  # the envelope closes it
        named = payload + b"%d" % wall if numbers is None else f"{kind.value}{numbers}".encode()
        self._put(kind.value, Record(stream, payload, payload_identity(named), wall))

    def _put(self, kind: str, record: Record) -> None:
        self.recorded[kind] += 1
        if self._subject is None or self._full:
            self.dropped[FULL] += 1
            return
        stream = record_stream(record.stream, self._market, self._subject)
        size = len(record.payload)
        message = stream, record.payload, record.identity
        self.waiting.append(Batch(record.received_at, 0.0, [message], size))
        self._size += size


class _Typed(msgspec.Struct):
    type: str


def _words(error: ExchangeError) -> tuple[int | None, str]:
    """The close code, where there is one, and what was said."""
    match error:
        case ConnectionLost(code, reason):
            return code, reason
        case ConnectionStalled(reason):
            return None, reason
        case _:
            return None, str(error)


def _where(seat: Seat) -> dict[str, Any]:
    return {"connection": seat.number, "url": seat.url}


def _names(field: str, names: Collection[str]) -> dict[str, Any]:
    """A list of streams and their number; the list is left out where it is too long."""
    listed = list(names) if len(msgspec.json.encode(list(names))) <= NAMES_LIMIT else None
    return {field: listed, f"{field}_count": len(names)}


def _time(nanoseconds: int | None) -> str | None:
    return None if nanoseconds is None else format_time(nanoseconds).decode()

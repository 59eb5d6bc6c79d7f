"""Messages on their way into a JetStream stream, from the buffer to their last word, without I/O.

`put` wraps them, `due` gives the bytes to write, and the answers come back by number. In ordered delivery a
message enters the window when the one before it, of its stream, has left it (`turns`).
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Final

from .account import OVERSIZE, Account, JetStreamAccount
from .batch import NO_ROOM, Batch, Room
from .envelope import HpubEncoder, stream_of, subject_of, unwrap
from .losses import Losses, Record
from .puback import IN_PROCESS, OVERLOADED, STREAM_FULL, UNAVAILABLE, UNBOUND
from .stream import Stream
from .turns import Turns
from .window import EXPIRED, UNACKED, UNSENT_AT_STOP, Limits, Window

_NOT_FOR_GOOD: Final = frozenset(
    {UNACKED, EXPIRED, UNAVAILABLE, OVERLOADED, IN_PROCESS, STREAM_FULL}
)


class Outbox:
    """A window, and in ordered delivery a line in front of it. ``max_payload`` bounds headers and body.

    What is given up here is told to `losses`; what the window drops, when `tell_losses` is called.
    """

    def __init__(
        self,
        limits: Limits,
        encoder: HpubEncoder,
        *,
        ordered: bool,
        losses: Losses | None = None,
    ) -> None:
        self._limits = limits
        self._encoder = encoder
        self._losses = Losses(wanted=False) if losses is None else losses
        self._turns = Turns(limits.ttl, self._losses) if ordered else None
        self._under_way: dict[int, Stream] = {}  # in ordered delivery: number → whose turn it is
        self._given_up = 0  # messages dropped by the window, as far as turns know
        self._oversize = 0
        self.max_payload = 1 << 20
        self.window = Window(limits, stream_of, keep_dropped=self._losses.wanted)

    @property
    def messages(self) -> int:
        """Messages without a last word."""
        return self.window.messages + (self._turns.held if self._turns else 0)

    @property
    def oldest(self) -> float | None:
        """When the first to arrive of the messages without a last word arrived; None without any."""
        times = (self.window.oldest, None if self._turns is None else self._turns.oldest)
        return min((time for time in times if time is not None), default=None)

    @property
    def room(self) -> Room:
        """What it would like to be given now."""
        room, turns, limits = self.window.room, self._turns, self._limits
        if turns is None:
            return room
        messages = min(room.messages, limits.messages - self.messages)
        size = min(room.size, limits.bytes - turns.size)
        return Room(messages, size) if messages > 0 and size > 0 else NO_ROOM

    @property
    def account(self) -> Account:
        """What became of the messages so far."""
        window, turns = self.window, self._turns
        dropped = window.dropped + Counter({OVERSIZE: self._oversize})
        if turns is not None:
            dropped += Counter({EXPIRED: turns.expired, UNSENT_AT_STOP: turns.given_up})
        return Account(
            pending=self.messages,
            dropped=dropped,
            jetstream=JetStreamAccount(
                acked=window.acked,
                duplicate=window.duplicate,
                in_window=window.in_flight,
                resent=window.resent,
                duplicate_answers=window.duplicate_answers,
                reordered=window.reordered,
                window_limit=window.limit,
            ),
        )

    def put(self, batches: Iterable[Batch], now: float) -> None:
        """Take messages. They are wrapped here, once, whatever becomes of them."""
        if self._turns is not None:
            self._put_in_turn(self._turns.admit(batches), now)
            return
        for batch in batches:
            parts = self._encode(batch)
            self.window.add(parts, batch.arrived)

    def due(self, now: float) -> bytes:
        """What is to be written now; it is in flight from here on."""
        wire = b"".join(self.window.due(now))
        if self._turns is not None and self.window.dropped.total() != self._given_up:
            self._pass_on(now)
            wire += b"".join(self.window.due(now))
        return wire

    def ack(self, numbers: list[int], now: float) -> None:
        """The stream has these, and had none of them before."""
        self.window.ack(numbers)
        self._free(numbers, now)

    def ack_duplicate(self, number: int, now: float) -> None:
        """The stream had this one already."""
        self.window.ack_duplicate(number)
        self._free([number], now)

    def drop(self, number: int, reason: str, now: float) -> None:
        """The stream will never take this one."""
        self.window.drop(number, reason)
        self._pass_on(now)

    def drop_unbound(self, bound: Callable[[str], object], now: float) -> None:
        """Give up what was refused because the stream does not listen to its subject."""
        for number, part in self.window.refused():
            if not bound(subject_of(part)):
                self.drop(number, UNBOUND, now)

    def tell_losses(self, streams: Iterable[Stream]) -> None:
        """Tell `losses` what the window has dropped since the last time; `streams` are all that there are.

        Records are sent again, but for those that were refused for good.
        """
        lost, self.window.lost = self.window.lost, []
        if not lost:
            return
        by_key = {stream.message_id: stream for stream in streams}
        for part, reason in lost:
            key, identity, received_at, record = unwrap(part)
            stream = by_key.get(key)
            if record is None and stream is not None:
                self._losses.drop([(stream, b"", identity)], received_at, reason)
            elif record is not None and reason in _NOT_FOR_GOOD:
                name = "" if stream is None else stream.name
                self._losses.repeat(Record(name, record, identity, received_at))

    def expire(self, now: float) -> None:
        """Drop what waits and is too old."""
        self.window.expire(now)
        if self._turns is not None:
            self._turns.expire(now)
            self._pass_on(now)

    def drop_all(self) -> None:
        """Give up everything: the relay ends."""
        self.window.drop_all()
        if self._turns is not None:
            self._turns.drop_all()
            self._under_way.clear()

    def _encode(self, batch: Batch) -> list[bytes]:
        parts = self._encoder.encode(batch, self.window.next, self.max_payload)
        if left_out := len(batch.messages) - len(parts):
            self._oversize += left_out
            if self._losses.wanted:
                messages = self._encoder.oversize(batch, self.max_payload)
                self._losses.drop(messages, batch.received_at, OVERSIZE)
        return parts

    def _put_in_turn(self, batches: Iterable[Batch], now: float) -> None:
        """Message by message, each of another stream."""
        assert self._turns is not None  # noqa: S101 - the callers look
        waiting = deque(batches)
        while waiting:
            batch = waiting.popleft()
            for message in batch.messages:
                single = batch._replace(messages=[message], size=len(message[1]))
                number = self.window.next
                if parts := self._encode(single):
                    self.window.add(parts, batch.arrived)
                    self._under_way[number] = message[0]
                else:
                    waiting.extend(self._turns.release([message[0]], now))

    def _free(self, numbers: Iterable[int], now: float) -> None:
        """These have had their last word: whoever waited behind them is next."""
        if self._turns is None:
            return
        gone = [n for n in numbers if n in self._under_way and not self.window.holds(n)]
        streams = [self._under_way.pop(number) for number in gone]
        self._put_in_turn(self._turns.release(streams, now), now)

    def _pass_on(self, now: float) -> None:
        """As `_free`, for what the window has given up."""
        self._given_up = self.window.dropped.total()
        self._free(list(self._under_way), now)

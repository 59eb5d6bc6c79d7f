"""How far a relay has come, stream by stream, so that another one goes on from there.

A mark names the last event that was passed on. Events of numbered streams are compared by their numbers. All others
are compared for equality of their hashes, and before that event was met by their event times, where they have one.
Where the two relays ask for times in different units, no hash is equal: the marked event is then the first one of the
same millisecond.
"""

from collections.abc import Iterable, Mapping
from enum import Enum, auto
from typing import Any, Final, NamedTuple

import msgspec

from .batch import Batch
from .channel import Anonymous
from .classify import LATEST, Message
from .event_time import in_microseconds, milliseconds
from .identity import payload_identity
from .sequence import UNKNOWN, Gap
from .stream import Stream, Streams


class Mark(NamedTuple):
    """The last event of a stream: its identity, and its time as sent, 0 where it shows none or is numbered.

    As sent, since that tells its unit.
    """

    identity: int
    time: int = 0


_decode_many = msgspec.json.Decoder(list[Anonymous]).decode

Marks = Mapping[str, Mark]
"""By name of the stream."""


def mark_of(stream: Stream, payload: bytes) -> Mark | None:
    """The mark that an event leaves; None where a numbered stream's event lacks its number."""
    if not stream.numbered:
        return Mark(payload_identity(payload), _time(stream, payload))
    event = _event(stream, payload)
    return None if event is None else Mark(event.identity)


class Tracker:
    """Keeps the last event of each stream; `marks` is asked for now and then, `track` is on the frames' path.

    `origin` is how far the streams had come before. Of streams with numbers, the last one received is known anyway.
    """

    def __init__(self, streams: Streams, origin: Marks) -> None:
        self._streams = streams
        self._origin = origin
        for stream in streams:
            stream.passed = b""

    def track(self, messages: Iterable[Message], *, numbered: bool) -> None:
        """These were passed on. `numbered`: keep those with numbers too, since others that came are still held."""
        if numbered:
            for stream, payload, _ in messages:
                stream.passed = payload
            return
        for stream, payload, _ in messages:
            if not stream.numbered:
                stream.passed = payload

    def marks(self, *, all_passed: bool) -> dict[str, Mark]:
        """Of all streams of which something is known. `all_passed`: nothing of what was received is held."""
        found: dict[str, Mark] = {}
        for stream in self._streams:
            mark: Mark | None = None
            if stream.numbered and all_passed:
                mark = Mark(stream.last) if stream.last >= 0 else None
            elif stream.passed:
                mark = mark_of(stream, stream.passed)
            elif not stream.numbered:
                mark = self._origin.get(stream.name)
            if mark is not None:
                found[stream.name] = mark
        return found


class _Side(Enum):
    """Where an event lies, seen from the mark of its stream."""

    BEHIND = auto()
    BEYOND = auto()
    EITHER = auto()  # at the same time: it goes on, and the mark stays


_BEHIND: Final = _Side.BEHIND
_BEYOND: Final = _Side.BEYOND
_EITHER: Final = _Side.EITHER


class Watershed:
    """Tells what lies behind the marks of another relay from what lies beyond them.

    `cut` sorts what is held, `beyond` what comes later; each stream's events in the order of the exchange.
    """

    def __init__(self) -> None:
        self._marks: dict[str, Mark] = {}
        self._met: set[str] = set()  # streams without numbers whose marked event we had ourselves

    def __bool__(self) -> bool:
        """Whether anything is left to be told apart."""
        return bool(self._marks)

    @property
    def marks(self) -> Marks:
        """Those that no event has gone beyond."""
        return dict(self._marks)

    def advance(self, marks: Marks) -> None:
        """The other relay has come further."""
        for name, mark in marks.items():
            if self._marks.get(name) != mark:
                self._marks[name] = mark
                self._met.discard(name)

    def cut(self, held: Iterable[Batch]) -> list[Batch]:
        """What of these batches lies beyond the marks."""
        held = list(held)
        met: dict[str, int] = {}
        for position, (stream, _, identity) in enumerate(_messages(held)):
            mark = self._marks.get(stream.name)
            if mark is not None and not stream.numbered and identity == mark.identity:
                met[stream.name] = position
        self._met |= met.keys()
        position, left = 0, []
        for batch in held:
            going: list[Message] = []
            for message in batch.messages:
                name = message[0].name
                behind, mark = met.get(name), self._marks.get(name)
                if behind is not None:
                    goes_on = position > behind
                else:
                    goes_on = mark is None or self._side(message, mark) is not _BEHIND
                if goes_on:
                    going.append(message)
                position += 1
            if going:
                left.append(_shortened(batch, going))
        return left

    def beyond(self, batch: Batch) -> tuple[Batch | None, list[Gap]]:
        """What of a batch goes on, and what is missing between a stream's mark and its first event beyond.

        A stream that has gone beyond its mark is not looked at again.
        """
        going: list[Message] = []
        gaps: list[Gap] = []
        for message in batch.messages:
            stream = message[0]
            mark = self._marks.get(stream.name)
            if mark is None:
                going.append(message)
                continue
            side = self._side(message, mark)
            if side is not _BEHIND:
                going.append(message)
            if side is _BEYOND:
                del self._marks[stream.name]
                gaps += _gap(message, mark)
        if len(going) == len(batch.messages):
            return batch, gaps
        return (_shortened(batch, going) if going else None), gaps

    def forget(self, streams: Streams) -> None:
        """Wait no longer for what lies behind; streams that were silent since have their numbers checked as ever."""
        for name, mark in self._marks.items():
            stream = streams.known(name)
            if stream is not None and stream.numbered and stream.last < 0:
                stream.last = mark.identity
        self._marks.clear()
        self._met.clear()

    def _side(self, message: Message, mark: Mark) -> _Side:
        stream, payload, identity = message
        if stream.name in self._met:
            return _BEYOND
        if stream.numbered:
            behind = identity <= mark.identity and _event(stream, payload) is not None
            return _BEHIND if behind else _BEYOND
        if identity == mark.identity:
            self._met.add(stream.name)
            return _BEHIND
        return self._side_by_time(stream, _time(stream, payload), mark.time)

    def _side_by_time(self, stream: Stream, time: int, marked: int) -> _Side:
        if not time or not marked:
            return _BEYOND
        if in_microseconds(time) == in_microseconds(marked):
            if time == marked:
                return _EITHER
            return _BEHIND if time < marked else _BEYOND
        if milliseconds(time) == milliseconds(marked):
            self._met.add(
                stream.name
            )  # another event of that millisecond is beyond, or comes twice
            return _BEHIND
        return _BEHIND if milliseconds(time) < milliseconds(marked) else _BEYOND


def _messages(batches: Iterable[Batch]) -> Iterable[Message]:
    return (message for batch in batches for message in batch.messages)


def _shortened(batch: Batch, messages: list[Message]) -> Batch:
    return batch._replace(messages=messages, size=sum(len(message[1]) for message in messages))


def _gap(message: Message, mark: Mark) -> list[Gap]:
    """What the numbers say of the way from a mark to the first event beyond it."""
    stream, payload, _ = message
    event = _event(stream, payload)
    if stream.check is None or event is None:
        return []
    verdict = stream.check(mark.identity, event)
    if verdict == UNKNOWN:
        return [Gap(stream.name, mark.identity + 1, event.previous, None)]
    if verdict > 0:
        return [Gap(stream.name, mark.identity + 1, mark.identity + verdict, verdict)]
    return []


def _event(stream: Stream, payload: bytes) -> Any:
    try:
        return stream.decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _time(stream: Stream, payload: bytes) -> int:
    """The event time; of a frame with many symbols the latest, 0 where it shows none."""
    event = _event(stream, payload)
    if event is not None:
        events = [event]
    else:
        try:
            events = _decode_many(payload)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return 0
    times = [each.event_time for each in events]
    return max((t for t in times if isinstance(t, int) and 0 <= t <= LATEST), default=0)

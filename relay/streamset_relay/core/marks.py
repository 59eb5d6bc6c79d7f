"""How far a relay has come, stream by stream, so that another one goes on from there.

A mark names the last event that was passed on. Events of numbered streams are compared by their numbers. All others
are compared for equality of their hashes, and before that event was met by their event times, where they have one.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from .batch import Batch
from .channel import Anonymous
from .classify import LATEST, Message
from .identity import payload_identity
from .sequence import UNKNOWN, Gap
from .stream import Stream, Streams


class Mark(NamedTuple):
    """The last event of a stream: its identity, and its time as sent, 0 where it shows none or is numbered."""

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
    """Keeps the last event of each stream; `marks` is asked for now and then, `track` is on the frames' path."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._latest: dict[str, Message] = {}

    def track(self, messages: Iterable[Message]) -> None:
        """These were passed on."""
        latest = self._latest
        for message in messages:
            latest[message[0].name] = message

    def marks(self, *, all_passed: bool) -> dict[str, Mark]:
        """Of all streams of which something is known.

        Numbers are, even from before the first `track`, as long as everything received was passed on.
        """
        found: dict[str, Mark] = {}
        if all_passed:
            found = {s.name: Mark(s.last) for s in self._streams if s.numbered and s.last >= 0}
        for name, (stream, payload, _) in self._latest.items():
            if mark := mark_of(stream, payload):
                found[name] = mark
        return found


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
                behind = met.get(message[0].name)
                if position > behind if behind is not None else not self._behind(message):
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
            elif not self._behind(message):
                going.append(message)
                del self._marks[stream.name]
                gaps += _gap(message, mark)
        if len(going) == len(batch.messages):
            return batch, gaps
        return (_shortened(batch, going) if going else None), gaps

    def forget(self, streams: Streams) -> None:
        """Wait no longer for what lies behind; streams that were silent since have their numbers checked as ever."""
        for name, mark in self._marks.items():
            stream = streams.get(name)
            if stream.numbered and stream.last < 0:
                stream.last = mark.identity
        self._marks.clear()
        self._met.clear()

    def _behind(self, message: Message) -> bool:
        stream, payload, identity = message
        mark = self._marks.get(stream.name)
        if mark is None or stream.name in self._met:
            return False
        if stream.numbered:
            return identity <= mark.identity and _event(stream, payload) is not None
        if identity == mark.identity:
            self._met.add(stream.name)
            return True
        return 0 < _time(stream, payload) <= mark.time


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
    except (msgspec.MsgspecError, RecursionError):
        return None


def _time(stream: Stream, payload: bytes) -> int:
    """The event time; of a frame with many symbols the latest, 0 where it shows none."""
    event = _event(stream, payload)
    if event is not None:
        events = [event]
    else:
        try:
            events = _decode_many(payload)
        except (msgspec.MsgspecError, RecursionError):
            return 0
    times = [each.event_time for each in events]
    return max((t for t in times if isinstance(t, int) and 0 <= t <= LATEST), default=0)

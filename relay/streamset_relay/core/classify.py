"""Frames → messages, control replies and malformed frames. Total: it never raises, whatever the bytes.

A frame of a known stream is `{"stream":"<name>","data":` + payload + `}`, byte for byte. When its head and tail
fit and the payload by itself is valid JSON, so is the frame, and the payload can be taken out as it came: one
pass over it, nothing decoded but the event's number and time. Whatever looks different goes the long way.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from streamset_api.stream import MAX_LENGTH

from .identity import payload_identity
from .sequence import RESET, UNKNOWN, Gap, Interruption, Lapse, Note, Reset, ordered
from .stream import Stream, Streams

Message: TypeAlias = tuple[Stream, bytes, int]
"""Stream, payload as it came, identity. A plain tuple, because one is made for every frame."""

NOT_JSON: Final = "not_json"
NOT_UTF8: Final = "not_utf8"
NO_STREAM: Final = "no_stream"
BINARY: Final = "binary"
MALFORMED: Final = (NOT_JSON, NOT_UTF8, NO_STREAM, BINARY)
"""Why a frame cannot be relayed. `NO_STREAM`: no string `stream` (or one no exchange would use), or no `data`."""

NAME_LIMIT: Final = MAX_LENGTH
"""Characters of a stream name; a longer one could make a subject that NATS refuses."""

_BRACE: Final = ord("}")

LATEST: Final = (1 << 62) - 1
"""The greatest event time taken for one; some number of a thousand digits is valid JSON too."""


class Control(NamedTuple):
    """An answer to a request of ours, or an error that names none. `error` is (code, message); None is success."""

    request: int | None
    error: tuple[int | None, str] | None


class ServerShutdown(NamedTuple):
    """The exchange is about to close this connection (event `serverShutdown`; no lead time is promised)."""


class Sorted(NamedTuple):
    """What one chunk held. `messages` and `malformed` together are the frames that the ledger counts as received."""

    messages: list[Message]
    size: int
    """Bytes of the payloads."""
    controls: list[Control | ServerShutdown]
    malformed: Counter[str]
    gaps: list[Gap]
    resets: list[Reset]
    event_time: int
    """The exchange's clock in the last event, as sent (ms or µs); 0 where it shows none."""
    lapses: Sequence[Lapse] = ()
    """Where nothing but an interruption is known."""

    @property
    def notes(self) -> Sequence[Note]:
        """All that the messages show of their streams."""
        return (*self.gaps, *self.resets, *self.lapses)


def classify(frames: list[bytes], streams: Streams) -> Sorted:
    """Sort the text frames of one chunk, keep their order, and check each stream's numbers."""
    messages: list[Message] = []
    size = 0
    controls: list[Control | ServerShutdown] = []
    malformed: Counter[str] = Counter()
    gaps: list[Gap] = []
    resets: list[Reset] = []
    lapses: list[Lapse] = []
    event: Any = None
    timed: Any = None

    for frame in frames:
        head, _, tail = frame.partition(b'","data":')
        known = streams.by_head.get(head)
        event = None
        if known is not None and frame[-1] == _BRACE:
            stream, payload = known, tail[:-1]
            try:
                event = timed = stream.decode(payload)
                identity = event.identity if stream.numbered else payload_identity(payload)
                if not payload.isascii():
                    payload.decode()  # what msgspec skips, it does not check for UTF-8
            except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
                event = None
        if event is None:
            match _unwrap(frame, streams):
                case (Stream() as stream, bytes() as payload, int() as identity, event):
                    timed = event
                    if stream.interruption is not None and (
                        lapse := _resume(stream, event, streams)
                    ):
                        lapses.append(lapse)
                case str(reason):
                    malformed[reason] += 1
                    continue
                case Control() | ServerShutdown() as control:
                    controls.append(control)
                    continue

        stream.received += 1
        if event is not None and stream.check is not None:
            verdict = stream.check(stream.last, event)
            if verdict > 0 or verdict == UNKNOWN:
                gaps.append(_gap(stream, event, verdict))
            elif verdict == RESET:
                stream.resets += 1
                resets.append(Reset(stream.name, stream.last, identity, _take(stream)))
            stream.last = identity
        messages.append((stream, payload, identity))
        size += len(payload)

    time = timed.event_time if timed is not None else 0
    event_time = time if isinstance(time, int) and 0 <= time <= LATEST else 0
    return Sorted(messages, size, controls, malformed, gaps, resets, event_time, lapses)


def _gap(stream: Stream, event: Any, verdict: int) -> Gap:
    stream.gaps += 1
    if verdict == UNKNOWN:
        return Gap(stream.name, stream.last + 1, event.previous, None, _take(stream))
    stream.missing += verdict
    return Gap(stream.name, stream.last + 1, stream.last + verdict, verdict, _take(stream))


def _resume(stream: Stream, event: Any, streams: Streams) -> Lapse | None:
    """The first event after an interruption, which has ended; a lapse where numbers prove nothing.

    Where they prove that something happened, the interruption is left for the gap or the reset.
    """
    streams.resume(stream)
    checked = event is not None and stream.check is not None
    if checked and stream.check is not None and stream.check(stream.last, event):
        return None
    interruption = _take(stream)
    proven = checked and stream.check is not ordered and stream.last >= 0
    return None if proven or interruption is None else Lapse(stream.name, interruption)


def _take(stream: Stream) -> Interruption | None:
    interruption, stream.interruption = stream.interruption, None
    return interruption


class _Wrapped(msgspec.Struct, gc=False):
    stream: str
    data: msgspec.Raw


_decode_wrapped = msgspec.json.Decoder(_Wrapped).decode
_decode_any = msgspec.json.Decoder().decode
_validate = msgspec.json.Decoder(msgspec.Raw).decode


def _fault(frame: bytes) -> str | None:
    """Why these bytes are no JSON text of RFC 8259, or None if they are one."""
    try:
        frame.decode()
        _validate(frame)
    except UnicodeDecodeError:
        return NOT_UTF8
    except (msgspec.DecodeError, RecursionError):
        return NOT_JSON
    return None


def _unwrap(
    frame: bytes, streams: Streams
) -> tuple[Stream, bytes, int, Any] | Control | ServerShutdown | str:
    """The long way: any spelling of the wrapper, streams not met before, control frames; else the fault.

    Of data: stream, payload, identity and the event, which is None where it lacks its channel's number.
    """
    if fault := _fault(frame):
        return fault
    try:
        wrapped = _decode_wrapped(frame)
    except msgspec.ValidationError:
        return _control(frame)
    if wrapped.stream == "!serverShutdown":
        return ServerShutdown()
    if not 0 < len(wrapped.stream) <= NAME_LIMIT:
        return NO_STREAM
    stream, payload = streams.get(wrapped.stream), bytes(wrapped.data)
    try:
        event: Any = stream.decode(payload)
    except (msgspec.MsgspecError, RecursionError):
        return stream, payload, payload_identity(payload), None
    identity = event.identity if stream.numbered else payload_identity(payload)
    return stream, payload, identity, event


def _control(frame: bytes) -> Control | ServerShutdown | str:
    """A control frame in any documented shape, or the fault.

    Errors come flat, `{"code","msg"}`, in the documentation and nested, `{"error":{"code","msg"},"id"}`, on the wire.
    """
    try:
        document = _decode_any(frame)
    except (msgspec.MsgspecError, RecursionError):
        return NO_STREAM  # valid JSON, but no float can hold one of its numbers
    if not isinstance(document, dict):
        return NO_STREAM
    if document.get("e") == "serverShutdown":
        return ServerShutdown()
    request = document.get("id")
    request = request if type(request) is int else None  # JSON's true is no number
    error = document.get("error", document if "code" in document and "msg" in document else None)
    if isinstance(error, dict):
        code = error.get("code")
        return Control(request, (code if isinstance(code, int) else None, str(error.get("msg"))))
    return Control(request, None) if "result" in document else NO_STREAM

r"""Recordings of a combined-stream session, and how a later pass differs from the first.

A recording is a text of JSON lines: `{"recv_ns": …, "frame": "{\"stream\":…,\"data\":{…}}"}`.
The first pass plays the frames byte for byte. In a later pass the digits of ids and times are replaced,
so that sequences go on growing, and stay contiguous where they are; every other byte stays.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["id", "time"]

_TRADE: dict[str, Kind] = {"t": "id", "E": "time", "T": "time"}
_AGGREGATE: dict[str, Kind] = {"a": "id", "E": "time", "T": "time"}
_BOOK: dict[str, Kind] = {"U": "id", "u": "id", "pu": "id", "E": "time", "T": "time"}
_PARTIAL: dict[str, Kind] = {"lastUpdateId": "id", **_BOOK}
_REFERENCE: dict[str, Kind] = {"t": "time"}
_OTHER: dict[str, Kind] = {"E": "time", "T": "time"}
_BAR: dict[str, Kind] = {"t": "time", "T": "time"}

MEMBERS: tuple[tuple[str, dict[str, Kind]], ...] = (
    (r"trade|blockTrade", _TRADE),
    (r"aggTrade", _AGGREGATE),
    (r"depth(@\d+ms)?|bookTicker", _BOOK),
    (r"depth\d+(@\d+ms)?", _PARTIAL),
    (r"referencePrice", _REFERENCE),
    (r".*", _OTHER),
)
"""Channel → the members of its payload that a later pass changes."""

IDENTITY = ("t", "a", "u", "lastUpdateId")
"""Members that identify an event, in the order in which they are looked for."""


class RecordingError(ValueError):
    """A line of a recording is not what this module reads."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")
        self.line = line
        self.problem = problem


@dataclass(frozen=True)
class Number:
    """An integer in the payload of a frame, by its place in the text of the payload."""

    start: int
    end: int
    kind: Kind
    member: str
    value: int


@dataclass(frozen=True)
class Recorded:
    """One frame."""

    at: float
    """Seconds since the first frame."""
    stream: str
    before: bytes
    """The frame's bytes in front of the event."""
    payload: bytes
    """The event."""
    after: bytes
    """The frame's bytes behind the event."""
    template: bytes
    """The payload with `%d` for every number."""
    numbers: tuple[Number, ...]

    identity: int | None
    """The exchange's own id of the event, or else its time."""
    by_id: bool
    """Whether `identity` is an id."""

    def shifted(self, ids: int, milliseconds: int, *, microseconds: bool = False) -> bytes:
        """The payload with so much added to its ids and times."""
        scale = 1000 if microseconds else 1
        values = []
        for number in self.numbers:
            if number.kind == "id":
                values.append(number.value + ids)
            else:
                values.append((number.value + milliseconds) * scale)
        return self.template % tuple(values)


@dataclass(frozen=True)
class Recording:
    """A session of frames in the order they came."""

    frames: tuple[Recorded, ...]
    period_ms: int
    """How much later the next pass begins: the length of the session and a little more."""
    spans: dict[str, int]
    """Stream → by how much its ids grow from one pass to the next."""
    began_ms: int
    """When the first frame was received, in milliseconds since the epoch."""

    @property
    def streams(self) -> frozenset[str]:
        """The streams in it."""
        return frozenset(frame.stream for frame in self.frames)


def read_recording(lines: Iterable[str]) -> Recording:
    """Read JSON lines.

    Raises:
        RecordingError: a line is not JSON, or its frame is not one of a combined stream.
    """
    frames: list[Recorded] = []
    began: int | None = None
    for place, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            received, text = int(entry["recv_ns"]), str(entry["frame"])
        except (ValueError, KeyError, TypeError) as error:
            raise RecordingError(place, 'expected {"recv_ns": …, "frame": …}') from error
        began = received if began is None else began
        try:
            frames.append(_recorded((received - began) / 1e9, text))
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise RecordingError(place, 'the frame is no {"stream":…,"data":…}') from error
    if not frames:
        raise RecordingError(0, "no frames")
    return Recording(tuple(frames), _period_ms(frames), _spans(frames), (began or 0) // 1_000_000)


def members(text: str, start: int) -> Iterator[tuple[str, object, int, int]]:
    """The members of the JSON object at `start`: name, value, and where the value's text is."""
    at = _token(text, start, "{")
    while text[at] != "}":
        name, at = _DECODER.raw_decode(text, at)
        at = _token(text, at, ":")
        value, end = _DECODER.raw_decode(text, at)
        yield name, value, at, end
        at = _space(text, end)
        if text[at] == ",":
            at = _token(text, at, ",")


_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")


def _space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _token(text: str, at: int, token: str) -> int:
    at = _space(text, at)
    if text[at] != token:
        raise ValueError(f"expected {token!r} at {at}")
    return _space(text, at + 1)


def _recorded(at: float, text: str) -> Recorded:
    wrapper = {name: (value, start, end) for name, value, start, end in members(text, 0)}
    stream = wrapper["stream"][0]
    if not isinstance(stream, str):
        raise TypeError("stream")
    _, start, end = wrapper["data"]
    payload = text[start:end]
    numbers = tuple(_numbers(payload, stream)) if payload.startswith("{") else ()
    found = {number.member: number.value for number in numbers if number.kind == "id"}
    ids = [found[member] for member in IDENTITY if member in found]
    return Recorded(
        at=at,
        stream=stream,
        before=text[:start].encode(),
        payload=payload.encode(),
        after=text[end:].encode(),
        template=_template(payload, numbers),
        numbers=numbers,
        identity=ids[0]
        if ids
        else next((n.value for n in numbers if n.member in ("E", "t")), None),
        by_id=bool(ids),
    )


def _numbers(payload: str, stream: str) -> Iterator[Number]:
    channel = stream.partition("@")[2]
    changed = next(names for like, names in MEMBERS if re.fullmatch(like, channel))
    for name, value, start, end in members(payload, 0):
        if name in changed and type(value) is int:
            yield Number(start, end, changed[name], name, value)
        elif name == "k" and isinstance(value, dict):
            for inner, moment, opened, closed in members(payload, start):
                if inner in _BAR and type(moment) is int:
                    yield Number(opened, closed, "time", f"k.{inner}", moment)


def _template(payload: str, numbers: tuple[Number, ...]) -> bytes:
    parts, at = [], 0
    for number in numbers:
        parts.append(payload[at : number.start].replace("%", "%%"))
        at = number.end
    parts.append(payload[at:].replace("%", "%%"))
    return "%d".join(parts).encode()


def _period_ms(frames: list[Recorded]) -> int:
    """The session's length and one mean interval, and never less than the event times cover."""
    length = frames[-1].at * len(frames) / max(1, len(frames) - 1)
    times = [number.value for frame in frames for number in frame.numbers if number.kind == "time"]
    covered = max(times) - min(times) if times else 0
    return max(int(length * 1000), covered) + 1


def _spans(frames: list[Recorded]) -> dict[str, int]:
    """How far each stream's ids reach.

    With `U` or `pu` the next pass must follow on the last `u`: `U` = `u` + 1 (spot), `pu` = `u` (futures).
    """
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for frame in frames:
        ids = {number.member: number.value for number in frame.numbers if number.kind == "id"}
        if not ids:
            continue
        start = ids["pu"] + 1 if "pu" in ids else min(ids.values())
        first.setdefault(frame.stream, start)
        last[frame.stream] = max(ids.values())
    return {stream: last[stream] - start + 1 for stream, start in first.items()}

"""What has to become of a frame, worked out without the relay: RFC 8259 by the standard library's parser.

`fate_of` is slow, and says the same as `streamset_relay.core.classify` if both are right.
"""

import json
import math
import re
from typing import Any, Final, NamedTuple

MESSAGE, CONTROL, SHUTDOWN = "message", "control", "shutdown"
NOT_UTF8, NOT_JSON, NO_STREAM = "not_utf8", "not_json", "no_stream"
FAULTS: Final = (NOT_UTF8, NOT_JSON, NO_STREAM)

LONGEST_NAME: Final = 128
LONGEST_INTEGER: Final = 4_300
"""Characters of an integer that is decoded; CPython refuses longer ones, and so does msgspec."""


class Fate(NamedTuple):
    """Where a frame goes: `kind` is a reason of a drop, too. Of a message: its stream, and its payload as it came."""

    kind: str
    stream: str = ""
    payload: bytes = b""


def fate_of(frame: bytes) -> Fate:
    """Give the one right place for these bytes."""
    try:
        text = frame.decode()
    except UnicodeDecodeError:
        return Fate(NOT_UTF8)
    try:
        members = _members(text)
        if _HALF_A_CHARACTER.search(text):
            json.dumps(_PAIRS.decode(text), ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return Fate(NOT_JSON)
    names = [raw for key, raw in members if key == "stream"]
    data = [raw for key, raw in members if key == "data"]
    if names and data and all(raw[0] == '"' for raw in names):
        return _wrapped(json.loads(names[-1]), data[-1])
    return Fate(_unwrapped(text, dict(members)))


def _wrapped(name: str, payload: str) -> Fate:
    if name == "!serverShutdown":
        return Fate(SHUTDOWN)
    if not 0 < len(name) <= LONGEST_NAME:
        return Fate(NO_STREAM)
    return Fate(MESSAGE, name, payload.encode())


def _unwrapped(text: str, members: dict[str, str]) -> str:
    """What a frame without name or payload is, if it is a control frame."""
    if not members or not _representable(text):
        return NO_STREAM
    document = {key: _ANY.decode(raw) for key, raw in members.items()}
    if document.get("e") == "serverShutdown":
        return SHUTDOWN
    flat = {"code", "msg"} <= document.keys() and "error" not in document
    if isinstance(document.get("error"), dict) or flat or "result" in document:
        return CONTROL
    return NO_STREAM


def _members(text: str) -> list[tuple[str, str]]:
    """Keys and values of the one object in a text, as they are written and all of them; none of other JSON.

    Raises:
        ValueError: it is no JSON. A RecursionError says so, too.
    """
    at = _skip(text, 0)
    if text[at : at + 1] != "{":
        _STRICT.decode(text)
        return []
    members: list[tuple[str, str]] = []
    at = _skip(text, at + 1)
    while text[at : at + 1] != "}" or members:
        if text[at : at + 1] != '"':
            raise ValueError("a key that is no string")
        key, at = _STRICT.raw_decode(text, at)
        start = _skip(text, _expect(text, at, ":"))
        _, end = _STRICT.raw_decode(text, start)
        members.append((key, text[start:end]))
        at = _skip(text, end)
        if text[at : at + 1] == "}":
            break
        at = _skip(text, _expect(text, at, ","))
    if _skip(text, at + 1) != len(text):
        raise ValueError("more than one value")
    return members


def _expect(text: str, at: int, token: str) -> int:
    at = _skip(text, at)
    if text[at : at + 1] != token:
        raise ValueError(f"no {token}")
    return at + 1


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return at if found is None else found.end()


def _representable(text: str) -> bool:
    """Whether every number can be decoded."""
    try:
        _NUMBERS.decode(text)
    except OverflowError:
        return False
    return True


def _finite(number: str) -> float:
    value = float(number)
    if math.isinf(value):
        raise OverflowError(number)
    return value


def _short(number: str) -> int:
    if len(number) > LONGEST_INTEGER:
        raise OverflowError(number)
    return 0


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


class _Number(str):
    """A number as it is written: nothing is lost, and a string is something else."""

    __slots__ = ()


_SPACE = re.compile(r"[ \t\r\n]*")
_HALF_A_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")
_STRICT = json.JSONDecoder(parse_int=_Number, parse_float=_Number, parse_constant=_refuse)
_ANY = json.JSONDecoder(parse_int=_Number, parse_float=_Number)
_PAIRS = json.JSONDecoder(parse_int=_Number, parse_float=_Number, object_pairs_hook=list)
_NUMBERS = json.JSONDecoder(parse_int=_short, parse_float=_finite)

"""Messages that no exchange should send, and that a client must survive."""

import json
from collections.abc import Callable
from typing import Literal, get_args

from websockets.frames import Opcode

from exchange_simulator.core.frames import FIN, frame, masked_frame

Malformed = Literal[
    "truncated_json",
    "not_json",
    "no_stream",
    "stream_not_text",
    "invalid_utf8",
    "binary",
    "oversize",
    "reserved_opcode",
    "reserved_bit",
    "masked",
    "stray_continuation",
    "long_ping",
]
"""The first seven are legal frames with bad content, the others break RFC 6455 itself."""

KINDS: tuple[Malformed, ...] = get_args(Malformed)


def malformed(kind: Malformed, stream: str, size: int) -> bytes:
    """Encode one such frame. `size` is the length of the payload of `oversize`, in bytes."""
    return _MAKERS[kind](stream, size)


def _truncated(stream: str, _size: int) -> bytes:
    return frame(_event(stream)[:-9])


def _oversize(stream: str, size: int) -> bytes:
    empty = json.dumps({"stream": stream, "data": ""}, separators=(",", ":")).encode()
    return frame(empty[:-2] + b"x" * max(0, size - len(empty)) + empty[-2:])


def _event(stream: str) -> bytes:
    event = {"e": "trade", "E": 1672515782136, "s": "BNBBTC", "t": 1, "p": "0.001"}
    return json.dumps({"stream": stream, "data": event}, separators=(",", ":")).encode()


RESERVED_OPCODE = 0x3
RSV1 = 0x40
SPLIT_CHARACTER = b'{"stream":"\xe5\xb8"}'
"""UTF-8 cut within a character."""

_MAKERS: dict[Malformed, Callable[[str, int], bytes]] = {
    "truncated_json": _truncated,
    "not_json": lambda _stream, _size: frame(b"Service temporarily unavailable"),
    "no_stream": lambda _stream, _size: frame(b'{"data":{"e":"trade","E":1672515782136}}'),
    "stream_not_text": lambda _stream, _size: frame(b'{"stream":7,"data":{"e":"trade"}}'),
    "invalid_utf8": lambda _stream, _size: frame(SPLIT_CHARACTER),
    "binary": lambda stream, _size: frame(_event(stream), Opcode.BINARY),
    "oversize": _oversize,
    "reserved_opcode": lambda stream, _size: frame(_event(stream), RESERVED_OPCODE),
    "reserved_bit": lambda stream, _size: (
        bytes((FIN | RSV1 | Opcode.TEXT,)) + frame(_event(stream))[1:]
    ),
    "masked": lambda stream, _size: masked_frame(_event(stream)),
    "stray_continuation": lambda stream, _size: frame(_event(stream), Opcode.CONT),
    "long_ping": lambda _stream, _size: frame(b"p" * 126, Opcode.PING),
}

"""WebSocket frames as a server may send them, and as it must not; and what a client has to make of either.

`read_wire` is an oracle: it knows RFC 6455, and nothing of a client.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from random import Random
from typing import Final, NamedTuple, TypeAlias

from tests.support.raw_websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame

LIMIT: Final = 16 << 20
"""Bytes of a message that the relay takes."""

Breakage: TypeAlias = Callable[[Random, bytes], bytes]


class Wire(NamedTuple):
    """What a client has to deliver of a byte stream: whole text messages in order, and how many binary ones."""

    messages: list[bytes]
    binary: int
    end: int
    """How far it was read: to the frame that ended the connection, or that has no end itself."""
    wasteful: bool
    """A length takes more bytes than it needs: no server must send that, and each client may take it."""


def legal(random: Random, payload: bytes) -> bytes:
    """One message in any form that the RFC allows, with control frames before it or within."""
    opcode = BINARY if random.random() < 0.05 else TEXT
    if random.random() < 0.6:
        return frame(opcode, payload)
    cuts = sorted(random.randint(0, len(payload)) for _ in range(random.randint(0, 4)))
    pieces = [payload[start:end] for start, end in pairwise([0, *cuts, len(payload)])]
    wire = b""
    for number, piece in enumerate(pieces):
        if random.random() < 0.3:
            wire += frame(random.choice((PING, PONG)), random.randbytes(random.randint(0, 125)))
        kind = CONTINUATION if number else opcode
        wire += frame(kind, piece, fin=number == len(pieces) - 1)
    return wire


def broken(random: Random, payload: bytes) -> bytes:
    """One frame that is likely against the RFC."""
    return random.choice(BREAKAGES)(random, payload)


def broken_wire(random: Random, payloads: Sequence[bytes]) -> bytes:
    """What one connection sends: some messages, a broken frame, and messages behind it."""
    while True:
        wires = [legal(random, payload) for payload in payloads]
        wires.insert(random.randint(0, len(wires)), broken(random, random.choice(payloads)))
        wire = b"".join(wires)
        if not read_wire(wire).wasteful:
            return wire


def segments(random: Random, wire: bytes, end: int) -> Iterator[bytes]:
    """The same bytes in pieces, as a network brings them; what is behind `end` comes in one."""
    cuts = sorted(random.randint(0, end) for _ in range(random.choice((0, 1, 5, 20))))
    for start, stop in pairwise([0, *cuts, len(wire)]):
        yield wire[start:stop]


def read_wire(wire: bytes) -> Wire:
    """Read frames as RFC 6455 §5 has it, up to the first that ends the connection."""
    messages: list[bytes] = []
    binary, at, wasteful = 0, 0, False
    begun: tuple[int, bytes] | None = None
    while (header := _header(wire, at)) is not None:
        first, size, start = header
        fin, opcode = bool(first & 0x80), first & 0x0F
        wasteful |= start - at > 2 and size < (126 if start - at == 4 else 65_536)
        if not _allowed(opcode, fin=fin, size=size, rsv=first & 0x70, begun=begun is not None):
            break
        if opcode == CLOSE or start + size > len(wire):
            break
        if opcode in (TEXT, BINARY, CONTINUATION):
            kind, before = begun or (opcode, b"")
            whole = before + wire[start : start + size]
            if len(whole) > LIMIT:
                break
            begun = None if fin else (kind, whole)
            if fin and kind == TEXT:
                messages.append(whole)
            elif fin:
                binary += 1
        at = start + size
    return Wire(messages, binary, at, wasteful)


def _header(wire: bytes, at: int) -> tuple[int, int, int] | None:
    """First byte, payload size, and where the payload starts; None where nothing more can be read."""
    if len(wire) < at + 2:
        return None
    first, size, start = wire[at], wire[at + 1], at + 2
    masked = size & 0x80
    if size & 0x7F >= 126:
        more = 2 if size & 0x7F == 126 else 8
        if len(wire) < start + more:
            return None
        size, start = int.from_bytes(wire[start : start + more], "big"), start + more
    return None if masked or size > LIMIT else (first, size, start)


def _allowed(opcode: int, *, fin: bool, size: int, rsv: int, begun: bool) -> bool:
    """Whether a frame may have this header, after a message that has begun or not."""
    if rsv:
        return False
    if opcode in (CLOSE, PING, PONG):
        return fin and size <= 125
    if opcode == CONTINUATION:
        return begun
    return opcode in (TEXT, BINARY) and not begun


def _flip(random: Random, payload: bytes) -> bytes:
    """A few bits of the header, or of anything."""
    wire = bytearray(frame(TEXT, payload))
    reach = random.choice((1, 2, 4, len(wire)))
    for _ in range(random.randint(1, 3)):
        wire[random.randrange(min(reach, len(wire)))] ^= 1 << random.randrange(8)
    return bytes(wire)


def _masked(random: Random, payload: bytes) -> bytes:
    key = random.randbytes(4)
    head = frame(TEXT, payload, mask=True)[: -len(payload) - 4]
    return head + key + bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))


def _false_length(random: Random, payload: bytes) -> bytes:
    """A length that is another one than that of the payload."""
    size = random.choice((0, 1, 125, 126, 300, 65_535, 65_536, LIMIT, LIMIT + 1, 2**31, 2**64 - 1))
    if size < 126:
        head = bytes([size])
    elif size < 65_536:
        head = bytes([126]) + struct.pack("!H", size)
    else:
        head = bytes([127]) + struct.pack("!Q", size)
    return bytes([0x80 | TEXT]) + head + payload


def _control(random: Random) -> int:
    return random.choice((PING, PONG, CLOSE))


BREAKAGES: Final[tuple[Breakage, ...]] = (
    _flip,
    _flip,
    _masked,
    _false_length,
    lambda random, payload: frame(random.choice((TEXT, BINARY)), payload, fin=False),
    lambda random, payload: frame(random.choice((3, 4, 5, 6, 7)), payload),
    lambda random, payload: frame(random.choice((0xB, 0xC, 0xD, 0xE, 0xF)), payload[:125]),
    lambda random, payload: frame(TEXT, payload, rsv=random.choice((0x10, 0x20, 0x40, 0x70))),
    lambda random, payload: frame(PING, payload[:9], rsv=random.choice((0x10, 0x20, 0x40))),
    lambda random, payload: frame(CONTINUATION, payload, fin=random.random() < 0.5),
    lambda random, _: frame(_control(random), bytes(random.choice((126, 200, 70_000)))),
    lambda random, payload: frame(_control(random), payload[:9], fin=False),
    lambda random, _: frame(CLOSE, random.randbytes(random.choice((0, 1, 2, 3, 60)))),
    lambda random, _: frame(CLOSE, struct.pack("!H", random.randint(900, 5_100))),
    lambda random, payload: frame(TEXT, payload)[: random.randint(0, len(payload))],
    lambda random, _: random.randbytes(random.randint(1, 40)),
    lambda _, payload: b"HTTP/1.1 502 Bad Gateway\r\n\r\n" + payload,
)

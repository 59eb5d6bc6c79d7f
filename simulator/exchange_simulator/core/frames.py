"""WebSocket frames as a server sends them (RFC 6455 §5.2): unmasked and without extensions.

The simulator writes many frames with one call, so frames are plain bytes that can be joined.
"""

from websockets.frames import Opcode

FIN = 0x80
MASK = 0x80


def header(length: int, first: int = FIN | Opcode.TEXT) -> bytes:
    """The header of a frame with a payload of that length; of a whole text message unless told."""
    if length < 126:
        return bytes((first, length))
    if length < 1 << 16:
        return bytes((first, 126)) + length.to_bytes(2, "big")
    return bytes((first, 127)) + length.to_bytes(8, "big")


def frame(payload: bytes, opcode: int = Opcode.TEXT, *, final: bool = True) -> bytes:
    """Encode one frame."""
    return header(len(payload), (FIN if final else 0) | opcode) + payload


def text_frames(payloads: list[bytes]) -> bytes:
    """Encode many text messages as joined frames."""
    known = _TEXT_HEADERS
    parts: list[bytes] = []
    for payload in payloads:
        length = len(payload)
        parts.append(known[length] if length < _KNOWN else header(length))
        parts.append(payload)
    return b"".join(parts)


def fragments(payload: bytes, pieces: int, *, ping: bytes | None = None) -> bytes:
    """Encode one text message in `pieces` frames, with a PING of that payload between them if asked.

    Control frames may stand between fragments (RFC 6455 §5.4). Boundaries may cut a UTF-8 sequence.
    """
    size = max(1, -(-len(payload) // pieces))
    chunks = [payload[at : at + size] for at in range(0, len(payload), size)] or [b""]
    between = b"" if ping is None else frame(ping, Opcode.PING)
    return between.join(
        frame(
            chunk,
            Opcode.TEXT if number == 0 else Opcode.CONT,
            final=number == len(chunks) - 1,
        )
        for number, chunk in enumerate(chunks)
    )


def masked_frame(payload: bytes, key: bytes = b"\x01\x02\x03\x04") -> bytes:
    """Encode a masked text frame, which a server must never send (RFC 6455 §5.1)."""
    first, length, *rest = header(len(payload), FIN | Opcode.TEXT)
    masked = bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))
    return bytes((first, length | MASK, *rest)) + key + masked


_KNOWN = 4096
_TEXT_HEADERS = tuple(header(length) for length in range(_KNOWN))

"""Rules of RFC 6455 that a library may leave to its user: fragments and close frames. Pure."""

from dataclasses import dataclass

NORMAL = 1000
PROTOCOL_ERROR = 1002
NO_CODE = 1005
"""The peer's close frame was empty (RFC 6455 §7.1.5). Never sent."""
ABNORMAL = 1006
"""The connection ended without a close frame (RFC 6455 §7.1.5). Never sent."""
INVALID_DATA = 1007
TOO_BIG = 1009
INTERNAL_ERROR = 1011

CONTINUATION = 0x0
TEXT = 0x1
BINARY = 0x2


@dataclass
class FramingError(Exception):
    """The peer broke the protocol: the connection is to be failed with `code` (§7.1.7)."""

    code: int
    reason: str


class Assembly:
    """Joins the fragments of one message at a time (§5.4). Binary messages are measured only."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._opcode = CONTINUATION  # of the open message; CONTINUATION when there is none
        self._fragments: list[bytes] = []
        self._size = 0

    @property
    def open(self) -> bool:
        """Whether a message has begun and not ended."""
        return self._opcode != CONTINUATION

    def add(self, opcode: int, payload: bytes, *, fin: bool) -> tuple[int, bytes] | None:
        """Take a data frame; return opcode and payload of the message that it completes, if any.

        The payload of a binary message is not kept: it comes back empty.

        Raises:
            FramingError: a continuation of nothing, a message inside a message, or more than
                `limit` bytes (1009).
        """
        if (opcode == CONTINUATION) != self.open:
            reason = "message inside a message" if self.open else "continuation of nothing"
            raise FramingError(PROTOCOL_ERROR, reason)
        if not self.open:
            self._opcode = opcode
        self._size += len(payload)
        if self._size > self._limit:
            raise FramingError(TOO_BIG, f"message of more than {self._limit} bytes")
        if self._opcode == TEXT:
            self._fragments.append(payload)
        if not fin:
            return None
        message = self._opcode, b"".join(self._fragments)
        self._opcode, self._fragments, self._size = CONTINUATION, [], 0
        return message


def parse_close(payload: bytes) -> tuple[int, str]:
    """Return code and reason of a close frame's payload (§5.5.1, §7.4).

    Raises:
        FramingError: half a code, a code that must not be sent, a reason that is not UTF-8 (1007).
    """
    if not payload:
        return NO_CODE, ""
    code = int.from_bytes(payload[:2], "big")
    if len(payload) == 1 or not _may_be_sent(code):
        raise FramingError(PROTOCOL_ERROR, "invalid close code")
    try:
        return code, payload[2:].decode()
    except UnicodeDecodeError:
        raise FramingError(INVALID_DATA, "close reason is not UTF-8") from None


def _may_be_sent(code: int) -> bool:
    """Whether the registry of close codes, or a range left to applications, has `code`."""
    registered = 1000 <= code <= 1014 and code not in (1004, NO_CODE, ABNORMAL)
    return registered or 3000 <= code < 5000

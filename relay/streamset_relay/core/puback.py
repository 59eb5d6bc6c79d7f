"""What a JetStream server answers to a message, and what follows from it.

`{"stream":…,"seq":…}`, perhaps with `"duplicate":true`, says that the stream has the message. Anything else is a
refusal, and the message is not stored: an error with a code (nats-server, `server/errors.json`), or a status
in the headers where nothing listens at all (ADR-1 and ADR-7 of nats-architecture-and-design).
"""

from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from .account import OVERSIZE
from .trouble import Trouble

UNAVAILABLE: Final = "unavailable"
OVERLOADED: Final = "overloaded"
IN_PROCESS: Final = "in_process"
STREAM_FULL: Final = "stream_full"
DENIED: Final = "denied"
WRONG_STREAM: Final = "wrong_stream"
SEALED: Final = "sealed"
REFUSED: Final = "refused"
UNBOUND: Final = "subject_unbound"


class Stored(NamedTuple):
    """The stream has the message; `duplicate`: it had it before."""

    duplicate: bool


class Refusal(NamedTuple):
    """The stream did not take it. `reason` is what a drop is counted as; `again`: it may take it later.

    With `trouble` it will not take the next ones either.
    """

    reason: str
    again: bool
    text: str
    trouble: Trouble | None = None


Answer: TypeAlias = Stored | Refusal

_BY_CODE: Final[dict[int, tuple[str, bool]]] = {
    10023: (UNAVAILABLE, True),  # insufficient resources
    10028: (UNAVAILABLE, True),  # insufficient memory resources
    10039: (UNAVAILABLE, True),  # JetStream not enabled for account
    10047: (UNAVAILABLE, True),  # insufficient storage resources
    10158: (IN_PROCESS, True),  # the same id is being stored just now
    10167: (OVERLOADED, True),  # the ingest queue of the stream is full
    10210: (OVERLOADED, True),
    10211: (OVERLOADED, True),
    10054: (OVERSIZE, False),  # the stream's own limit
    10097: (OVERSIZE, False),  # headers
    10060: (WRONG_STREAM, False),  # another stream has the subject
    10070: (REFUSED, False),
    10071: (REFUSED, False),
    10109: (SEALED, False),
}
_LASTING: Final = {WRONG_STREAM: Trouble.SUBJECT_NOT_BOUND, SEALED: Trouble.NOT_WRITABLE}
_STORE_FAILED: Final = 10077
_BY_STATUS: Final = {408: UNAVAILABLE, 409: IN_PROCESS, 429: OVERLOADED}


class _Error(msgspec.Struct):
    code: int = 0
    err_code: int = 0
    description: str = ""


class _PubAck(msgspec.Struct):
    stream: str = ""
    seq: int = 0
    duplicate: bool = False
    error: _Error | None = None


_decode = msgspec.json.Decoder(_PubAck).decode


def read(headers: bytes, payload: bytes) -> Answer:
    """Tell what an answer says. Total: nonsense is a refusal for now, since nobody knows what became of it."""
    if not payload:
        status = _status(headers)
        return _refusal(_Error(status, 0, f"status {status}" if status != 503 else "no responders"))
    try:
        ack = _decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return Refusal(UNAVAILABLE, True, f"an answer that is none: {error}")
    if ack.error is not None:
        return _refusal(ack.error)
    if not ack.seq:
        return Refusal(UNAVAILABLE, True, "an answer without a sequence number")
    return Stored(ack.duplicate)


def _refusal(error: _Error) -> Refusal:
    """By the error's own code where it is known, else by the class of its HTTP-like one."""
    text = f"{error.description} ({error.err_code or error.code})"
    if error.err_code == _STORE_FAILED:
        # Also said of a store that is just being closed; what is full is a limit, "maximum …".
        full = "maximum" in error.description
        return Refusal(STREAM_FULL, True, text, Trouble.STREAM_FULL) if full else _later(text)
    known = _BY_CODE.get(error.err_code)
    if known is None:
        if error.code in _BY_STATUS:
            return Refusal(_BY_STATUS[error.code], True, text)
        return Refusal(REFUSED, False, text) if 400 <= error.code < 500 else _later(text)
    reason, again = known
    return Refusal(reason, again, text, _LASTING.get(reason))


def _later(text: str) -> Refusal:
    return Refusal(UNAVAILABLE, True, text)


def _status(headers: bytes) -> int:
    """Return the status of `NATS/1.0 503`, or 0."""
    words: list[Any] = headers.partition(b"\r\n")[0].split()
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0

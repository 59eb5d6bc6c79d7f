"""Messages that a JetStream stream holds, asked for one by one: requests and answers, without I/O.

`$JS.API.STREAM.MSG.GET.<stream>` takes a sequence number, or a subject whose last message is wanted, and answers with
JSON that has the message in base64 (nats-server, `server/jetstream_api.go`).
"""

import base64
import binascii
from typing import NamedTuple

import msgspec

from .marks import Mark, mark_of
from .stream import Streams


class Stored(NamedTuple):
    """One message: its place in the JetStream stream, and of which Binance stream it is the last so far."""

    sequence: int
    name: str
    mark: Mark | None
    """None for a message that is none of the relay's."""


class _Message(msgspec.Struct):
    seq: int
    data: str = ""


class _Reply(msgspec.Struct):
    message: _Message | None = None


class _Envelope(msgspec.Struct):
    stream: str
    data: msgspec.Raw


_decode = msgspec.json.Decoder(_Reply).decode
_open = msgspec.json.Decoder(_Envelope).decode


def get_subject(stream: str) -> str:
    """Where to ask for a message."""
    return f"$JS.API.STREAM.MSG.GET.{stream}"


def last_of(subject: str) -> bytes:
    """Ask for the last message of a subject."""
    return msgspec.json.encode({"last_by_subj": subject})


def numbered(sequence: int) -> bytes:
    """Ask for the message of that sequence number."""
    return msgspec.json.encode({"seq": sequence})


def read(payload: bytes, streams: Streams) -> Stored | None:
    """Read an answer; None where there is no such message. `streams` are those that are known of."""
    try:
        message = _decode(payload).message
    except (msgspec.MsgspecError, RecursionError):
        return None
    if message is None:
        return None
    try:
        envelope = _open(base64.b64decode(message.data))
    except (msgspec.MsgspecError, RecursionError, binascii.Error):
        return Stored(message.seq, "", None)
    stream = streams.get(envelope.stream)
    return Stored(message.seq, envelope.stream, mark_of(stream, bytes(envelope.data)))

"""Messages that a JetStream stream holds, asked for one by one: requests and answers, without I/O.

`$JS.API.STREAM.MSG.GET.<stream>` takes a sequence number, or a subject whose last message is wanted, and answers with
JSON that has the message in base64 (nats-server, `server/jetstream_api.go`).
"""

import base64
from typing import NamedTuple

import msgspec

from .marks import Mark, mark_of
from .stream import Streams


class Stored(NamedTuple):
    """One message: its place in the JetStream stream, and of which Binance stream it is the last so far."""

    sequence: int
    name: str
    mark: Mark | None
    """None for a message that is of none of the streams asked about."""


class _Message(msgspec.Struct):
    seq: int
    data: str = ""


class _Reply(msgspec.Struct):
    message: _Message | None = None


class _Envelope(msgspec.Struct):
    stream: str
    message_id: str
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
    """Read an answer; None where there is no such message. Total: others may have stored whatever they like.

    The message's id says whether it is of one of these streams: another market has streams of the same names.
    """
    try:
        message = _decode(payload).message
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    if message is None:
        return None
    foreign = Stored(message.seq, "", None)
    try:
        envelope = _open(base64.b64decode(message.data))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return foreign
    stream = streams.known(envelope.stream)
    if stream is None or not envelope.message_id.startswith(stream.message_id.decode()):
        return foreign
    return Stored(message.seq, stream.name, mark_of(stream, bytes(envelope.data)))

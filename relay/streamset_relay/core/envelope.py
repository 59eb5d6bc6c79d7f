"""Messages → bytes for NATS. The payload is spliced in as it came; it is never parsed and written again.

The envelope is the contract of the service this one replaces::

    {"stream":…,"data":…,"timestamp":…,"message_id":…,"source":"binance-websocket","version":"1.0"}

`timestamp` is the receive time, RFC 3339 in UTC with six digits: every part but the payload has a length that is
known per stream, so that the size the PUB line wants is one addition.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from .batch import Batch
from .classify import Message
from .identity import LOW_48, VARIANT, event_suffix

CLOSING: Final = b'","source":"binance-websocket","version":"1.0"}'

_END: Final = CLOSING + b"\r\n"
#: Sizes as the PUB line has them, ready for all but large messages: writing a number takes longer than finding it.
_SIZES: Final = tuple(b"%d\r\n" % size for size in range(4096))
#: What names the event in its id, while its number has at most 48 bits. Those of the exchange have fewer.
_SMALL: Final = b"%04x-%%012x" % VARIANT
_TIMESTAMP_SIZE: Final = len(b',"timestamp":"2023-04-05T00:00:00.000000Z","message_id":"')
_ID_SIZE: Final = len("00000000-0000-8000-8000-000000000000")
_FIXED_SIZE: Final = _TIMESTAMP_SIZE + _ID_SIZE + len(CLOSING)

_STREAM_KEY_SIZE: Final = len("00000000-0000-8000-")
_SUFFIX_SIZE: Final = _ID_SIZE - _STREAM_KEY_SIZE
_TIME_SIZE: Final = len("2023-04-05T00:00:00.000000Z")
_TIMESTAMP_END: Final = (
    _TIME_SIZE + len('","message_id":"') + _ID_SIZE + len(CLOSING) + len(b"\r\n")
)
_MESSAGE_ID_HEADER: Final = b"NATS/1.0\r\nNats-Msg-Id: "


class Encoded(NamedTuple):
    """`PUB` frames of the NATS client protocol, joined for one write; how many; and how many NATS would refuse."""

    wire: bytes
    messages: int
    oversize: int


def encode(batches: Iterable[Batch], max_payload: int) -> Encoded:
    """Wrap every message and join all of them.

    One of more than `max_payload` bytes is left out and counted: the server would close the connection over it.
    """
    parts: list[bytes] = []
    messages = oversize = 0
    for batch in batches:
        timestamp = b',"timestamp":"%b","message_id":"' % format_time(batch.received_at)
        messages += len(batch.messages)
        for stream, payload, identity in batch.messages:
            opening = stream.opening
            size = len(opening) + len(payload) + _FIXED_SIZE
            if size > max_payload:
                oversize += 1
                continue
            parts += (
                stream.publish,
                _SIZES[size] if size < len(_SIZES) else b"%d\r\n" % size,
                opening,
                payload,
                timestamp,
                stream.message_id,
                _SMALL % identity if identity <= LOW_48 else event_suffix(identity),
                _END,
            )
    return Encoded(b"".join(parts), messages - oversize, oversize)


def oversize(batch: Batch, max_payload: int, added: int = _FIXED_SIZE) -> list[Message]:
    """The messages of a batch that are left out of what is encoded."""
    return [
        message
        for message in batch.messages
        if len(message[0].opening) + len(message[1]) + added > max_payload
    ]


class HpubEncoder:
    """Messages → `HPUB` frames that JetStream answers, each under a number of its own.

    `inbox` is the subject of the answers less the number, `stream` the one that is to take the messages. The
    envelope's `message_id` is the `Nats-Msg-Id` too: the stream stores a repeated message once.
    """

    def __init__(self, inbox: str, stream: str) -> None:
        rest = f"\r\nNats-Expected-Stream: {stream}\r\n\r\n".encode()
        headers_size = len(_MESSAGE_ID_HEADER) + _ID_SIZE + len(rest)
        self._added = _FIXED_SIZE + headers_size
        self._frame = b"H%%b%b%%d %d %%d\r\n" % (inbox.encode(), headers_size)
        self._frame += _MESSAGE_ID_HEADER + b"%b%b" + rest + b"%b%b%b%b%b" + _END

    def encode(self, batch: Batch, number: int, max_payload: int) -> list[bytes]:
        """Wrap the messages, numbered from `number` on; one frame each, so that any can be sent again.

        One whose headers and body have more than `max_payload` bytes is left out.
        """
        parts: list[bytes] = []
        timestamp = b',"timestamp":"%b","message_id":"' % format_time(batch.received_at)
        frame, added = self._frame, self._added
        for stream, payload, identity in batch.messages:
            size = len(stream.opening) + len(payload) + added
            if size > max_payload:
                continue
            suffix = _SMALL % identity if identity <= LOW_48 else event_suffix(identity)
            parts.append(
                frame
                % (
                    stream.publish,
                    number,
                    size,
                    stream.message_id,
                    suffix,
                    stream.opening,
                    payload,
                    timestamp,
                    stream.message_id,
                    suffix,
                )
            )
            number += 1
        return parts

    def oversize(self, batch: Batch, max_payload: int) -> list[Message]:
        """The messages of a batch that `encode` leaves out."""
        return oversize(batch, max_payload, self._added)


class Wrapped(NamedTuple):
    """What an `HPUB` frame tells of the message in it."""

    key: bytes
    """What names its stream: the first half of the message id."""
    identity: int
    received_at: int
    record: bytes | None
    """The payload of a record of events; None for the message of a stream."""


def unwrap(frame: bytes) -> Wrapped:
    """Read a frame of `HpubEncoder` by the places of its parts."""
    end = frame.index(_MESSAGE_ID_HEADER) + len(_MESSAGE_ID_HEADER) + _ID_SIZE
    high, _, low = frame[end - _SUFFIX_SIZE : end].partition(b"-")
    identity = (int(high, 16) ^ VARIANT) << 48 | int(low, 16)
    timestamp = frame[-_TIMESTAMP_END:][:_TIME_SIZE].decode()
    moment = datetime.fromisoformat(timestamp) - datetime.fromtimestamp(0, UTC)
    received_at = moment // timedelta(microseconds=1) * 1000
    body = frame.index(b"\r\n\r\n", end) + 4
    ordinary = frame.startswith(b'{"stream":', body)
    record = None if ordinary else frame[body : -_TIMESTAMP_END - len(b',"timestamp":"')]
    return Wrapped(stream_of(frame), identity, received_at, record)


def stream_of(frame: bytes) -> bytes:
    """What names the stream of an `HPUB` frame: the first half of its message id."""
    start = frame.index(_MESSAGE_ID_HEADER) + len(_MESSAGE_ID_HEADER)
    return frame[start : start + _STREAM_KEY_SIZE]


def subject_of(frame: bytes) -> str:
    """The subject of an `HPUB` frame."""
    return frame[len(b"HPUB ") : frame.index(b" ", len(b"HPUB "))].decode()


def format_time(nanoseconds: int) -> bytes:
    """RFC 3339 in UTC, always six digits and `Z`: `2023-04-05T00:00:00.004107Z`."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ").encode()

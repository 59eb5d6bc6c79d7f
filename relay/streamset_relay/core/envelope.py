"""Messages → bytes for NATS. The payload is spliced in as it came; it is never parsed and written again.

The envelope is the contract of the service this one replaces::

    {"stream":…,"data":…,"timestamp":…,"message_id":…,"source":"binance-websocket","version":"1.0"}

`timestamp` is the receive time, RFC 3339 in UTC with six digits: every part but the payload has a length that is
known per stream, so that the size the PUB line wants is one addition.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, NamedTuple

from .batch import Batch
from .identity import LOW_48, SUFFIX, VARIANT

CLOSING: Final = b'","source":"binance-websocket","version":"1.0"}'

#: One formatting for a whole frame; several, or a list of its parts, take longer.
_PUB: Final = b"%b%d\r\n%b%b%b%b" + SUFFIX + CLOSING + b"\r\n"
_TIMESTAMP_SIZE: Final = len(b',"timestamp":"2023-04-05T00:00:00.000000Z","message_id":"')
_FIXED_SIZE: Final = _TIMESTAMP_SIZE + len("00000000-0000-8000-8000-000000000000") + len(CLOSING)


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
            size = len(stream.opening) + len(payload) + _FIXED_SIZE
            if size > max_payload:
                oversize += 1
                continue
            parts.append(
                _PUB
                % (
                    stream.publish,
                    size,
                    stream.opening,
                    payload,
                    timestamp,
                    stream.message_id,
                    VARIANT | identity >> 48,
                    identity & LOW_48,
                )
            )
    return Encoded(b"".join(parts), messages - oversize, oversize)


def format_time(nanoseconds: int) -> bytes:
    """RFC 3339 in UTC, always six digits and `Z`: `2023-04-05T00:00:00.004107Z`."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ").encode()

"""A sink without a server: writes what the real ones would, and reads all of it back."""

import json
import re
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import RFC_4122, UUID

from streamset_relay.core.account import OVERSIZE, Account
from streamset_relay.core.batch import Batch
from streamset_relay.core.envelope import HpubEncoder, encode
from streamset_relay.core.nats_link import LinkStatus
from streamset_relay.sink import WRITE_LIMIT
from tests.integration.relay.witness import ENVELOPE, data_of

if TYPE_CHECKING:
    from tests.faults.fates import Fate

MAX_PAYLOAD: Final = 1 << 20
MAX_CONTROL_LINE: Final = 4_096
"""Bytes; nats-server ends a connection over a longer one (its `MAX_CONTROL_LINE_SIZE`)."""


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


_PUB = re.compile(rb"PUB [^\s*>]+ (\d+)\r\n")
_HPUB = re.compile(rb"HPUB [^\s*>]+ inbox\.\d+ (\d+) (\d+)\r\n")
_STRICT = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_refuse)


class Opened(NamedTuple):
    """What is in an envelope; the payload as it came, less white space around it."""

    stream: str
    payload: bytes
    message_id: str


def open_envelope(envelope: bytes) -> Opened:
    """Read an envelope, which must be valid JSON of the six known members with an id of version 8."""
    document: dict[str, Any] = _STRICT.decode(envelope.decode())
    assert tuple(document) == ENVELOPE
    identity = UUID(document["message_id"])
    assert (identity.version, identity.variant) == (8, RFC_4122)
    assert str(identity) == document["message_id"]
    payload = data_of(envelope).strip(b" \t\r\n")
    return Opened(document["stream"], payload, document["message_id"])


class ReadingSink:
    """A `streamset_relay.sink.Sink` to be fed by hand. `ready` may be changed at will.

    `expected` are the messages to come, in order; those that others were sent in front of count as `passed_over`.
    """

    def __init__(self) -> None:
        self.ready = True
        self.room = WRITE_LIMIT
        self.expected: deque[Fate] = deque()
        self.passed_over = 0
        self._published = 0
        self._oversize = 0
        self._jetstream = HpubEncoder("inbox.", "MD")

    @property
    def account(self) -> Account:
        """Everything has its last word at once."""
        dropped = Counter({OVERSIZE: self._oversize})
        return Account(pending=0, dropped=dropped, published=self._published)

    @property
    def link(self) -> LinkStatus:
        """Nothing is known of a server."""
        return LinkStatus(self.ready, "closed", 0, None, None)

    def send(self, batches: Sequence[Batch], now: float) -> None:
        """Encode for core NATS and for JetStream; both must say the same."""
        del now
        encoded = encode(batches, MAX_PAYLOAD)
        envelopes = list(_read_pubs(encoded.wire))
        assert len(envelopes) == encoded.messages
        headed = [
            frame for batch in batches for frame in self._jetstream.encode(batch, 1, MAX_PAYLOAD)
        ]
        for envelope, frame in zip(envelopes, headed, strict=True):
            self._read(envelope, frame)
        self._published += encoded.messages
        self._oversize += encoded.oversize

    def _read(self, envelope: bytes, frame: bytes) -> None:
        opened = open_envelope(envelope)
        assert frame.endswith(envelope + b"\r\n")
        named = f"\r\nNats-Msg-Id: {opened.message_id}\r\n".encode()
        assert named in _headers(frame, len(envelope))
        while self.expected:
            expected = self.expected.popleft()
            if (expected.stream, expected.payload) == (opened.stream, opened.payload):
                return
            self.passed_over += 1
        raise AssertionError(f"sent twice, out of order, or from nowhere: {opened}")

    # What the pipeline does not call when it is driven by hand

    async def run(self) -> None:
        raise NotImplementedError

    async def stop(self, timeout: float) -> None:
        raise NotImplementedError

    async def drain(self, timeout: float) -> bool:
        raise NotImplementedError

    async def wait_ready(self) -> None:
        raise NotImplementedError

    @property
    def oldest_pending(self) -> float | None:
        raise NotImplementedError


def _read_pubs(wire: bytes) -> Iterator[bytes]:
    """The payloads of joined PUB frames, as a server would take them off the wire."""
    at = 0
    while at < len(wire):
        line = _PUB.match(wire, at)
        assert line is not None, wire[at : at + 200]
        assert len(line[0]) <= MAX_CONTROL_LINE
        end = line.end() + int(line[1])
        assert wire[end : end + 2] == b"\r\n"
        yield wire[line.end() : end]
        at = end + 2


def _headers(frame: bytes, payload: int) -> bytes:
    line = _HPUB.match(frame)
    assert line is not None, frame[:200]
    assert len(line[0]) <= MAX_CONTROL_LINE
    headers = int(line[1])
    assert (int(line[2]), len(frame)) == (headers + payload, line.end() + headers + payload + 2)
    return frame[line.end() : line.end() + headers]

"""What an independent subscriber makes of the relay's messages: native ids, in the order they came."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.subscriber import Subscriber

ENVELOPE = ("stream", "data", "timestamp", "message_id", "source", "version")
_DATA = b',"data":'
_REST = b',"timestamp":"'


@dataclass
class Seen:
    """One stream as it arrived. A repeated or missing number is noted with its predecessor."""

    first: int
    last: int
    count: int = 1
    breaks: list[tuple[int, int]] = field(default_factory=list)


class Numbered(Subscriber):
    """Checks the numbers of trades (`t`, and `a` of aggregate trades) as they come; keeps no message.

    It reads just the stream's name and the number, so that it costs far less than the relay.
    """

    def __init__(self, url: str, subject: str = ">", *, reconnect: bool = False) -> None:
        super().__init__(url, subject, reconnect=reconnect)
        self.streams: dict[str, Seen] = {}

    def _received(self, subject: bytes, headers: bytes, payload: bytes) -> None:
        super()._received(subject, headers, payload)
        name = payload[11 : payload.index(b'"', 11)].decode()
        key = b'"t":' if name.endswith("@trade") else b'"a":'
        start = payload.index(key) + 4
        number = int(payload[start : payload.index(b",", start)])
        seen = self.streams.get(name)
        if seen is None:
            self.streams[name] = Seen(number, number)
            return
        if number != seen.last + 1:
            seen.breaks.append((seen.last, number))
        seen.last = number
        seen.count += 1

    async def settled(self, timeout: float = 15.0) -> int:
        """The count once everything that the server has is here."""
        async with asyncio.timeout(timeout):
            return await self.settle(timeout)


def data_of(payload: bytes) -> bytes:
    """The bytes between `"data":` and the timestamp, untouched by any JSON parser."""
    start = payload.index(_DATA) + len(_DATA)
    return payload[start : payload.rindex(_REST)]


def parse(payload: bytes) -> dict[str, Any]:
    """An envelope, whose keys must be the six of the contract in their order."""
    envelope: dict[str, Any] = json.loads(payload)
    assert tuple(envelope) == ENVELOPE
    return envelope


def by_stream(payloads: list[bytes]) -> Mapping[str, list[bytes]]:
    """Payloads by stream, in order."""
    found: dict[str, list[bytes]] = {}
    for payload in payloads:
        found.setdefault(json.loads(payload)["stream"], []).append(payload)
    return found


def numbers(payloads: list[bytes], stream: str, member: str = "t") -> list[int]:
    """The native ids of a stream's messages, in the order they came."""
    envelopes = (json.loads(payload) for payload in payloads)
    return [envelope["data"][member] for envelope in envelopes if envelope["stream"] == stream]

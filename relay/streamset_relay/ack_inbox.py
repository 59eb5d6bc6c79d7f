"""Where JetStream's answers arrive: taken off the wire in bulk, in front of nats-py's parser.

A plain answer, "stored", is recognised in the bytes that were read and only leaves its number: one pass of
a regular expression over a whole read. Everything else (refusals, duplicates, the two halves of an answer that
two reads share, what is no answer at all) goes on to nats-py's parser in its order, and what that makes of it is
put in here. Were there nothing recognised, all answers would come that way, and count the same.
"""

import asyncio
import re
import secrets
from typing import Any, Final, NamedTuple, Protocol

SID: Final = 1
"""Number of the subscription; nats-py has none of its own here."""


STORED: Final = rb'\{"stream":"[^"]+",(?: ?"domain":"[^"]+",)? ?"seq":\d+\}'
"""The body of a plain answer."""

_is_stored = re.compile(STORED).fullmatch


class Reply(NamedTuple):
    """A message to the inbox. `token` is the last one of its subject."""

    token: str
    headers: bytes
    payload: bytes


class AckInbox:
    """The inbox of one sink, for all its connections. `arrived` is set when there is something to take."""

    def __init__(self) -> None:
        self.prefix = f"_INBOX.{secrets.token_hex(6)}."
        self.arrived = asyncio.Event()
        self._stored = re.compile(
            rb"MSG %b(\d{1,18}) %d \d+\r\n" % (re.escape(self.prefix.encode()), SID)
            + STORED
            + rb"\r\n"
        )
        self._numbers: list[bytes] = []
        self._replies: list[Reply] = []

    @property
    def subscription(self) -> bytes:
        """The protocol line that subscribes to it."""
        return b"SUB %b* %d\r\n" % (self.prefix.encode(), SID)

    def sift(self, data: bytes) -> bytes:
        """Take the plain answers out of what was read; return the rest as it came."""
        pieces = self._stored.split(data)
        if len(pieces) == 1:
            return data
        self._numbers += pieces[1::2]
        self.arrived.set()
        return b"".join(pieces[::2])

    def put(self, subject: bytes, headers: bytes, payload: bytes) -> None:
        """Add a message that was parsed."""
        token = subject[len(self.prefix) :]
        if not headers and token.isdigit() and _is_stored(payload):
            self._numbers.append(token)
        else:
            self._replies.append(Reply(token.decode(errors="replace"), headers, payload))
        self.arrived.set()

    def take(self) -> tuple[list[int], list[Reply]]:
        """What has arrived since the last time: numbers of stored messages, sorted, and everything else."""
        self.arrived.clear()
        numbers, replies = self._numbers, self._replies
        self._numbers, self._replies = [], []
        return sorted(map(int, numbers)), replies


class Parser(Protocol):
    """What nats-py's read loop needs of a parser."""

    async def parse(self, data: bytes = b"") -> Any:
        """Take what was read."""

    def reset(self) -> None:
        """Forget an unfinished message."""


class Sieve:
    """A parser in front of nats-py's, which lets an inbox take its share."""

    def __init__(self, inbox: AckInbox, parser: Parser) -> None:
        self._inbox = inbox
        self._parser = parser

    async def parse(self, data: bytes = b"") -> None:
        """Pass on what the inbox leaves."""
        if rest := self._inbox.sift(data):
            await self._parser.parse(rest)

    def reset(self) -> None:
        """Forget an unfinished message."""
        self._parser.reset()

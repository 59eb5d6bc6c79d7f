"""Messages to the relay that are no answers of JetStream: what other relays say, and replies to single requests."""

import asyncio
import secrets
from collections import deque
from typing import Final, NamedTuple

INBOX_SID: Final = 2
SUBJECT_SID: Final = 3
"""Numbers of the two subscriptions; the first is that of the acks."""

_NO_RESPONDERS: Final = b"NATS/1.0 503"


class Letter(NamedTuple):
    """A message as it came."""

    subject: str
    reply: str
    headers: bytes
    payload: bytes

    @property
    def no_responders(self) -> bool:
        """It is the server's answer to a request on a subject that nobody listens to (NATS ADR-4)."""
        return not self.payload and self.headers.startswith(_NO_RESPONDERS)


class Mailbox:
    """An inbox, and one subject where wanted, for one connection.

    `arrived` is set when there is something to take, or when the connection has ended.
    """

    def __init__(self) -> None:
        self.prefix = f"_INBOX.{secrets.token_hex(6)}."
        self.arrived = asyncio.Event()
        self._letters: deque[Letter] = deque()

    @property
    def subscription(self) -> bytes:
        """The protocol line that subscribes to the inbox."""
        return b"SUB %b* %d\r\n" % (self.prefix.encode(), INBOX_SID)

    @staticmethod
    def listening(subject: str) -> bytes:
        """The protocol line that subscribes to a subject."""
        return b"SUB %b %d\r\n" % (subject.encode(), SUBJECT_SID)

    deaf: Final = b"UNSUB %d\r\n" % SUBJECT_SID
    """The protocol line that ends that."""

    def request(self, subject: str, token: str, payload: bytes) -> bytes:
        """The protocol line and payload of a request that is answered to the inbox."""
        line = f"PUB {subject} {self.prefix}{token} {len(payload)}\r\n"
        return line.encode() + payload + b"\r\n"

    def put(self, letter: Letter) -> None:
        """Add what came."""
        self._letters.append(letter)
        self.arrived.set()

    def take(self) -> list[Letter]:
        """What has arrived since the last time."""
        self.arrived.clear()
        letters = list(self._letters)
        self._letters.clear()
        return letters


def message(subject: str, payload: bytes) -> bytes:
    """The protocol line and payload of a message that nobody answers."""
    return b"PUB %b %d\r\n%b\r\n" % (subject.encode(), len(payload), payload)

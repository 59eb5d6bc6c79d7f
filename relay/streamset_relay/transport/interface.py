"""What the relay asks of a WebSocket connection, whichever library holds it."""

from typing import NamedTuple, Protocol

MAX_MESSAGE = 16 * 1024 * 1024
"""Default limit of one message in bytes, fragments joined."""

CLOSE_TIMEOUT = 2.0
"""Seconds a peer has to take part in closing before the connection is cut."""


class Chunk(NamedTuple):
    """Every message that came off the socket since the last `Transport.read`, in order."""

    received_at: int
    """Wall clock in nanoseconds since the epoch, read once, when the first message came."""

    frames: list[bytes]
    """Text messages, fragments joined, bytes exactly as sent: UTF-8 is not checked here."""

    binary: int
    """Binary messages. They are counted and thrown away: the streams are JSON."""


class Transport(Protocol):
    """An open client connection. It belongs to one event loop and has one reader."""

    @property
    def name(self) -> str:
        """The library behind it: `picows` or `websockets`."""

    @property
    def heard(self) -> int:
        """Frames of any opcode received so far. As long as it grows, the link lives."""

    @property
    def pings(self) -> int:
        """PING and PONG frames received so far; they are part of `heard`."""

    async def read(self) -> Chunk:
        """Wait for a message; return all that have come.

        Control frames alone do not end the wait. Cancelling the wait loses nothing.

        Raises:
            ConnectionLost: the connection has ended, and everything received before it did has
                been returned. Each later call raises it again.
        """

    def send(self, text: str) -> None:
        """Send a text message; nothing after the end of the connection.

        That is no error here: the reader learns it from `ConnectionLost`, and one way is enough.
        """

    def ping(self) -> None:
        """Send an empty PING; nothing after the end of the connection."""

    async def close(self, code: int = 1000) -> None:
        """Close with a handshake (RFC 6455 §7.1.2), or cut the connection after `CLOSE_TIMEOUT`.

        Messages that come after the call are dropped; those that came before can still be read,
        then `read` raises ConnectionLost(`code`). Cancelling it cuts the connection at once.

        Whoever opened a connection calls this, also when `read` has told its end: only a cut frees
        the socket of a peer that does not read. Calling it again is harmless.
        """

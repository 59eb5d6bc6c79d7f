"""One connection: what the client said, what it is subscribed to, and what was written to it."""

import asyncio
import contextlib
import socket
import struct
from collections import deque
from dataclasses import dataclass

from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, Event

from exchange_simulator.core.frames import frame
from exchange_simulator.core.limits import Heartbeat, RateWindow
from exchange_simulator.core.protocol import Session
from exchange_simulator.core.rules import Rules
from exchange_simulator.core.target import Target
from exchange_simulator.stats import ConnectionStats, ControlMessage

KEPT = 1000
"""Control messages remembered per connection."""

ABNORMAL = 1006
"""The close code of a connection that ended without a close frame (RFC 6455 §7.4.1)."""


@dataclass(frozen=True)
class Heard:
    """A message that arrived: its opcode, and the payload of a control frame."""

    at: float
    opcode: int
    payload: bytes


class ExchangeConnection(ServerConnection):
    """A connection of `websockets` that also keeps note of the frames that arrive.

    PING and PONG count towards the client's allowance, and `recv` does not show them.
    """

    target: Target
    """What the upgrade request asked for; set when it is accepted."""

    heard: deque[Heard]
    """Frames that arrived and are not yet taken note of."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to take note."""
        self.heard = deque()
        super().connection_made(transport)

    def process_event(self, event: Event) -> None:
        """Take note of a frame, then let `websockets` handle it."""
        if isinstance(event, Frame) and event.opcode not in (Opcode.CONT, Opcode.CLOSE):
            payload = b"" if event.opcode < Opcode.CLOSE else bytes(event.data)
            self.heard.append(Heard(self.loop.time(), int(event.opcode), payload))
        super().process_event(event)


class Client:
    """What the exchange knows about one connection, and its writing end."""

    def __init__(
        self,
        number: int,
        connection: ExchangeConnection,
        session: Session,
        rules: Rules,
        now: float,
    ) -> None:
        self.number = number
        self.connection = connection
        self.target = connection.target
        self.session = session
        self.allowance = RateWindow(rules.control_rate, 1.0)
        self.heartbeat = Heartbeat(
            rules.ping_interval, rules.pong_timeout, now + rules.ping_interval
        )
        self.expires = now + rules.max_age
        """When the exchange ends the connection."""
        self.expiry_code = 1001
        self.replies: deque[tuple[float, str]] = deque()
        """Replies that wait for their moment."""
        self.lag = 0.0
        """Seconds by which its events come late."""
        self._late: deque[tuple[float, bytes]] = deque()
        self.messages = 0
        self._opened = now
        self._closed: float | None = None
        self._closing: asyncio.Task[None] | None = None
        self._bytes = 0
        self._pings_sent = 0
        self._pings_received = 0
        self._pongs_received = 0
        self._control: deque[tuple[float, str, str]] = deque(maxlen=KEPT)

    @property
    def form(self) -> tuple[bool, bool]:
        """How its events look: whether wrapped with their stream, and whether in microseconds."""
        return self.session.combined, self.target.microseconds

    @property
    def open(self) -> bool:
        """Whether data may still be sent."""
        return self.connection.state is OPEN

    @property
    def buffered(self) -> int:
        """Bytes that wait for the client to read."""
        return self.connection.transport.get_write_buffer_size()

    def write(self, data: bytes, messages: int = 0) -> None:
        """Write encoded frames."""
        if self.open and not self.connection.transport.is_closing():
            self.connection.transport.write(data)
            self.messages += messages
            self._bytes += len(data)

    def write_events(self, data: bytes, now: float) -> None:
        """Write encoded events, or keep them for as long as the connection lags."""
        if self.lag:
            self._late.append((now + self.lag, data))
        else:
            self.write(data)

    def write_late(self, now: float) -> None:
        """Write the events whose time has come; all of them when the connection lags no longer."""
        while self._late and (not self.lag or self._late[0][0] <= now):
            self.write(self._late.popleft()[1])

    def reply(self, text: str) -> None:
        """Write a text message that is no event."""
        # A stream name may hold half a surrogate pair, which JSON can write and UTF-8 cannot.
        self.write(frame(text.encode(errors="replace")))

    def ping(self, now: float, time_ms: int) -> None:
        """Send a ping; its payload is the time in milliseconds."""
        payload = str(time_ms).encode()
        self.write(frame(payload, Opcode.PING))
        self.heartbeat.sent(payload, now)
        self._pings_sent += 1

    def hear(self) -> bool:
        """Take note of the frames that arrived; False if they were more than the client may send."""
        within = True
        while self.connection.heard:
            heard = self.connection.heard.popleft()
            within &= not self.allowance.exceeded(heard.at)
            if heard.opcode == Opcode.PING:
                self._pings_received += 1
                self.note(heard.at, "PING", heard.payload.decode(errors="replace"))
            elif heard.opcode == Opcode.PONG:
                self._pongs_received += 1
                self.heartbeat.answered(heard.payload)
                self.note(heard.at, "PONG", heard.payload.decode(errors="replace"))
        return within

    def note(self, now: float, kind: str, text: str) -> None:
        """Remember a message of the client."""
        self._control.append((now, kind, text))

    def close(self, code: int, reason: str, timeout: float) -> None:
        """Start the closing handshake; the connection ends after `timeout` seconds at the latest."""
        if self._closing is None and self.open:
            self.read_on()
            self._closing = asyncio.create_task(self._close(code, reason, timeout))

    def abort(self) -> None:
        """End the TCP connection without a close frame."""
        self.connection.transport.abort()

    def reset(self) -> None:
        """End the TCP connection with RST instead of FIN."""
        sock = self.connection.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.abort()

    def stop_reading(self) -> None:
        """Leave everything that arrives in the socket, unanswered."""
        if not self.connection.transport.is_closing():
            self.connection.transport.pause_reading()

    def read_on(self) -> None:
        """Read again."""
        if not self.connection.transport.is_closing():
            self.connection.transport.resume_reading()

    async def drained(self) -> None:
        """Wait until the client has read most of what was written."""
        with contextlib.suppress(OSError):  # the connection ended; nothing is left to wait for
            await self.connection.drain()

    async def finished(self, now: float) -> None:
        """Wait for a closing handshake that was started, and take note of the end."""
        if self._closing is not None:
            await asyncio.wait([self._closing])
        self._closed = now

    def snapshot(self, start: float) -> ConnectionStats:
        """The state of the connection; `start` is the epoch time of moment 0."""
        protocol = self.connection.protocol
        received, sent = protocol.close_rcvd, protocol.close_sent
        host, port = self.connection.remote_address[:2]
        return ConnectionStats(
            number=self.number,
            path=self.connection.request.path if self.connection.request else "",
            remote=f"{host}:{port}",
            opened_at=start + self._opened,
            closed_at=None if self._closed is None else start + self._closed,
            close_sent=sent.code if sent else None,
            close_received=received.code if received else None,
            combined=self.session.combined,
            streams=self.session.order,
            messages=self.messages,
            bytes=self._bytes,
            pings_sent=self._pings_sent,
            pongs_received=self._pongs_received,
            pings_received=self._pings_received,
            control=tuple(
                ControlMessage(at=start + at, kind=kind, text=text[:8000])
                for at, kind, text in self._control
            ),
        )

    async def _close(self, code: int, reason: str, timeout: float) -> None:
        try:
            async with asyncio.timeout(timeout):
                await self.connection.close(code, reason)
        except TimeoutError:
            self.abort()

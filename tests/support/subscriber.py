"""An independent witness of what NATS delivered.

It speaks NATS' text protocol itself (https://docs.nats.io/reference/reference-protocols/nats-protocol)
and shares no code with the relay, so that a test compares two accounts and not one with itself. It
counts several hundred thousand messages per second, never stops reading, and has no limit of its
own that could drop one.

    async with Subscriber(server.url, "binance.>") as subscriber:
        ... publish ...
        await subscriber.wait_for(1000)
        assert subscriber.count == 1000
"""

import asyncio
import functools
import json
import time
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple, Self, cast
from urllib.parse import unquote, urlsplit


class Received(NamedTuple):
    """One delivered message. `headers` are the bytes from ``NATS/1.0`` on, or empty."""

    subject: str
    payload: bytes
    headers: bytes = b""


class Subscriber:
    """Subscribes to one subject (wildcards allowed) and counts; with `keep`, keeps `messages` too.

    With `reconnect` it subscribes anew after a lost connection, until `stop`: what was published
    in between is missed, as core NATS has it. Without, `ended` is set when the connection ends.
    """

    def __init__(
        self, url: str, subject: str = ">", *, keep: bool = False, reconnect: bool = False
    ) -> None:
        self._url = urlsplit(url)
        self._host, self._port = self._url.hostname or "127.0.0.1", self._url.port or 4222
        self._subject = subject
        self._reconnect = reconnect
        self._task: asyncio.Task[None] | None = None
        self._protocol: _Protocol | None = None
        self._subscribed = asyncio.Event()
        self._keep = keep
        self.count = 0
        self.bytes = 0
        self.longest_pause = 0.0
        """The longest time between two messages, in seconds."""
        self._latest: float | None = None
        self.messages: list[Received] = []
        self.errors: list[str] = []
        self.connects = 0
        self.ended = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    @property
    def payloads(self) -> list[bytes]:
        return [message.payload for message in self.messages]

    async def start(self, timeout: float = 10.0) -> None:
        """Connect, subscribe, and wait until the server has the subscription."""
        self._task = asyncio.create_task(self._run())
        await self.wait_subscribed(timeout)

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def wait_subscribed(self, timeout: float = 10.0) -> None:
        """Wait until a connection is up and its subscription known to the server."""
        await asyncio.wait_for(self._subscribed.wait(), timeout)

    async def wait_for(self, count: int, timeout: float = 10.0) -> None:
        """Wait until at least `count` messages came; the error of a time-out says how many did."""
        try:
            async with asyncio.timeout(timeout):
                while self.count < count:
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"{self.count} of {count} messages came in {timeout} s") from None

    async def settle(self, timeout: float = 10.0) -> int:
        """Wait for everything that the server had for us when called; answers the count."""
        await self.wait_subscribed(timeout)
        assert self._protocol is not None
        await asyncio.wait_for(self._protocol.ping(), timeout)
        return self.count

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            lost: asyncio.Future[None] = loop.create_future()
            parser = functools.partial(_Protocol, self._received, lost)
            try:
                _, protocol = await loop.create_connection(parser, self._host, self._port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            self._protocol = protocol
            try:
                protocol.send(self._connect_line() + f"SUB {self._subject} 1\r\n".encode())
                await protocol.ping()
                self.connects += 1
                self._subscribed.set()
                await lost
            except ConnectionError as error:
                self.errors.append(str(error))
            finally:
                self._subscribed.clear()
                self.errors += protocol.errors
                protocol.abort()
            if not self._reconnect:
                self.ended.set()
                return

    def _connect_line(self) -> bytes:
        options: dict[str, object] = {
            "verbose": False,
            "pedantic": False,
            "headers": True,
            "lang": "test",
        }
        options |= {"version": "0", "protocol": 1, "name": "subscriber"}
        if self._url.username is not None:
            options |= {
                "user": unquote(self._url.username),
                "pass": unquote(self._url.password or ""),
            }
        return b"CONNECT " + json.dumps(options).encode() + b"\r\n"

    def _received(self, subject: bytes, headers: bytes, payload: bytes) -> None:
        now = time.monotonic()
        if self._latest is not None:
            self.longest_pause = max(self.longest_pause, now - self._latest)
        self._latest = now
        self.count += 1
        self.bytes += len(payload)
        if self._keep:
            self.messages.append(Received(subject.decode(), payload, headers))


class _Protocol(asyncio.Protocol):
    """Parses what the server sends and answers its pings."""

    def __init__(
        self, received: Callable[[bytes, bytes, bytes], None], lost: asyncio.Future[None]
    ) -> None:
        self._received = received
        self._lost = lost
        self._pongs: list[asyncio.Future[None]] = []
        self._rest = b""
        self._transport: asyncio.Transport | None = None
        self.errors: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        for pong in self._pongs:
            if not pong.done():
                pong.set_exception(ConnectionError("the server closed the connection"))
        if not self._lost.done():
            self._lost.set_result(None)

    def send(self, line: bytes) -> None:
        assert self._transport is not None
        self._transport.write(line)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    async def ping(self) -> None:
        pong = asyncio.get_running_loop().create_future()
        if self._lost.done():
            raise ConnectionError("the server closed the connection")
        self._pongs.append(pong)
        self.send(b"PING\r\n")
        await pong

    def data_received(self, data: bytes) -> None:
        buffer = self._rest + data if self._rest else data
        position = 0
        while (end := buffer.find(b"\r\n", position)) >= 0:
            start = end + 2
            if buffer.startswith((b"MSG ", b"HMSG "), position):
                parts = buffer[position:end].split(b" ")
                stop = start + int(parts[-1])
                if stop + 2 > len(buffer):
                    break
                body = start + int(parts[-2]) if parts[0] == b"HMSG" else start
                self._received(parts[1], buffer[start:body], buffer[body:stop])
                start = stop + 2
            else:
                self._control(buffer[position:end])
            position = start
        self._rest = buffer[position:]

    def _control(self, line: bytes) -> None:
        if line == b"PING":
            self.send(b"PONG\r\n")
        elif line == b"PONG":
            pong = self._pongs.pop(0)
            if not pong.done():
                pong.set_result(None)
        elif line.startswith(b"-ERR"):
            self.errors.append(line.decode())
        elif not line.startswith((b"INFO ", b"+OK")):
            raise AssertionError(f"nats-server sent {line[:80]!r}")

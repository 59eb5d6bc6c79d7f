"""Clients of the simulated exchange: an ordinary one, and one that answers nothing."""

import asyncio
import base64
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.uri import parse_uri

from exchange_simulator import Simulator

DEADLINE = 10.0


def client(exchange: Simulator, path: str = "/stream", **options: Any) -> connect:
    """Connect as a well-behaved client, which reads all the time."""
    settled: dict[str, Any] = {"compression": None, "ping_interval": None, "max_queue": None}
    return connect(exchange.url + path, **(settled | options))


def request(method: str, *params: object, identity: object = 1) -> str:
    return json.dumps({"method": method, "params": list(params), "id": identity})


async def receive(connection: ClientConnection) -> Any:
    """The next message."""
    async with asyncio.timeout(DEADLINE):
        return json.loads(await connection.recv())


async def ask(connection: ClientConnection, method: str, *params: object) -> Any:
    """Send a request, and give the reply; events before it are left out."""
    await connection.send(request(method, *params, identity=77))
    while True:
        message = await receive(connection)
        if message.get("id") == 77:
            return message


async def events(connection: ClientConnection, count: int) -> list[Any]:
    """The next so many messages that are no replies."""
    found: list[Any] = []
    while len(found) < count:
        message = await receive(connection)
        if not isinstance(message, dict) or "result" not in message:
            found.append(message)
    return found


async def closed(connection: ClientConnection) -> tuple[int | None, str | None]:
    """Wait for the end of the connection, and give its close code and reason."""
    async with asyncio.timeout(DEADLINE):
        await connection.wait_closed()
    return connection.close_code, connection.close_reason


async def until(happened: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(DEADLINE):
        while not happened():
            await asyncio.sleep(0.005)


class MuteClient:
    """Reads frames and never answers one, not even a ping."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._protocol = ClientProtocol(parse_uri("ws://localhost/"), state=OPEN, max_size=None)

    async def frames(self) -> AsyncIterator[Frame]:
        """The frames that come, until the connection ends."""
        async with asyncio.timeout(DEADLINE):
            while data := await self._reader.read(1 << 16):
                self._protocol.receive_data(data)
                for event in self._protocol.events_received():
                    if isinstance(event, Frame):
                        yield event

    def send(self, opcode: Opcode, payload: bytes) -> None:
        """Send a frame."""
        self._writer.write(Frame(opcode, payload).serialize(mask=True))

    async def ended(self) -> BaseException | None:
        """Wait for the end of the TCP connection; the exception if it was reset."""
        try:
            async with asyncio.timeout(DEADLINE):
                while await self._reader.read(1 << 16):
                    pass
        except ConnectionResetError as error:
            return error
        return None


@asynccontextmanager
async def mute_client(exchange: Simulator, path: str = "/stream") -> AsyncIterator[MuteClient]:
    """Connect by hand."""
    host, port = exchange.url.removeprefix("ws://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 16)
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")
    try:
        yield MuteClient(reader, writer)
    finally:
        writer.transport.abort()

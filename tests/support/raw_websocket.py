"""A WebSocket server that writes exactly the bytes a test tells it to, right or wrong."""

import asyncio
import base64
import contextlib
import hashlib
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import cast

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
RSV1, RSV2, RSV3 = 0x40, 0x20, 0x10

Script = Callable[["Peer"], Awaitable[None]]


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, mask: bool = False
) -> bytes:
    """Encode a frame as RFC 6455 §5.2 draws it, whether its rules allow it or not."""
    head = bytes([(0x80 if fin else 0) | rsv | opcode])
    marked = 0x80 if mask else 0
    if len(payload) < 126:
        head += bytes([marked | len(payload)])
    elif len(payload) < 65536:
        head += struct.pack("!BH", marked | 126, len(payload))
    else:
        head += struct.pack("!BQ", marked | 127, len(payload))
    return head + (bytes(4) if mask else b"") + payload  # a mask of zeros changes nothing


def text(payload: bytes) -> bytes:
    return frame(TEXT, payload)


def close(code: int, reason: str = "") -> bytes:
    return frame(CLOSE, struct.pack("!H", code) + reason.encode())


class Peer:
    """The server's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.request = b""

    async def read_request(self) -> None:
        self.request = await self.reader.readuntil(b"\r\n\r\n")

    async def upgrade(self, *headers: str, then: bytes = b"") -> None:
        """Grant the upgrade; `then` goes out in the same segment."""
        await self.read_request()
        key = self.request.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]
        digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        lines = [
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}",
            *headers,
        ]
        await self.write("\r\n".join([*lines, "", ""]).encode() + then)

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def receive(self) -> tuple[int, bytes]:
        """Return opcode and unmasked payload of the client's next frame."""
        first, second = await self.reader.readexactly(2)
        assert first & 0x80, "the client fragments nothing"
        assert second & 0x80, "the client masks everything"
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", await self.reader.readexactly(2))
        mask = await self.reader.readexactly(4)
        payload = await self.reader.readexactly(length)
        return first & 0x0F, bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))

    async def finish(self) -> None:
        """Take part in closing: read until the client's close frame, or its end, and answer."""
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                opcode, payload = await self.receive()
                if opcode == CLOSE:
                    await self.write(frame(CLOSE, payload))
                    return

    async def receive_end(self) -> None:
        """Read, and answer nothing, until the client has ended the TCP connection."""
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(65536):
                pass

    def stop_reading(self) -> None:
        """From now on leave what the client sends in the socket."""
        cast("asyncio.Transport", self.writer.transport).pause_reading()

    def reset(self) -> None:
        """End the connection with an RST."""
        linger = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(1, 13, linger)  # SOL_SOCKET, SO_LINGER
        self.writer.transport.abort()


@contextlib.asynccontextmanager
async def serve(script: Script, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Run `script` for each connection, on a free port; gives the URL.

    The connection ends with the script. A script that is not done when the test is gets cancelled;
    what it raised is raised again.
    """
    scripts: set[asyncio.Task[None]] = set()

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(ConnectionError):  # the client was the first to go
                await script(Peer(reader, writer))
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        finally:
            writer.transport.abort()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        scripts.add(asyncio.get_running_loop().create_task(run(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"{'wss' if tls else 'ws'}://127.0.0.1:{port}/stream"
    finally:
        server.close()
        for task in scripts:
            task.cancel()
        results = await asyncio.gather(*scripts, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result

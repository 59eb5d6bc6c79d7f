"""A connection that is reset while its last messages are still unread."""

import asyncio
import base64
import hashlib
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.integration.transport.conftest import Open
from tests.integration.transport.test_messages import read_all
from tests.support.certificates import Authority, authority_in
from tests.support.raw_websocket import text

ACCEPTED = """\
HTTP/1.1 101 Switching Protocols\r
Upgrade: websocket\r
Connection: Upgrade\r
Sec-WebSocket-Accept: {}\r
\r
"""


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("size", [1, 1_000, 100_000])
async def test_a_reset_behind_unread_messages_is_noticed(
    open_client: Open, size: int, tls: bool, tmp_path: Path
) -> None:
    """Both come with one event of the loop, and some loops tell of a reset only once."""
    now, done = Event(), Event()
    authority = authority_in(tmp_path / "authority") if tls else None
    with resetting(text(b"x" * size), now, done, authority) as url:
        client = await open_client(url, ssl_context=authority and authority.client_context())
        now.set()
        assert done.wait(10), "the loop is held up on purpose"
        async with asyncio.timeout(10):
            frames, _, lost = await read_all(client)
        assert (frames, lost.code) == ([b"x" * size], 1006)


@contextmanager
def resetting(data: bytes, now: Event, done: Event, authority: Authority | None) -> Iterator[str]:
    """A server in a thread of its own; when told, it writes `data` and resets the connection."""

    def serve() -> None:
        peer, _ = listener.accept()
        if authority is not None:
            context = authority.server_context("IP:127.0.0.1")
            peer = context.wrap_socket(peer, server_side=True)
        with peer:
            request = peer.recv(4096)
            key = request.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]
            digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
            peer.sendall(ACCEPTED.format(base64.b64encode(digest).decode()).encode())
            now.wait(10)
            peer.sendall(data)
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        done.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=serve)
        thread.start()
        try:
            scheme = "ws" if authority is None else "wss"
            yield f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/stream"
        finally:
            now.set()
            thread.join(10)

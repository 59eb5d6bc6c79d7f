"""The reference client, on the sans-I/O core of websockets (https://websockets.readthedocs.io).

The core checks the rules of RFC 6455 and answers PING and CLOSE; this module moves bytes between it
and the socket. The library's own asyncio client would hand over message by message through a queue;
with the core, one `data_received` is one batch.
"""

import asyncio
import logging
import ssl
from typing import cast

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidURI
from websockets.frames import Frame, Opcode
from websockets.protocol import Event
from websockets.uri import parse_uri

from ..errors import ConnectFailed, ConnectionLost
from . import framing
from .framing import Assembly
from .handshake import MAX_HEAD, USER_AGENT, rejection
from .inbox import Inbox
from .interface import CLOSE_TIMEOUT, Chunk
from .tcp import dial, hang_up

# The core would format every frame for the log when the root logger is at DEBUG. What it has to
# tell also reaches the reader, as an exception.
_SILENT = logging.Logger("websockets", logging.CRITICAL + 1)


async def open_websockets(
    url: str, tls: ssl.SSLContext | None, max_message: int
) -> "WebsocketsClient":
    """Open a connection. See `streamset_relay.transport.opening.connect`, which bounds the time."""
    try:
        uri = parse_uri(url)
        sock = await dial(uri.host, uri.port)
    except (OSError, ValueError, InvalidURI) as exc:
        raise ConnectFailed(url, str(exc) or repr(exc)) from exc
    core = ClientProtocol(uri, max_size=max_message, logger=_SILENT)
    upgrade = _Upgrade(url, core, max_message)
    try:
        await asyncio.get_running_loop().create_connection(
            lambda: upgrade,
            sock=sock,
            ssl=tls,
            server_hostname=uri.host if tls else None,
            ssl_shutdown_timeout=CLOSE_TIMEOUT if tls else None,
        )
        return await upgrade.client
    except BaseException as exc:
        hang_up(sock)
        if isinstance(exc, (OSError, ValueError)):
            raise ConnectFailed(url, str(exc) or repr(exc)) from exc
        raise


class _Upgrade(asyncio.Protocol):
    """Asks for the upgrade; once it is granted, the client takes this one's place."""

    def __init__(self, url: str, core: ClientProtocol, max_message: int) -> None:
        self.client: asyncio.Future[WebsocketsClient] = asyncio.get_running_loop().create_future()
        self._url = url
        self._core = core
        self._max_message = max_message
        self._answer = b""
        self._socket: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._socket = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        request = self._core.connect()
        request.headers["User-Agent"] = USER_AGENT
        self._core.send_request(request)
        self._socket.writelines(self._core.data_to_send())

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, separator, rest = self._answer.partition(b"\r\n\r\n")
        if not separator:
            if len(head) > MAX_HEAD:
                self._refuse(ConnectFailed(self._url, "the headers of the answer are too long"))
            return
        if rejected := rejection(self._url, head):
            self._refuse(rejected)
            return
        self._core.receive_data(head + separator)
        if self._core.handshake_exc is not None:
            self._refuse(ConnectFailed(self._url, str(self._core.handshake_exc)))
            return
        self._core.events_received()  # the response
        client = WebsocketsClient(self._core, self._socket, self._max_message)
        self._socket.set_protocol(client)
        if rest:
            client.data_received(rest)
        if not self.client.done():
            self.client.set_result(client)

    def connection_lost(self, exc: Exception | None) -> None:
        cause = f"the connection ended before the upgrade was answered{f': {exc}' if exc else ''}"
        self._refuse(ConnectFailed(self._url, cause))

    def _refuse(self, why: Exception) -> None:
        if not self.client.done():  # done: refused before, or nobody waits any more
            self.client.set_exception(why)
        self._socket.abort()


class WebsocketsClient(asyncio.Protocol):
    """A `streamset_relay.transport.Transport`; the event loop calls the methods of `Protocol`."""

    name = "websockets"

    def __init__(
        self, core: ClientProtocol, transport: asyncio.Transport, max_message: int
    ) -> None:
        self.heard = 0
        self.pings = 0
        self._core = core
        self._socket = transport
        self._inbox = Inbox()
        self._inbox.socket = transport
        self._assembly = Assembly(max_message)
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def read(self) -> Chunk:  # noqa: D102 - see Transport
        return await self._inbox.read()

    def send(self, text: str) -> None:  # noqa: D102 - see Transport
        if not self._inbox.ended:
            self._core.send_text(text.encode())
            self._flush()

    def ping(self) -> None:  # noqa: D102 - see Transport
        if not self._inbox.ended:
            self._core.send_ping(b"")
            self._flush()

    async def close(self, code: int = framing.NORMAL) -> None:  # noqa: D102 - see Transport
        if self._inbox.end(ConnectionLost(code, "closed by the relay")):
            self._core.send_close(code)
            self._flush()
        try:
            await asyncio.wait([self._gone], timeout=CLOSE_TIMEOUT)
        finally:
            self._socket.abort()
        await asyncio.wait([self._gone])

    # -- called by the event loop

    def data_received(self, data: bytes) -> None:
        """Take what one read of the socket brought."""
        self._core.receive_data(data)
        events = self._core.events_received()
        self.heard += len(events)
        if not self._inbox.ended:
            self._inbox.stamp()
            self._take(events)
            self._inbox.wake()
        self._flush()
        if self._core.close_expected():
            self._close_socket()

    def pause_writing(self) -> None:
        """Cut a peer that has stopped reading: what we send never fills a send buffer otherwise."""
        self._inbox.end(ConnectionLost(framing.ABNORMAL, "the peer does not read"))
        self._socket.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the reader, if nothing has before."""
        self._inbox.end(ConnectionLost(framing.ABNORMAL, str(exc or "no close frame")))
        self._gone.set_result(None)

    # -- what the core has parsed

    def _take(self, events: list[Event]) -> None:
        append = self._inbox.frames.append
        for frame in events:
            assert isinstance(frame, Frame)  # noqa: S101 - narrows a type; the rest is handshake
            if frame.opcode is Opcode.TEXT and frame.fin:
                append(bytes(frame.data))
            elif frame.opcode is Opcode.PING or frame.opcode is Opcode.PONG:
                self.pings += 1
            elif frame.opcode is not Opcode.CLOSE:
                self._take_fragment(frame)

    def _take_fragment(self, frame: Frame) -> None:
        message = self._assembly.add(frame.opcode, bytes(frame.data), fin=frame.fin)
        if message is None:
            return
        opcode, payload = message
        if opcode == framing.TEXT:
            self._inbox.frames.append(payload)
        else:
            self._inbox.binary += 1

    def _flush(self) -> None:
        if data := b"".join(self._core.data_to_send()):
            self._socket.write(data)

    def _close_socket(self) -> None:
        """Follow the core, which has had the peer's close frame, or has failed the connection."""
        received, sent = self._core.close_rcvd, self._core.close_sent
        if received is not None:
            self._inbox.end(ConnectionLost(int(received.code), received.reason))
        elif not self._inbox.ended and sent is not None:
            self._inbox.end(ConnectionLost(int(sent.code), sent.reason))
        elif self._core.parser_exc is None:
            return  # our close frame is out, theirs is still to come
        self._socket.close()

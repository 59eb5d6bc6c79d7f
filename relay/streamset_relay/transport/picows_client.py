"""The fast client, on picows (https://github.com/tarasko/picows).

picows calls `on_ws_frame` for every frame and marks the last one of each read of the socket. It
checks opcodes, masking, control frames and lengths. It leaves to its user, and this module does:
reserved bits, the rules of fragmentation, the size of an assembled message, the closing handshake,
some close codes, and refusing extensions and subprotocols that were not asked for.

picows' buffer grows with the largest message seen and does not shrink while the connection lives.
"""

import asyncio
import logging
import socket
import ssl

import picows
from picows import WSCloseCode, WSFrame, WSMsgType, WSTransport

from ..errors import ConnectFailed, ConnectionLost
from . import framing
from .framing import Assembly, FramingError
from .handshake import USER_AGENT, rejection
from .inbox import Inbox
from .interface import CLOSE_TIMEOUT, Chunk
from .tcp import dial, hang_up

_TEXT = WSMsgType.TEXT  # a name of its own: looking up a member of an enum per frame is slow
_READ_BUFFER = 64 * 1024  # bytes one read of the socket can bring before picows enlarges it
_LOOK = 0.5  # seconds without a frame after which the event loop is to look at the socket anew

# What picows logs also reaches the reader, as an exception; the session logs that once.
_SILENT = logging.Logger("picows", logging.CRITICAL + 1)


async def open_picows(url: str, tls: ssl.SSLContext | None, max_message: int) -> "PicowsClient":
    """Open a connection. See `streamset_relay.transport.opening.connect`, which bounds the time."""
    sock: socket.socket | None = None

    async def dial_url(parsed: picows.WSParsedURL) -> socket.socket:
        nonlocal sock
        sock = await dial(parsed.host, parsed.port)
        return sock

    def accept(
        _request: picows.WSUpgradeRequest, response: picows.WSUpgradeResponse
    ) -> PicowsClient:
        for header in ("Sec-WebSocket-Extensions", "Sec-WebSocket-Protocol"):
            if header in response.headers:
                raise picows.WSHandshakeError(f"{header} in the answer was not asked for")
        return PicowsClient(max_message)

    try:
        _, client = await picows.ws_connect(
            accept,
            url,
            ssl_context=tls,
            websocket_handshake_timeout=None,
            logger_name=_SILENT,
            enable_auto_pong=False,  # it would swallow a PING that is the last frame of a read
            max_frame_size=max_message,
            extra_headers={"User-Agent": USER_AGENT},
            max_redirects=0,
            read_buffer_init_size=_READ_BUFFER,
            socket_factory=dial_url,
            ssl_shutdown_timeout=CLOSE_TIMEOUT if tls else None,
        )
    except BaseException as exc:
        if sock is not None:
            hang_up(sock)
        if isinstance(exc, picows.WSHandshakeError):
            raise rejection(url, exc.raw_header or b"") or ConnectFailed(url, str(exc)) from exc
        if isinstance(exc, (OSError, ValueError, picows.WSError)):
            raise ConnectFailed(url, str(exc) or repr(exc)) from exc
        raise
    if not isinstance(client, PicowsClient):  # picows returns none after an end of the stream
        raise ConnectFailed(url, "the connection ended before the upgrade was answered")
    return client


class PicowsClient(picows.WSListener):
    """A `streamset_relay.transport.Transport`; picows calls the methods named `on_ws_`."""

    name = "picows"

    def __init__(self, max_message: int) -> None:
        self.pings = 0
        self._inbox = Inbox()
        self._append = self._inbox.frames.append
        self._assembly = Assembly(max_message)
        self._plain = False  # a whole text frame may be appended without a further look
        self._others = 0  # frames heard that have no entry in the inbox
        self._transport: WSTransport
        self._gone: asyncio.Task[None]

    @property
    def heard(self) -> int:  # noqa: D102 - see Transport
        # The inbox has counted the text frames, so that the hot path need not.
        return self._inbox.taken + len(self._inbox.frames) + self._others

    async def read(self) -> Chunk:  # noqa: D102 - see Transport
        return await self._inbox.read()

    def send(self, text: str) -> None:  # noqa: D102 - see Transport
        if not self._inbox.ended:
            self._transport.send(_TEXT, text)

    def ping(self) -> None:  # noqa: D102 - see Transport
        if not self._inbox.ended:
            self._transport.send_ping()

    async def close(self, code: int = framing.NORMAL) -> None:  # noqa: D102 - see Transport
        if self._inbox.end(ConnectionLost(code, "closed by the relay")):
            self._send_close(code.to_bytes(2, "big"))
        try:
            await asyncio.wait([self._gone], timeout=CLOSE_TIMEOUT)
        finally:
            self._transport.disconnect(graceful=False)
        await asyncio.wait([self._gone])

    # -- called by picows

    def on_ws_connected(self, transport: WSTransport) -> None:  # noqa: D102
        self._transport = transport
        self._inbox.socket = transport.underlying_transport
        self._gone = asyncio.get_running_loop().create_task(self._watch())

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:  # noqa: ARG002
        """Take one frame. This is the hottest function of the relay.

        Nearly every frame is a whole text message amid a read of the socket: some attributes, a
        copy of the payload (picows reuses the memory after this call) and an append. One flag
        stands for all that may forbid this: it goes up behind the first frame of a read, when the
        chunk has its time stamp, and down with the last, which wakes the reader.
        """
        if (
            self._plain
            and frame.msg_type is _TEXT
            and frame.fin
            and not (frame.rsv1 or frame.rsv2 or frame.rsv3)
        ):
            self._append(frame.get_payload_as_bytes())
        else:
            self._take(frame)
        if frame.last_in_buffer:
            self._plain = False
            if self._transport.is_close_frame_sent:
                self._follow()
            self._inbox.wake()

    def pause_writing(self) -> None:
        """Cut a peer that has stopped reading: what we send never fills a send buffer otherwise."""
        self._inbox.end(ConnectionLost(framing.ABNORMAL, "the peer does not read"))
        self._transport.disconnect(graceful=False)

    def resume_writing(self) -> None:  # noqa: D102 - follows a pause, which was a cut
        pass

    # -- every frame but the plain ones

    def _take(self, frame: WSFrame) -> None:
        entries = len(self._inbox.frames)
        if self._transport.is_close_frame_sent and not (frame.last_in_buffer and frame.tail_size):
            self._follow()
        try:
            if self._inbox.ended:
                # Behind a close frame, theirs or ours, only their close frame counts (§1.4).
                if frame.msg_type is WSMsgType.CLOSE:
                    self._transport.disconnect()
            else:
                self._inbox.stamp()
                self._dispatch(frame)
        except FramingError as violation:
            self._fail(violation)
        self._others += 1 - (len(self._inbox.frames) - entries)
        self._plain = not (self._inbox.ended or self._assembly.open)

    def _dispatch(self, frame: WSFrame) -> None:
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            raise FramingError(framing.PROTOCOL_ERROR, "reserved bits are set")
        payload = frame.get_payload_as_bytes()
        match frame.msg_type:
            case WSMsgType.TEXT | WSMsgType.BINARY | WSMsgType.CONTINUATION:
                message = self._assembly.add(frame.msg_type.value, payload, fin=bool(frame.fin))
                if message is not None:
                    self._deliver(*message)
            case WSMsgType.PING:
                self.pings += 1
                self._transport.send_pong(payload)
            case WSMsgType.PONG:
                self.pings += 1
            case WSMsgType.CLOSE:
                code, reason = framing.parse_close(payload)
                self._inbox.end(ConnectionLost(code, reason))
                self._send_close(payload)
                self._transport.disconnect()

    def _deliver(self, opcode: int, payload: bytes) -> None:
        if opcode == framing.TEXT:
            self._append(payload)
        else:
            self._inbox.binary += 1

    # -- the end

    def _send_close(self, payload: bytes) -> None:
        # Not `send_close`: it cannot send an empty frame, nor codes of applications.
        self._transport.send(WSMsgType.CLOSE, payload)

    def _fail(self, violation: FramingError) -> None:
        self._inbox.end(ConnectionLost(violation.code, violation.reason))
        self._send_close(violation.code.to_bytes(2, "big") + violation.reason.encode())
        self._transport.disconnect()

    def _follow(self) -> None:
        """End what picows has failed. It disconnects some time later, and behind a bad close frame parses on.

        It looks one frame ahead: the last one of a read may be good although picows has failed the next, which
        then is still behind it. The end after a bug in a callback, which picows sends 1011 for, is told by `_watch`.
        """
        sent = self._transport.close_handshake.sent
        if sent is not None and sent.code is not WSCloseCode.INTERNAL_ERROR:
            self._inbox.end(ConnectionLost(sent.code.value, sent.reason))

    async def _watch(self) -> None:
        """Wait for the end of the TCP connection and tell the reader, if nothing has before.

        A task, because picows tells only a coroutine when it has failed the connection itself. It
        ends with the connection.
        """
        gone = asyncio.ensure_future(self._transport.wait_disconnected())
        try:
            heard = self.heard
            while not (await asyncio.wait([gone], timeout=_LOOK))[0]:
                if self.heard == heard:
                    self._inbox.look_anew()
                heard = self.heard
            gone.result()
        except picows.WSProtocolError as exc:
            self._inbox.end(ConnectionLost(int(exc.code), str(exc)))
        except Exception as exc:  # a bug in a callback: the reader raises it
            self._inbox.end(exc)
        else:
            self._inbox.end(ConnectionLost(framing.ABNORMAL, "no close frame"))
        finally:
            gone.cancel()

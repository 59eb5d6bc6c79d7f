"""One connection to NATS. The only module that imports `nats`.

nats-py brings the handshake, authentication, TLS and the parser of what the server says. Publishing
and the end of a connection are done here, on its transport, because its own way loses count of what
was sent and, in some cases, never comes back. Why, and what was looked at, is in
``docs/decisions/0004-nats-py-private-names.md``.

Private names of nats-py 2.16.0 in use, the reason for the exact pin:

* `Client._select_next_server`, `_connect_to_server`, `_server_pool`, `_current_server`
* `Client._connect_command`, `_process_info`
* `Client._process_err`, `_process_op_err`, `_pongs`, `_server_info`
* `Client._reading_task`, `_flusher_task`, `_ping_interval_task`
* `Client._transport`, `TcpTransport._io_writer`
* `Client._ps`, `_process_msg`
"""

import asyncio
import contextlib
import functools
import json
import math
import re
import ssl
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, Self
from urllib.parse import urlsplit

from nats import errors
from nats.aio.client import Client
from nats.aio.transport import TcpTransport

from streamset_api.redact import redact

from .ack_inbox import SID, AckInbox, Sieve
from .core import nats_login
from .core.nats_login import Login, NonceMissingError
from .core.succession import SUBJECTS
from .errors import NatsLost, NatsRefused, NatsUnreachable
from .keepalive import keep_alive
from .mailbox import Letter, Mailbox
from .nats_credentials import Credentials, Tls, client_context

HIGH_WATER: Final = 1024 * 1024
LOW_WATER: Final = 256 * 1024
"""Bytes the transport may hold: above the first, `wait_writable` waits until the second."""

CLOSE_TIMEOUT: Final = 1.0
"""Seconds a server has to take the last bytes before the connection is cut."""

NEVER: Final = 10**9
"""Seconds between nats-py's own PINGs. Ours confirm what was published, and are enough."""

_VIOLATION: Final = "permissions violation"
_DENIED: Final = "permissions violation for publish"
_OWN: Final = re.compile(
    rf'"({re.escape(SUBJECTS)}|_inbox\.|\$js\.api\.)'
)  # no message of a stream
_system_authorities: Final = functools.cache(client_context)


class NatsConnection:
    """An open connection. It never reconnects: when it ends, `lost` says why, and that was it.

    `lost` is done as soon as the end is known, with the reason as its result. `lame_duck` is done
    when the server announced that it will end soon.
    """

    def __init__(self, client: "_Client", url: str) -> None:
        self._client = client
        self._writer = client.writer
        self._transport = self._writer.transport
        self._transport.set_write_buffer_limits(high=HIGH_WATER, low=LOW_WATER)
        self.lost = client.lost
        self.lame_duck = client.lame_duck
        self.url = url
        self.server_name = client.server_name
        self.max_payload = client.max_payload

    @classmethod
    async def open(
        cls,
        servers: Sequence[str],
        *,
        name: str,
        timeout: float,
        credentials: Credentials = Credentials(),  # noqa: B008 - frozen
    ) -> Self:
        """Connect to the first of `servers` that takes us; each has `timeout` seconds.

        Servers are ``nats://`` or ``tls://`` URLs, with user and password or a token in front of
        the ``@``, percent-encoded where needed, unless `credentials` hold a login. ``tls://`` never
        falls back to plaintext, and with `credentials.tls` neither does ``nats://``.

        Raises:
            NatsRefused: at least one server answered, and would not have us.
            NatsUnreachable: none answered.
        """
        failure: NatsRefused | NatsUnreachable | None = None
        for server in servers:
            url = server if "://" in server else f"nats://{server}"
            try:
                return cls(await _connect(url, name, timeout, credentials), redact(url))
            except (NatsRefused, NatsUnreachable) as error:
                failure = failure if isinstance(failure, NatsRefused) else error
        raise failure or NatsUnreachable("an empty list of servers", "nothing to connect to")

    @property
    def writable(self) -> bool:
        """Whether the connection is up and its transport has room, as `wait_writable` sees it.

        Transports pause above the high-water mark, those of TLS at it.
        """
        alive = not self.lost.done() and not self._transport.is_closing()
        return alive and self._transport.get_write_buffer_size() <= HIGH_WATER

    @property
    def denied(self) -> int:
        """Messages that the server refused for want of permission, so far; it answers each one."""
        return self._client.denied

    @property
    def denial(self) -> str:
        """What it said about the last of them."""
        return self._client.denial

    def write(self, payload: bytes) -> None:
        """Hand protocol lines (``PUB …``) to the transport as they are.

        It buffers what the socket does not take, without limit: `wait_writable` comes first. Raises
        NatsLost after the end of the connection, and nothing was written.
        """
        if self.lost.done():
            raise NatsLost(self.lost.result().cause)
        if self._transport.is_closing():
            raise NatsLost("the connection broke")
        self._transport.write(payload)

    def listen(self, inbox: AckInbox) -> None:
        """Have what comes for an inbox put into it, once a connection. Subscribing is not part of it."""
        self._client.listen(inbox)

    def receive(self, mailbox: Mailbox) -> None:
        """Have everything else that comes put into a mailbox, once a connection; its end wakes who waits there."""
        self._client.mailbox = mailbox
        self.lost.add_done_callback(lambda _: mailbox.arrived.set())

    async def wait_writable(self) -> None:
        """Wait until the transport has room. Returns without yielding when it has.

        Raises NatsLost when the connection has ended, or ends meanwhile.
        """
        with contextlib.suppress(OSError):  # told better by `_check_alive`
            await self._writer.drain()
        await self._check_alive()

    async def ping(self, timeout: float) -> float:
        """Send a PING and wait for its PONG; the round trip in seconds.

        A server handles what a connection sends in order: after the PONG, everything written before
        the call has reached it. Raises NatsLost when the connection ends, and TimeoutError when no
        PONG came in `timeout` seconds; the connection is left as it is then.
        """
        await self._check_alive()
        started = time.perf_counter()  # uvloop's loop time counts whole milliseconds
        pong = self._client.ping()
        either: set[asyncio.Future[Any]] = {pong, self.lost}
        await asyncio.wait(either, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if pong.done():
            return time.perf_counter() - started
        await self._check_alive()
        raise TimeoutError

    def abort(self, reason: str) -> None:
        """End the connection now and throw away what was not sent. Call `close` afterwards."""
        self._client.end(reason)

    async def close(self) -> None:
        """Send what is left, close, and free everything; cuts the connection after `CLOSE_TIMEOUT`.

        Calling it after the end, or twice, is harmless.
        """
        await self._client.finish()

    async def _check_alive(self) -> None:
        """Raise NatsLost after the end. A transport that broke is explained by the reading side."""
        if self._transport.is_closing() and not self.lost.done():
            await asyncio.wait({self.lost}, timeout=CLOSE_TIMEOUT)
            self._client.end("the connection broke")
        if self.lost.done():
            raise NatsLost(self.lost.result().cause)


class _Client(Client):
    """nats-py's client for a single connection, less its own ideas about how one ends.

    Errors that it handles by closing itself in a background task, which can hang, only set `lost`
    and cut the transport here.
    """

    def __init__(self) -> None:
        super().__init__()
        loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[NatsLost] = loop.create_future()
        self.lame_duck: asyncio.Future[None] = loop.create_future()
        self.denied = 0
        self.denial = ""
        self.mailbox: Mailbox | None = None
        self._login: Login | None = None
        self._encrypted = True
        self._inbox: AckInbox | None = None

    @property
    def writer(self) -> asyncio.StreamWriter:
        """The stream in use, encrypted or not."""
        if isinstance(self._transport, TcpTransport) and self._transport._io_writer is not None:
            return self._transport._io_writer
        raise errors.ConnectionClosedError

    @property
    def server_name(self) -> str:
        return str(self._server_info.get("server_name", ""))

    def ping(self) -> asyncio.Future[bool]:
        """Send PING behind everything written so far; the future is done with its PONG.

        Nobody may cancel it, as `Client.rtt` does on a time-out: a late PONG for a cancelled future
        raises inside nats-py's read loop, which then dies without telling.
        """
        pong: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._pongs.append(pong)
        self.writer.transport.write(b"PING\r\n")
        return pong

    def listen(self, inbox: AckInbox) -> None:
        """Let an inbox take its answers before nats-py's parser sees them, and the others after."""
        self._inbox = inbox
        self._ps = Sieve(inbox, self._ps)  # type: ignore[assignment]  # the read loop only parses

    def end(self, reason: str) -> None:
        """Record the end of the connection and cut the transport; the first reason stays."""
        if not self.lost.done():
            self.lost.set_result(NatsLost(reason))
        # AttributeError: asyncio's own, when the transport has just finished closing with bytes left.
        with contextlib.suppress(errors.ConnectionClosedError, AttributeError):
            self.writer.transport.abort()

    async def finish(self) -> None:
        """Close within `CLOSE_TIMEOUT`, then free everything."""
        if not self.lost.done():
            self.lost.set_result(NatsLost("closed"))
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self.close()
        except (OSError, errors.Error, TimeoutError):
            pass  # it was broken already, or will be in a moment
        finally:
            self.end("closed")
            await self.release()

    async def release(self) -> None:
        """Wait for nats-py's tasks, which `end` leaves alone."""
        tasks = [self._reading_task, self._flusher_task, self._ping_interval_task]
        for task in filter(None, tasks):
            task.cancel()
        await asyncio.gather(*filter(None, tasks), return_exceptions=True)

    async def open(self, server: str, name: str, timeout: float, credentials: Credentials) -> None:
        """Connect and log in. nats-py sees no credentials: `_connect_command` adds them."""
        url = urlsplit(server)
        if url.scheme not in ("nats", "tls"):
            raise errors.Error("nats: the address is neither nats:// nor tls://")
        tls = credentials.tls or Tls(_system_authorities())
        self._encrypted = credentials.tls is not None or url.scheme == "tls"
        self._login = credentials.login or nats_login.of_url(url)
        await self.connect(
            servers=[f"{url.scheme}://{url.netloc.rpartition('@')[2]}"],
            name=name,
            tls=tls.context,
            tls_handshake_first=tls.handshake_first,
            allow_reconnect=False,
            connect_timeout=math.ceil(timeout),
            ping_interval=NEVER,
            error_cb=_ignore,  # the default logs a traceback per failed attempt
            lame_duck_mode_cb=self._on_lame_duck,
        )
        if not self.is_connected:  # nats-py goes on when the answer is neither PONG nor -ERR
            raise errors.Error("nats: no PONG in answer to CONNECT")
        if self._reading_task is not None:
            self._reading_task.add_done_callback(self._on_read_loop_end)

    def _on_read_loop_end(self, _: asyncio.Task[None]) -> None:
        """Closing ends it too, and still has bytes to send then."""
        if not self.lost.done():
            self.end("the read loop ended")

    async def _on_lame_duck(self) -> None:
        if not self.lame_duck.done():
            self.lame_duck.set_result(None)

    async def _select_next_server(self) -> None:
        """Connect to the one server, once: the original tries for ever."""
        server = self._server_pool[0]
        await self._connect_to_server(server)
        self._current_server = server
        keep_alive(self.writer.get_extra_info("socket"))

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        """Have nats-py encrypt where the server offers TLS and does not insist on it."""
        if self._encrypted and info.get("tls_available"):
            info["tls_required"] = True
        await super()._process_info(info, initial_connection)

    def _connect_command(self) -> bytes:
        """The CONNECT line, credentials included: never in plaintext where TLS is wanted.

        nats-py encrypts only when the server's INFO asks for it, and INFO itself is plaintext.
        """
        if self._encrypted and self.writer.get_extra_info("ssl_object") is None:
            raise errors.SecureConnRequiredError
        command = super()._connect_command()
        if self._login is None:
            return command
        options = json.loads(command.removeprefix(b"CONNECT "))
        options |= self._login.answer(str(self._server_info.get("nonce") or ""))
        return b"CONNECT " + json.dumps(options).encode() + b"\r\n"

    async def _process_msg(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes | None
    ) -> None:
        """A message came."""
        if self._inbox is not None and sid == SID:
            self._inbox.put(bytes(subject), headers or b"", data)
        elif self.mailbox is not None:
            # The server lets any bytes through, and an error here would end the connection.
            name = bytes(subject).decode(errors="replace")
            answer = bytes(reply or b"").decode(errors="replace")
            self.mailbox.put(Letter(name, answer, headers or b"", data))

    async def _process_err(self, err_msg: str) -> None:
        """The server sent -ERR. It closes the connection after any but a permissions violation."""
        reason = err_msg.strip("'")
        if _VIOLATION in reason:
            self.denied += _DENIED in reason and not _OWN.search(reason)
            self.denial = reason
            return
        self.end(f"the server said: {reason}")

    async def _process_op_err(self, e: Exception) -> None:
        """Reading or writing failed."""
        eof = isinstance(e, errors.UnexpectedEOF)
        self.end("the server closed it" if eof else str(e) or type(e).__name__)


async def _connect(url: str, name: str, timeout: float, credentials: Credentials) -> _Client:
    """One connection to one server."""
    shown = redact(url)
    if credentials.tls is None:
        await asyncio.to_thread(_system_authorities)  # reads files, once
    client = _Client()
    try:
        async with asyncio.timeout(timeout):
            await client.open(url, name, timeout, credentials)
    except BaseException as error:
        client.end("not connected")
        await client.release()
        match error:
            case errors.SecureConnRequiredError():
                raise NatsRefused(shown, "it offers no TLS, which is required") from error
            case NonceMissingError():
                raise NatsRefused(shown, str(error)) from error
            case ssl.SSLError():
                raise NatsRefused(shown, f"TLS failed: {error}") from error
            case errors.Error() if str(error).startswith("nats: '"):  # an -ERR of the server
                cause = str(error).removeprefix("nats: ").strip("'") + _expiry(credentials.login)
                raise NatsRefused(shown, cause) from error
            case TimeoutError():
                raise NatsUnreachable(shown, f"no answer in {timeout:g} s") from error
            case OSError() | errors.Error():
                raise NatsUnreachable(shown, str(error) or type(error).__name__) from error
            case ValueError() | TypeError() | AttributeError():  # what nats-py makes of nonsense
                raise NatsUnreachable(shown, f"no NATS server: {error}") from error
        raise
    return client


def _expiry(login: Login | None) -> str:
    """What the server does not say: that the credentials are past their time, by this clock."""
    if login is None or login.expires is None or login.expires > time.time():
        return ""
    return f" (the JWT expired at {datetime.fromtimestamp(login.expires, UTC):%Y-%m-%d %H:%M:%S}Z)"


async def _ignore(_: Exception) -> None:
    """Errors are read from `lost`, or raised by `connect`."""

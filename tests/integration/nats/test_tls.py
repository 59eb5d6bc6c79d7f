"""TLS to NATS: verified, and never less than was asked for."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from streamset_api.secret_files import TlsFiles
from streamset_relay.core import nats_login
from streamset_relay.errors import NatsError, NatsLost, NatsRefused, NatsUnreachable
from streamset_relay.nats_connection import HIGH_WATER, NatsConnection
from streamset_relay.nats_credentials import CredentialFiles, Credentials
from tests.support.certificates import Authority, authority_in, server_tls
from tests.support.nats_monitor import Monitor
from tests.support.nats_server import NatsServer
from tests.support.subscriber import Subscriber

INFO = b'INFO {"server_id":"X","max_payload":1048576,"nonce":"abc"%b}\r\n'
LOGIN = nats_login.password("relay", "s3cret-password")

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.mark.parametrize("scheme", ["nats", "tls"])
@pytest.mark.parametrize("option", ["", "handshake_first: true"])
async def test_encrypts_and_verifies(authority: Authority, scheme: str, option: str) -> None:
    monitor, first = Monitor(), bool(option)
    async with (
        NatsServer(monitor.config + server_tls(authority, option)) as server,
        connected(server, authority, scheme, handshake_first=first) as connection,
    ):
        assert await connection.ping(5) > 0
        (client,) = await monitor.clients()
        assert client["tls_version"] in ("1.2", "1.3")


async def test_encrypts_where_the_server_would_take_plaintext_too(authority: Authority) -> None:
    monitor = Monitor()
    config = monitor.config + server_tls(authority) + "\nallow_non_tls: true"
    async with NatsServer(config) as server:
        for scheme in ("nats", "tls"):
            async with connected(server, authority, scheme):
                (client,) = await monitor.clients()
                assert client["tls_version"] in ("1.2", "1.3")


@pytest.mark.parametrize("scheme", ["nats", "tls"])
@pytest.mark.parametrize(
    "info", [b"", b',"tls_required":false', b',"tls_required":0,"auth_required":true']
)
async def test_a_server_without_tls_learns_nothing(
    authority: Authority, scheme: str, info: bytes
) -> None:
    """INFO is plaintext: whoever sits on the way can say that there is no TLS."""
    heard = bytearray()

    async def plaintext(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(INFO % info)
        heard.extend(await reader.read())

    async with serving(plaintext) as port:
        with pytest.raises(NatsRefused, match="no TLS"):
            await open_(f"{scheme}://127.0.0.1:{port}", authority)
    assert heard == b""


@pytest.mark.parametrize("info", [b',"tls_required":true', b',"tls_available":true'])
async def test_a_plaintext_server_that_claims_tls_hears_no_credentials(
    authority: Authority, info: bytes
) -> None:
    heard = bytearray()

    async def liar(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(INFO % info)
        heard.extend(await reader.read(4096))
        writer.write(b"+OK\r\nPONG\r\n")
        heard.extend(await reader.read())

    async with serving(liar) as port:
        with pytest.raises(NatsRefused, match="TLS failed"):
            await open_(f"nats://127.0.0.1:{port}", authority)
    assert heard
    assert b"CONNECT" not in heard
    assert b"s3cret" not in heard


async def test_what_was_said_before_tls_is_no_part_of_the_conversation(
    authority: Authority,
) -> None:
    """The trap of STARTTLS: bytes slipped in behind the plaintext INFO would be taken for the server's own."""
    context = authority.server_context("IP:127.0.0.1")

    async def injected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(INFO % b',"tls_required":true' + b"PONG\r\nMSG a 1 2\r\nhi\r\n")
        await writer.start_tls(context)
        assert (await reader.readline()).startswith(b"CONNECT ")
        assert await reader.readline() == b"PING\r\n"
        writer.write(b"-ERR 'the truth'\r\n")
        await reader.read()

    async with serving(injected) as port:
        with pytest.raises(NatsRefused, match="the truth"):
            await open_(f"nats://127.0.0.1:{port}", authority)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("IP:127.0.0.2", "IP address mismatch"), ("DNS:localhost", "IP address mismatch")],
)
async def test_a_certificate_for_another_host_is_refused(
    authority: Authority, name: str, reason: str
) -> None:
    async with NatsServer(server_tls(authority, name=name)) as server:
        for scheme in ("nats", "tls"):
            with pytest.raises(NatsRefused, match=reason):
                await open_(url(server, scheme), authority)


async def test_a_host_name_is_verified_as_such(authority: Authority) -> None:
    async with NatsServer(server_tls(authority, name="DNS:localhost")) as server:
        connection = await open_(f"tls://localhost:{server.port}", authority)
        await connection.close()


async def test_a_certificate_of_another_authority_is_refused(
    authority: Authority, tmp_path: Path
) -> None:
    async with NatsServer(server_tls(authority)) as server:
        with pytest.raises(NatsRefused, match="certificate verify failed"):
            await open_(url(server, "tls"), authority_in(tmp_path / "other"))
        with pytest.raises(NatsRefused, match="certificate verify failed"):
            await NatsConnection.open([url(server, "tls")], name="test", timeout=5)  # the system's


async def test_a_client_certificate_is_shown_where_it_is_asked_for(
    authority: Authority, tmp_path: Path
) -> None:
    monitor = Monitor()
    option = f'verify_and_map: true, ca_file: "{authority.certificate}"'
    names = "authorization { users: [ {user: client} ] }"
    async with NatsServer(monitor.config + server_tls(authority, option) + names) as server:
        connection = await open_(url(server, "tls"), authority, pair=authority.issue("relay"))
        (client,) = await monitor.clients()
        assert client["authorized_user"] == "client", "the name in the certificate"
        await connection.close()
        for pair in (None, authority_in(tmp_path / "other").issue("relay")):
            with pytest.raises(NatsError):
                await open_(url(server, "tls"), authority, pair=pair)


async def test_who_speaks_first_has_to_be_agreed(authority: Authority) -> None:
    async with NatsServer(server_tls(authority)) as server:
        with pytest.raises(NatsError):  # its INFO breaks the handshake, or is lost in it
            await open_(url(server, "tls"), authority, handshake_first=True, timeout=1)
    async with NatsServer(server_tls(authority, "handshake_first: true")) as server:
        with pytest.raises(NatsUnreachable):
            await open_(url(server, "tls"), authority, timeout=1)


async def test_tls_first_says_nothing_in_plaintext(authority: Authority) -> None:
    heard = bytearray()

    async def plaintext(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await reader.read(4096))
        writer.write(INFO % b"")
        heard.extend(await reader.read())

    async with serving(plaintext) as port:
        with pytest.raises(NatsRefused, match="TLS failed"):
            await open_(f"nats://127.0.0.1:{port}", authority, handshake_first=True)
    assert heard[:2] == b"\x16\x03", "a ClientHello"
    assert b"CONNECT" not in heard


async def test_a_silent_server_is_noticed_and_fills_no_memory(authority: Authority) -> None:
    """Flow control and the hard end work through TLS as they do without."""
    async with (
        NatsServer(server_tls(authority)) as server,
        connected(server, authority, "tls") as connection,
    ):
        server.pause()
        written = 0
        with contextlib.suppress(TimeoutError):
            while True:
                async with asyncio.timeout(0.3):
                    await connection.wait_writable()
                connection.write(b"PUB a 100000\r\n" + b"x" * 100_000 + b"\r\n")
                written += 100_000
        assert not connection.writable
        assert written < 64 * HIGH_WATER
        with pytest.raises(TimeoutError):
            await connection.ping(0.1)
        connection.abort("no PONG")
        with pytest.raises(NatsLost, match="no PONG"):
            await connection.wait_writable()
        async with asyncio.timeout(5):
            await connection.close()


async def test_closing_sends_what_is_left(authority: Authority) -> None:
    config = server_tls(authority) + "\nallow_non_tls: true"
    async with NatsServer(config) as server, Subscriber(server.url) as subscriber:
        async with connected(server, authority, "tls") as connection:
            connection.write(b"PUB a 1000\r\n%b\r\n" % (b"x" * 1000) * 5000)
        await subscriber.wait_for(5000)


def url(server: NatsServer, scheme: str) -> str:
    return f"{scheme}://127.0.0.1:{server.port}"


async def open_(
    url: str,
    authority: Authority,
    *,
    pair: tuple[Path, Path] | None = None,
    handshake_first: bool = False,
    timeout: float = 5.0,
) -> NatsConnection:
    certificate, key = pair or (None, None)
    files = TlsFiles(
        ca_file=str(authority.certificate),
        cert_file=str(certificate) if certificate else None,
        key_file=str(key) if key else None,
        handshake_first=handshake_first,
    )
    read = await CredentialFiles(None, files).read()
    credentials = Credentials(LOGIN if pair is None else None, read.tls)
    return await NatsConnection.open([url], name="test", timeout=timeout, credentials=credentials)


@contextlib.asynccontextmanager
async def connected(
    server: NatsServer,
    authority: Authority,
    scheme: str,
    *,
    handshake_first: bool = False,
) -> AsyncIterator[NatsConnection]:
    connection = await open_(url(server, scheme), authority, handshake_first=handshake_first)
    try:
        yield connection
    finally:
        await connection.close()


@contextlib.asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[int]:
    """A TCP server that treats each connection as `answer` does, then closes it; its port."""
    failures: list[BaseException] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except OSError:
            pass  # the client was quicker
        except AssertionError as error:
            failures.append(error)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0.05)
    assert not failures

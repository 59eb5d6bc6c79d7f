"""One NATS connection against servers that behave, and servers that do not."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from streamset_relay.errors import NatsLost, NatsRefused, NatsUnreachable
from streamset_relay.nats_connection import NatsConnection
from tests.support.nats_server import NatsServer, free_ports
from tests.support.subscriber import Subscriber

INFO = b'INFO {"server_id":"X","max_payload":1048576%b}\r\n'


async def test_pong_proves_what_was_written(nats_server: NatsServer) -> None:
    async with connected(nats_server.url) as connection:
        connection.write(b"PUB a 2\r\nhi\r\n")
        assert await connection.ping(5) > 0
        assert connection.writable
        assert connection.url == nats_server.url
        assert connection.server_name
        assert connection.max_payload == 1024 * 1024


async def test_takes_the_first_server_that_answers(nats_server: NatsServer) -> None:
    absent = f"nats://127.0.0.1:{free_ports(1)[0]}"
    async with connected(absent, nats_server.url) as connection:
        assert connection.url == nats_server.url


@pytest.mark.parametrize(
    ("authorization", "userinfo"),
    [
        ('user: "a@b", password: "p/w:d"', "a%40b:p%2Fw%3Ad"),
        ('token: "t/k"', "t%2Fk"),
    ],
)
async def test_logs_in_with_decoded_credentials(authorization: str, userinfo: str) -> None:
    async with (
        NatsServer(f"authorization {{ {authorization} }}") as server,
        connected(f"nats://{userinfo}@127.0.0.1:{server.port}") as connection,
    ):
        assert connection.url == f"nats://***@127.0.0.1:{server.port}"


async def test_a_refusal_outweighs_an_absent_server() -> None:
    absent = f"nats://127.0.0.1:{free_ports(1)[0]}"
    async with NatsServer('authorization { user: a, password: "b" }') as server:
        with pytest.raises(NatsRefused, match="Authorization Violation") as refused:
            await open_(f"nats://a:wr0ng@127.0.0.1:{server.port}", absent)
    assert "wr0ng" not in str(refused.value)


@pytest.mark.parametrize("url", ["ws://127.0.0.1:1", "http://a:b@127.0.0.1:1", "nats://[::1"])
async def test_foreign_addresses_are_no_servers(url: str) -> None:
    with pytest.raises(NatsUnreachable):
        await open_(url)


async def test_plaintext_server_behind_a_tls_address_learns_nothing() -> None:
    heard = bytearray()

    async def plaintext(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(INFO % b"")
        heard.extend(await reader.read())

    async with serving(plaintext) as port:
        with pytest.raises(NatsRefused, match="no TLS"):
            await open_(f"tls://user:s3cret@127.0.0.1:{port}")
    assert heard == b""


async def test_broken_tls_is_a_refusal() -> None:
    heard = bytearray()

    async def broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(INFO % b',"tls_required":true')
        heard.extend(await reader.read(100))
        writer.write(b"this is no TLS\r\n")
        await reader.read()

    async with serving(broken) as port:
        with pytest.raises(NatsRefused, match="TLS failed"):
            await open_(f"tls://user:s3cret@127.0.0.1:{port}")
    assert b"s3cret" not in heard


@pytest.mark.parametrize(
    "greeting",
    [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"INFO\r\n", b"INFO nonsense\r\n", b"INFO []\r\n"],
)
async def test_what_is_no_nats_server_is_unreachable(greeting: bytes) -> None:
    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await writer.drain()

    async with serving(other) as port:
        with pytest.raises(NatsUnreachable):
            await open_(f"nats://127.0.0.1:{port}")


async def test_a_silent_server_is_given_up() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(silent) as port:
        with pytest.raises(NatsUnreachable, match="no answer"):
            await open_(f"nats://127.0.0.1:{port}", timeout=0.2)


async def test_a_server_that_hangs_up_on_connect_is_unreachable() -> None:
    async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(INFO % b"")
        await reader.readline()

    async with serving(hangs_up) as port:
        with pytest.raises(NatsUnreachable):
            await open_(f"nats://127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        (b"-ERR 'User Authentication Expired'\r\n", "user authentication expired"),
        (b"-ERR 'Stale Connection'\r\n", "stale connection"),
        (b"-ERR \r\n", "read loop"),  # nats-py stops reading, and says nothing
        (b"INFO nonsense\r\n", "read loop"),
        (b"nonsense\r\n", "protocol error"),
        (b"", "closed"),
    ],
)
async def test_the_end_is_told(said: bytes, heard: str) -> None:
    async def ends(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greet(reader, writer)
        writer.write(said)
        if said:
            await reader.read()

    async with serving(ends) as port, connected(f"nats://127.0.0.1:{port}") as connection:
        lost = await asyncio.wait_for(connection.lost, 5)
        assert heard in str(lost)
        assert not connection.writable
        with pytest.raises(NatsLost):
            connection.write(b"PUB a 0\r\n\r\n")
        with pytest.raises(NatsLost):
            await connection.wait_writable()
        with pytest.raises(NatsLost):
            await connection.ping(1)


async def test_a_late_pong_harms_nothing() -> None:
    answer = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greet(reader, writer)
        await answer.wait()
        while await reader.readline():
            writer.write(b"PONG\r\n")

    async with serving(slow) as port, connected(f"nats://127.0.0.1:{port}") as connection:
        with pytest.raises(TimeoutError):
            await connection.ping(0.05)
        answer.set()
        assert await connection.ping(5) > 0
        assert not connection.lost.done()


async def test_server_pings_are_answered() -> None:
    answers: asyncio.Queue[bytes] = asyncio.Queue()

    async def curious(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greet(reader, writer)
        writer.write(b"PING\r\n")
        answers.put_nowait(await reader.readline())

    async with serving(curious) as port, connected(f"nats://127.0.0.1:{port}"):
        assert await asyncio.wait_for(answers.get(), 5) == b"PONG\r\n"


async def test_waiting_for_room_ends_with_the_connection(nats_server: NatsServer) -> None:
    async with connected(nats_server.url) as connection:
        nats_server.pause()
        await fill(connection)
        waiting = asyncio.create_task(connection.wait_writable())
        await asyncio.sleep(0)
        assert not waiting.done()
        connection.abort("enough")
        with pytest.raises(NatsLost, match="enough"):
            await asyncio.wait_for(waiting, 5)


async def test_closing_sends_what_is_left(nats_server: NatsServer, subscriber: Subscriber) -> None:
    async with connected(nats_server.url) as connection:
        connection.write(b"PUB a 1000\r\n%b\r\n" % (b"x" * 1000) * 5000)
        await connection.close()
    await subscriber.wait_for(5000)


async def test_closing_never_waits_for_a_silent_server(nats_server: NatsServer) -> None:
    async with connected(nats_server.url) as connection:
        nats_server.pause()
        await fill(connection)
        await asyncio.wait_for(connection.close(), 5)
        await connection.close()
        assert connection.lost.done()
        assert connection._transport.get_write_buffer_size() == 0


async def test_the_kernel_watches_the_peer(nats_server: NatsServer) -> None:
    async with connected(nats_server.url) as connection:
        sock = connection._writer.get_extra_info("socket")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000


async def open_(*servers: str, timeout: float = 5.0) -> NatsConnection:
    return await NatsConnection.open(servers, name="test", timeout=timeout)


@contextlib.asynccontextmanager
async def connected(*servers: str) -> AsyncIterator[NatsConnection]:
    connection = await open_(*servers)
    try:
        yield connection
    finally:
        await connection.close()


async def fill(connection: NatsConnection) -> None:
    """Write until neither the kernel nor the transport takes more."""
    with contextlib.suppress(TimeoutError):
        while True:
            async with asyncio.timeout(0.2):
                await connection.wait_writable()
            connection.write(b"PUB a 100000\r\n" + b"x" * 100_000 + b"\r\n")


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The server's half of NATS' handshake."""
    writer.write(INFO % b"")
    assert (await reader.readline()).startswith(b"CONNECT ")
    assert await reader.readline() == b"PING\r\n"
    writer.write(b"PONG\r\n")


@contextlib.asynccontextmanager
async def serving(
    answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """A TCP server that treats each connection as `answer` does, then closes it; its port."""
    connections: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        with contextlib.suppress(OSError):  # the client was quicker
            await answer(reader, writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        _, late = await asyncio.wait(connections, timeout=5) if connections else (set(), set())
        assert not late, "a connection was left open"
        await server.wait_closed()

"""How full the transport may be: who asks whether there is room, and who waits for it, get the same answer."""

import asyncio

import pytest

from streamset_relay.nats_connection import HIGH_WATER, NatsConnection
from tests.integration.nats.test_tls import open_, url
from tests.support.certificates import Authority, server_tls
from tests.support.nats_server import NatsServer

NEAR = 64
"""Bytes on either side of the mark that are looked at one by one; TLS makes some 20 of each."""


@pytest.mark.parametrize("scheme", ["nats", "tls"])
async def test_who_has_waited_for_room_finds_it(scheme: str, authority: Authority) -> None:
    """Were it otherwise, waiting for room would return at once, again and again."""
    sizes, waited = set(), set()
    async with NatsServer(server_tls(authority) if scheme == "tls" else "") as server:
        connection = await connect(server, scheme, authority)
        connection.write(
            b"PUB a 1000000\r\n"
        )  # which the server reads, if it reads on for a moment
        server.pause()
        await fill(connection, HIGH_WATER - NEAR)
        while (size := held(connection)) <= HIGH_WATER + NEAR:
            sizes.add(size)
            if await has_waited(connection):
                waited.add(size if connection.writable else -size)
            connection.write(b"x")
        connection.abort("enough")
        await connection.close()
    assert waited
    assert min(waited) > 0
    assert sizes - waited
    assert scheme == "tls" or HIGH_WATER in sizes


async def connect(server: NatsServer, scheme: str, authority: Authority) -> NatsConnection:
    if scheme == "tls":
        return await open_(url(server, scheme), authority)
    return await NatsConnection.open([server.url], name="test", timeout=5)


def held(connection: NatsConnection) -> int:
    return connection._transport.get_write_buffer_size()


async def fill(connection: NatsConnection, size: int) -> None:
    """Write until neither the kernel nor anything below the transport takes more, and it holds that much."""
    while (before := held(connection)) < size:
        connection.write(b"x" * min((size - before + 1) // 2, 100_000))
        await asyncio.sleep(0.02)


async def has_waited(connection: NatsConnection) -> bool:
    """Whether waiting for room came to an end."""
    try:
        async with asyncio.timeout(0.02):
            await connection.wait_writable()
    except TimeoutError:
        return False
    return True

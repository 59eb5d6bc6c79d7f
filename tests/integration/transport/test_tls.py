"""Contract of the WebSocket clients: `wss` URLs."""

import asyncio
import ssl

import pytest

from streamset_relay.errors import ConnectFailed, ConnectionLost
from tests.integration.transport.conftest import Open
from tests.integration.transport.test_messages import read_all
from tests.support.certificates import Authority
from tests.support.raw_websocket import Peer, serve, text

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if not Authority.available():
        pytest.skip("the openssl command is needed to make certificates")
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server_tls(authority: Authority) -> ssl.SSLContext:
    return authority.server_context("IP:127.0.0.1")


@pytest.fixture(scope="module")
def client_tls(authority: Authority) -> ssl.SSLContext:
    return authority.client_context()


async def echo(peer: Peer) -> None:
    await peer.upgrade()
    _, payload = await peer.receive()
    await peer.write(text(payload) + text(bytes(MIB)))
    await peer.finish()


async def test_messages_both_ways(
    open_client: Open, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    async with serve(echo, tls=server_tls) as url:
        assert url.startswith("wss://")
        transport = await open_client(url, ssl_context=client_tls)
        transport.send("ping me back")
        frames: list[bytes] = []
        while len(frames) < 2:
            frames += (await transport.read()).frames
        await transport.close()

    assert frames == [b"ping me back", bytes(MIB)]


async def test_an_unknown_authority_is_refused_by_default(
    open_client: Open, server_tls: ssl.SSLContext
) -> None:
    async with serve(echo, tls=server_tls) as url:
        with pytest.raises(ConnectFailed, match="CERTIFICATE_VERIFY_FAILED"):
            await open_client(url)


async def test_a_certificate_for_another_host_is_refused(
    open_client: Open, authority: Authority, client_tls: ssl.SSLContext
) -> None:
    tls = await asyncio.to_thread(authority.server_context, "DNS:exchange.example")
    async with serve(echo, tls=tls) as url:
        with pytest.raises(ConnectFailed, match="CERTIFICATE_VERIFY_FAILED"):
            await open_client(url, ssl_context=client_tls)


async def test_a_server_that_speaks_no_tls(open_client: Open, client_tls: ssl.SSLContext) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.read(1)
        await peer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with serve(script) as url:
        with pytest.raises(ConnectFailed):
            await open_client(url.replace("ws:", "wss:"), ssl_context=client_tls)


async def test_a_tls_handshake_that_stops(open_client: Open, client_tls: ssl.SSLContext) -> None:
    ended = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.receive_end()
        ended.set()

    async with serve(script) as url:
        with pytest.raises(ConnectFailed, match=r"not open after 0\.2 s"):
            await open_client(url.replace("ws:", "wss:"), ssl_context=client_tls, open_timeout=0.2)
        async with asyncio.timeout(5):
            await ended.wait()


async def test_a_violation_over_tls(
    open_client: Open, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await peer.write(text(b"one") + b"\xff\xff")
        await peer.receive_end()

    async with serve(script, tls=server_tls) as url:
        transport = await open_client(url, ssl_context=client_tls)
        frames, _, lost = await read_all(transport)

    assert (frames, lost.code) == ([b"one"], 1002)


async def test_close_does_not_wait_for_a_peer_that_stopped_amid_tls(
    open_client: Open,
    server_tls: ssl.SSLContext,
    client_tls: ssl.SSLContext,
    client: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(f"streamset_relay.transport.{client}_client.CLOSE_TIMEOUT", 0.1)

    async def script(peer: Peer) -> None:
        await peer.upgrade()
        peer.stop_reading()
        await asyncio.Event().wait()

    async with serve(script, tls=server_tls) as url:
        transport = await open_client(url, ssl_context=client_tls)
        async with asyncio.timeout(8):
            await transport.close()
            with pytest.raises(ConnectionLost):
                await transport.read()

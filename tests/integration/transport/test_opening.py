"""Contract of the WebSocket clients: opening a connection, and failing to."""

import asyncio
import socket

import pytest

from streamset_relay.errors import ConnectFailed, ConnectionLost, UpgradeRejected
from streamset_relay.transport import available, connect
from tests.integration.transport.conftest import Open
from tests.support.raw_websocket import Peer, close, serve, text


async def granted(peer: Peer) -> None:
    await peer.upgrade()
    await peer.finish()


async def test_asks_for_the_path_and_offers_no_extension(open_client: Open, client: str) -> None:
    requests = []

    async def script(peer: Peer) -> None:
        await peer.upgrade()
        requests.append(peer.request.decode())
        await peer.finish()

    async with serve(script) as url:
        transport = await open_client(f"{url}?timeUnit=MICROSECOND")
        assert transport.name == client
        await transport.close()

    (request,) = requests
    assert request.startswith("GET /stream?timeUnit=MICROSECOND HTTP/1.1\r\n")
    headers = dict(line.split(": ", 1) for line in request.lower().split("\r\n")[1:] if line)
    assert headers["host"] == url.split("/")[2]
    assert headers["user-agent"] == "binance-streamset"
    assert "sec-websocket-extensions" not in headers


@pytest.mark.parametrize("status", [302, 403, 418, 429, 451, 500, 520])
async def test_an_http_status_rejects_the_upgrade(open_client: Open, status: int) -> None:
    async def script(peer: Peer) -> None:
        await peer.read_request()
        await peer.write(
            b"HTTP/1.1 %d Whatever\r\nLocation: /elsewhere\r\nContent-Length: 2\r\n\r\n{}" % status
        )
        await peer.receive_end()

    async with serve(script) as url:
        with pytest.raises(UpgradeRejected) as rejected:
            await open_client(url)

    assert rejected.value == UpgradeRejected(url, status=status, retry_after=None)


async def test_a_rejection_carries_retry_after(open_client: Open) -> None:
    async def script(peer: Peer) -> None:
        await peer.read_request()
        await peer.write(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 120\r\n\r\n")

    async with serve(script) as url:
        with pytest.raises(UpgradeRejected) as rejected:
            await open_client(url)

    assert rejected.value.retry_after == 120.0


async def test_a_rejection_does_not_wait_for_the_end_of_its_body(open_client: Open) -> None:
    async def script(peer: Peer) -> None:
        await peer.read_request()
        await peer.write(b"HTTP/1.1 403 Forbidden\r\n\r\n<html>")
        await peer.receive_end()

    async with serve(script) as url, asyncio.timeout(5):
        with pytest.raises(UpgradeRejected):
            await open_client(url, open_timeout=60)


async def test_a_port_nobody_listens_on(open_client: Open) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refused, and nobody else gets it
        url = f"ws://127.0.0.1:{taken.getsockname()[1]}/"
        with pytest.raises(ConnectFailed):
            await open_client(url)


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "ws://", "ws://127.0.0.1:99999/"])
async def test_an_url_that_is_none(open_client: Open, url: str) -> None:
    with pytest.raises(ConnectFailed):
        await open_client(url)


async def test_an_answer_that_does_not_come(open_client: Open) -> None:
    ended = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.receive_end()
        ended.set()

    async with serve(script) as url:
        with pytest.raises(ConnectFailed, match=r"not open after 0\.1 s"):
            await open_client(url, open_timeout=0.1)
        async with asyncio.timeout(5):
            await ended.wait()


async def test_cancelling_hangs_up(open_client: Open) -> None:
    asked, ended = asyncio.Event(), asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.read_request()
        asked.set()
        await peer.receive_end()
        ended.set()

    async with serve(script) as url, asyncio.timeout(5):
        attempt = asyncio.ensure_future(open_client(url))
        await asked.wait()
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt
        await ended.wait()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"SSH-2.0-OpenSSH_9.6\r\n\r\n", id="not-http"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"HTTP/1.1 101 Switching Protocols\r\n", id="half"),
        pytest.param(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", id="no-headers"),
        pytest.param(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
            id="wrong-key",
        ),
    ],
)
async def test_an_answer_that_makes_no_sense(open_client: Open, answer: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.read_request()
        await peer.write(answer)

    async with serve(script) as url:
        with pytest.raises(ConnectFailed):
            await open_client(url)


async def test_an_answer_without_end(open_client: Open) -> None:
    async def script(peer: Peer) -> None:
        await peer.read_request()
        await peer.write(b"HTTP/1.1 101 Switching Protocols\r\n" + b"X: y\r\n" * 5000)
        await peer.receive_end()

    async with serve(script) as url, asyncio.timeout(5):
        with pytest.raises(ConnectFailed):
            await open_client(url, open_timeout=60)


@pytest.mark.parametrize(
    "header", ["Sec-WebSocket-Extensions: permessage-deflate", "Sec-WebSocket-Protocol: soap"]
)
async def test_an_answer_that_grants_what_was_not_asked_for(open_client: Open, header: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade(header)
        await peer.receive_end()

    async with serve(script) as url:
        with pytest.raises(ConnectFailed):
            await open_client(url)


async def test_an_answer_byte_by_byte(open_client: Open) -> None:
    async def script(peer: Peer) -> None:
        write, parts = peer.write, []

        async def collect(data: bytes) -> None:
            parts.append(data)

        peer.write = collect  # type: ignore[method-assign]  # upgrade() writes once
        await peer.upgrade(then=text(b"first"))
        for byte in b"".join(parts):
            await write(bytes([byte]))
            await asyncio.sleep(0)
        peer.write = write  # type: ignore[method-assign]
        await peer.finish()

    async with serve(script) as url:
        transport = await open_client(url)
        assert (await transport.read()).frames == [b"first"]


async def test_messages_behind_the_answer_in_one_segment(open_client: Open) -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade(then=text(b"one") + text(b"two"))
        await peer.finish()

    async with serve(script) as url:
        transport = await open_client(url)
        assert (await transport.read()).frames == [b"one", b"two"]
        assert transport.heard == 2


async def test_accepted_and_closed_in_one_segment(open_client: Open) -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade(then=text(b"one") + close(1008, "Too many requests"))

    async with serve(script) as url:
        transport = await open_client(url)
        assert (await transport.read()).frames == [b"one"]
        with pytest.raises(ConnectionLost) as lost:
            await transport.read()

    assert (lost.value.code, lost.value.reason) == (1008, "Too many requests")


async def test_auto_is_the_first_available() -> None:
    assert available() == ["picows", "websockets"]
    async with serve(granted) as url:
        transport = await connect(url, open_timeout=5)
        assert transport.name == "picows"
        await transport.close()


async def test_a_client_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match="no WebSocket client 'netscape'"):
        await connect("ws://127.0.0.1/", client="netscape", open_timeout=5)

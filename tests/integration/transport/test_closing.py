"""Contract of the WebSocket clients: how a connection ends."""

import asyncio
import struct

import pytest

from streamset_relay.errors import ConnectionLost
from streamset_relay.transport.interface import CLOSE_TIMEOUT
from tests.integration.transport.conftest import Open
from tests.integration.transport.test_messages import read_all
from tests.support.raw_websocket import CLOSE, PING, Peer, close, frame, serve, text

ENOUGH = 8.0  # seconds no close() may take, on however slow a machine


@pytest.fixture
def short_wait(client: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let close() wait for the peer for a tenth of a second."""
    monkeypatch.setattr(f"streamset_relay.transport.{client}_client.CLOSE_TIMEOUT", 0.1)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (1000, ""),
        (1001, "going away"),
        (1008, "Pong timeout"),
        (1011, "币"),
        (1012, "restart"),
        (3000, "registered"),
        (4999, "private"),
    ],
)
async def test_the_peer_closes(open_client: Open, code: int, reason: str) -> None:
    echoes = []

    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await peer.write(text(b"one") + text(b"two") + close(code, reason) + text(b"after"))
        echoes.append(await peer.receive())
        await peer.receive_end()

    async with serve(script) as url:
        transport = await open_client(url)
        frames, _, lost = await read_all(transport)
        await transport.close()

    assert frames == [b"one", b"two"]
    assert (lost.code, lost.reason) == (code, reason)
    assert echoes[0][0] == CLOSE
    assert echoes[0][1][:2] == struct.pack("!H", code)


async def test_after_the_peers_close_frame_the_connection_ends_by_itself(
    open_client: Open,
) -> None:
    ended = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await peer.write(close(1001))
        await peer.receive_end()
        ended.set()

    async with serve(script) as url:
        await open_client(url)
        async with asyncio.timeout(ENOUGH):
            await ended.wait()


async def test_the_peer_closes_without_a_code(open_client: Open) -> None:
    echoes = []

    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await peer.write(frame(CLOSE))
        echoes.append(await peer.receive())

    async with serve(script) as url:
        transport = await open_client(url)
        _, _, lost = await read_all(transport)
        await transport.close()

    assert lost.code == 1005
    assert echoes == [(CLOSE, b"")]


async def test_the_peer_closes_amid_a_message(open_client: Open) -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await peer.write(text(b"one") + frame(1, b"half", fin=False) + close(1001, "bye"))
        await peer.receive_end()

    async with serve(script) as url:
        transport = await open_client(url)
        frames, _, lost = await read_all(transport)

    assert (frames, lost.code, lost.reason) == ([b"one"], 1001, "bye")


async def test_the_end_of_the_stream_without_a_close_frame(open_client: Open) -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await peer.write(text(b"one") + text(b"half a frame")[:-4])

    async with serve(script) as url:
        transport = await open_client(url)
        frames, _, lost = await read_all(transport)

    assert (frames, lost.code) == ([b"one"], 1006)


async def test_a_reset(open_client: Open) -> None:
    delivered = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await peer.write(text(b"one"))
        await delivered.wait()
        peer.reset()

    async with serve(script) as url:
        transport = await open_client(url)
        chunk = await transport.read()
        delivered.set()
        _, _, lost = await read_all(transport)

    assert chunk.frames == [b"one"]
    assert lost.code == 1006


async def test_after_the_end_everything_is_harmless_and_read_says_so_again(
    open_client: Open,
) -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await peer.write(close(1001))
        await peer.receive_end()

    async with serve(script) as url:
        transport = await open_client(url)
        for _ in range(3):
            with pytest.raises(ConnectionLost) as lost:
                await transport.read()
            assert lost.value.code == 1001
            transport.send("late")
            transport.ping()
            await transport.close()
            await transport.close(1011)


async def test_close_leaves_what_had_come_and_drops_what_comes(open_client: Open) -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await peer.write(text(b"before"))
        _, payload = await peer.receive()
        await peer.write(text(b"after") + frame(PING) + frame(CLOSE, payload))

    async with serve(script) as url:
        transport = await open_client(url)
        async with asyncio.timeout(5):
            while transport.heard < 1:
                await asyncio.sleep(0)
        await transport.close(1001)
        frames, _, lost = await read_all(transport)

    assert (frames, lost.code) == ([b"before"], 1001)


async def test_close_wakes_the_reader_at_once(open_client: Open) -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await peer.finish()

    async with serve(script) as url:
        transport = await open_client(url)
        reading = asyncio.ensure_future(transport.read())
        await asyncio.sleep(0)
        await transport.close()
        with pytest.raises(ConnectionLost) as lost:
            await reading

    assert lost.value.code == 1000


async def test_close_ends_with_the_answer_of_the_peer(
    open_client: Open, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"streamset_relay.transport.{client}_client.CLOSE_TIMEOUT", 60)

    async def script(peer: Peer) -> None:
        await peer.upgrade()
        _, payload = await peer.receive()
        await peer.write(frame(CLOSE, payload))
        await peer.receive_end()  # a server may leave it to the client to end TCP

    async with serve(script) as url:
        transport = await open_client(url)
        async with asyncio.timeout(ENOUGH):
            await transport.close()


@pytest.mark.usefixtures("short_wait")
async def test_close_does_not_wait_for_a_silent_peer(open_client: Open) -> None:
    ended = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await peer.receive_end()
        ended.set()

    async with serve(script) as url:
        transport = await open_client(url)
        async with asyncio.timeout(ENOUGH):
            await transport.close()
            await ended.wait()


@pytest.mark.usefixtures("short_wait")
async def test_close_ends_a_flood(open_client: Open) -> None:
    block = text(b"x" * 172) * 1000

    async def script(peer: Peer) -> None:
        await peer.upgrade()
        while True:
            await peer.write(block)
            await asyncio.sleep(0)

    async with serve(script) as url:
        transport = await open_client(url)
        await transport.read()
        async with asyncio.timeout(ENOUGH):
            await transport.close()
            frames, _, lost = await read_all(transport)

    assert set(frames) <= {b"x" * 172}
    assert lost.code == 1000


async def test_a_cancelled_close_cuts_the_connection(open_client: Open) -> None:
    ended = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await peer.receive_end()
        ended.set()

    async with serve(script) as url:
        transport = await open_client(url)
        closing = asyncio.ensure_future(transport.close())
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        async with asyncio.timeout(CLOSE_TIMEOUT / 2):
            await ended.wait()


async def test_a_peer_that_pings_and_does_not_read_is_cut(open_client: Open) -> None:
    block = frame(PING, b"x" * 125) * 1000

    async def script(peer: Peer) -> None:
        await peer.upgrade()
        peer.stop_reading()
        while True:
            await peer.write(block)
            await asyncio.sleep(0)

    async with serve(script) as url:
        transport = await open_client(url)
        async with asyncio.timeout(ENOUGH):
            with pytest.raises(ConnectionLost) as lost:
                await transport.read()

    assert lost.value.code == 1006

"""Contract of the WebSocket clients: what comes through an open connection, and how."""

import asyncio
import time

import pytest

from streamset_relay.errors import ConnectionLost
from streamset_relay.transport import Chunk, Transport
from tests.integration.transport.conftest import Open
from tests.support.raw_websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Peer,
    Script,
    close,
    frame,
    serve,
    text,
)

MIB = 1024 * 1024


def sends(*segments: bytes) -> Script:
    """A server that writes each segment once the loop has had time to deliver the one before."""

    async def script(peer: Peer) -> None:
        await peer.upgrade()
        for segment in segments:
            await peer.write(segment)
            await asyncio.sleep(0.001)
        await peer.finish()

    return script


async def read_all(transport: Transport) -> tuple[list[bytes], int, ConnectionLost]:
    """Read to the end; return all text messages, the number of binary ones, and the end."""
    frames: list[bytes] = []
    binary = 0
    while True:
        try:
            chunk = await transport.read()
        except ConnectionLost as lost:
            return frames, binary, lost
        assert chunk.frames or chunk.binary, "read() returned nothing"
        frames += chunk.frames
        binary += chunk.binary


async def test_a_burst_is_one_chunk_in_order(open_client: Open) -> None:
    messages = [b'{"n":%d}' % n for n in range(200)]
    before = time.time_ns()
    async with serve(sends(b"".join(map(text, messages)))) as url:
        transport = await open_client(url)
        chunk = await transport.read()

    assert chunk == Chunk(chunk.received_at, frames=messages, binary=0)
    assert before <= chunk.received_at <= time.time_ns()
    assert all(type(message) is bytes for message in chunk.frames)
    assert transport.heard == 200


async def test_a_late_reader_gets_all_in_one_chunk_with_the_time_of_the_first(
    open_client: Open,
) -> None:
    async with serve(sends(text(b"one"), text(b"two"), frame(BINARY), text(b"three"))) as url:
        transport = await open_client(url)
        async with asyncio.timeout(5):
            while transport.heard < 1:
                await asyncio.sleep(0)
            seen_at = time.time_ns()
            while transport.heard < 4:
                await asyncio.sleep(0)
        chunk = await transport.read()

    assert chunk.frames == [b"one", b"two", b"three"]
    assert chunk.binary == 1
    assert chunk.received_at <= seen_at


async def test_later_chunks_have_later_times(open_client: Open) -> None:
    read = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await peer.write(text(b"one"))
        await read.wait()
        await peer.write(text(b"two"))
        await peer.finish()

    async with serve(script) as url:
        transport = await open_client(url)
        first = await transport.read()
        read.set()
        second = await transport.read()

    assert (first.frames, second.frames) == ([b"one"], [b"two"])
    assert first.received_at < second.received_at


SEQUENCE = b"".join(
    [
        text(b'{"e":"trade"}'),
        frame(TEXT, b"frag", fin=False),
        frame(PING, b"now"),
        frame(CONTINUATION, b"ment", fin=False),
        frame(CONTINUATION, b"ed"),
        text(b"x" * 126),
        frame(BINARY, b"bin"),
        text(b""),
        close(1000),
    ]
)


async def test_every_split_into_two_segments_reads_the_same(open_client: Open) -> None:
    positions = iter(range(1, len(SEQUENCE)))

    async def script(peer: Peer) -> None:
        position = next(positions)
        await peer.upgrade()
        await peer.write(SEQUENCE[:position])
        await asyncio.sleep(0)
        await peer.write(SEQUENCE[position:])
        await peer.receive_end()

    async with serve(script) as url:
        for _ in range(1, len(SEQUENCE)):
            transport = await open_client(url)
            frames, binary, lost = await read_all(transport)
            assert frames == [b'{"e":"trade"}', b"fragmented", b"x" * 126, b""]
            assert (binary, lost.code) == (1, 1000)
            assert (transport.heard, transport.pings) == (9, 1)


async def test_byte_by_byte(open_client: Open) -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        for byte in SEQUENCE:
            await peer.write(bytes([byte]))
            await asyncio.sleep(0)
        await peer.receive_end()

    async with serve(script) as url:
        transport = await open_client(url)
        frames, binary, lost = await read_all(transport)

    assert frames == [b'{"e":"trade"}', b"fragmented", b"x" * 126, b""]
    assert (binary, lost.code) == (1, 1000)


async def test_a_fragmented_binary_message_counts_once(open_client: Open) -> None:
    fragmented = frame(BINARY, b"\xff", fin=False) + frame(CONTINUATION, b"\xfe")
    async with serve(sends(fragmented + text(b"after"))) as url:
        transport = await open_client(url)
        chunk = await transport.read()

    assert (chunk.frames, chunk.binary) == ([b"after"], 1)
    assert transport.heard == 3


async def test_text_that_is_no_utf8_passes_unchanged(open_client: Open) -> None:
    async with serve(sends(text(b'{"s":"\xff\xc3"}'))) as url:
        transport = await open_client(url)
        assert (await transport.read()).frames == [b'{"s":"\xff\xc3"}']


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536, 16 * MIB])
async def test_a_message_of_any_size_up_to_the_limit(open_client: Open, size: int) -> None:
    message = bytes(size)
    async with serve(sends(text(message) + text(b"after"))) as url:
        transport = await open_client(url)
        frames = (await transport.read()).frames
        if len(frames) < 2:
            frames += (await transport.read()).frames

    assert len(frames[0]) == size
    assert frames == [message, b"after"]


async def test_a_ping_is_answered_with_its_payload(open_client: Open) -> None:
    answers = []

    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await peer.write(frame(PING, b"1700000000000"))
        answers.append(await peer.receive())
        await peer.write(text(b"one") + frame(PING) + text(b"two") + frame(PING, b"x" * 125))
        answers.append(await peer.receive())
        answers.append(await peer.receive())
        await peer.finish()

    async with serve(script) as url:
        transport = await open_client(url)
        chunk = await transport.read()
        await transport.close()

    assert chunk.frames == [b"one", b"two"]
    assert answers == [(PONG, b"1700000000000"), (PONG, b""), (PONG, b"x" * 125)]
    assert (transport.heard, transport.pings) == (6, 3)  # with the answer to our close frame


async def test_pings_alone_do_not_wake_the_reader(open_client: Open) -> None:
    async with serve(sends(frame(PING), frame(PONG, b"unsolicited"))) as url:
        transport = await open_client(url)
        reading = asyncio.ensure_future(transport.read())
        async with asyncio.timeout(5):
            while transport.pings < 2:
                await asyncio.sleep(0)
        assert not reading.done()
        await transport.close()
        with pytest.raises(ConnectionLost):
            await reading


async def test_what_the_client_sends(open_client: Open) -> None:
    received = []

    async def script(peer: Peer) -> None:
        await peer.upgrade()
        received.extend([await peer.receive() for _ in range(4)])
        await peer.finish()

    subscribe = '{"method":"SUBSCRIBE","params":["币安人生usdt@trade"],"id":1}'
    async with serve(script) as url:
        transport = await open_client(url)
        transport.send(subscribe)
        transport.ping()
        transport.send("")
        transport.send("x" * 4000)
        await transport.close()

    assert received == [(TEXT, subscribe.encode()), (PING, b""), (TEXT, b""), (TEXT, b"x" * 4000)]


async def test_a_cancelled_read_loses_nothing(open_client: Open) -> None:
    written = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await written.wait()
        await peer.write(text(b"one"))
        await peer.finish()

    async with serve(script) as url:
        transport = await open_client(url)
        reading = asyncio.ensure_future(transport.read())
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        written.set()
        assert (await transport.read()).frames == [b"one"]


async def test_a_second_reader_is_refused(open_client: Open) -> None:
    async with serve(sends()) as url:
        transport = await open_client(url)
        reading = asyncio.ensure_future(transport.read())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="one reader"):
            await transport.read()
        await transport.close()
        with pytest.raises(ConnectionLost):
            await reading


async def test_the_server_sees_a_masked_close_frame(open_client: Open) -> None:
    closes = []

    async def script(peer: Peer) -> None:
        await peer.upgrade()
        closes.append(await peer.receive())
        await peer.write(frame(CLOSE, closes[0][1]))

    async with serve(script) as url:
        transport = await open_client(url)
        await transport.close(1001)

    assert closes == [(CLOSE, b"\x03\xe9")]

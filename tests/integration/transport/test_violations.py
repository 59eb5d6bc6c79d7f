"""Contract of the WebSocket clients: a server that breaks RFC 6455, or the limit of a message."""

import asyncio
import struct

import pytest

from tests.integration.transport.conftest import Open
from tests.integration.transport.test_messages import read_all
from tests.support.raw_websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    RSV1,
    RSV2,
    RSV3,
    TEXT,
    Peer,
    frame,
    serve,
    text,
)

MIB = 1024 * 1024

VIOLATIONS = {
    "reserved opcode": frame(0x3, b"?"),
    "reserved control opcode": frame(0xB, b"?"),
    "rsv1 on text": frame(TEXT, b"deflated", rsv=RSV1),
    "rsv2 on text": frame(TEXT, b"?", rsv=RSV2),
    "rsv3 on binary": frame(BINARY, b"?", rsv=RSV3),
    "rsv1 on ping": frame(PING, rsv=RSV1),
    "masked text": frame(TEXT, b"?", mask=True),
    "continuation of nothing": frame(CONTINUATION, b"?"),
    "message inside a message": frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"),
    "binary inside a message": frame(TEXT, b"a", fin=False) + frame(BINARY, b"b"),
    "message begun twice": frame(TEXT, b"a", fin=False) + frame(TEXT, b"b", fin=False),
    "fragmented ping": frame(PING, b"a", fin=False),
    "oversize ping": frame(PING, b"x" * 126),
    "oversize pong": frame(PONG, b"x" * 126),
    "close with half a code": frame(CLOSE, b"\x03"),
    **{
        f"close with code {code}": frame(CLOSE, struct.pack("!H", code))
        for code in (0, 999, 1004, 1005, 1006, 1015, 2000, 5000)
    },
}


class Receiver:
    """A server that writes `segments` behind the upgrade and keeps the client's close code."""

    def __init__(self, *segments: bytes) -> None:
        self.segments = segments
        self.close_code: int | None = None
        self.ended = False

    async def __call__(self, peer: Peer) -> None:
        await peer.upgrade()
        for segment in self.segments:
            peer.writer.write(segment)
            await asyncio.sleep(0)
        opcode, payload = await peer.receive()
        if opcode == CLOSE:
            (self.close_code,) = struct.unpack("!H", payload[:2])
        await peer.receive_end()
        self.ended = True


@pytest.mark.parametrize("violation", VIOLATIONS.values(), ids=VIOLATIONS.keys())
async def test_a_violation_fails_the_connection(open_client: Open, violation: bytes) -> None:
    server = Receiver(text(b"before") + violation + text(b"after"))
    async with serve(server) as url:
        transport = await open_client(url)
        frames, binary, lost = await read_all(transport)
        await transport.close()

    assert (frames, binary) == ([b"before"], 0)
    assert lost.code == 1002
    assert lost.reason
    assert server.close_code == 1002


@pytest.mark.parametrize("violation", VIOLATIONS.values(), ids=VIOLATIONS.keys())
async def test_a_violation_as_the_first_frame(open_client: Open, violation: bytes) -> None:
    server = Receiver(violation)
    async with serve(server) as url:
        transport = await open_client(url)
        frames, _, lost = await read_all(transport)
        await transport.close()

    assert (frames, lost.code, server.close_code) == ([], 1002, 1002)


async def test_a_close_reason_that_is_no_utf8(open_client: Open) -> None:
    server = Receiver(frame(CLOSE, b"\x03\xe8\xff"))
    async with serve(server) as url:
        _, _, lost = await read_all(await open_client(url))

    assert lost.code == 1007


async def test_one_byte_above_the_default_limit(open_client: Open) -> None:
    server = Receiver(text(b"before") + text(bytes(16 * MIB + 1)) + text(b"after"))
    async with serve(server) as url:
        transport = await open_client(url)
        frames, _, lost = await read_all(transport)
        await transport.close()

    assert (frames, lost.code, server.close_code) == ([b"before"], 1009, 1009)


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
async def test_fragments_that_together_pass_the_limit(open_client: Open, opcode: int) -> None:
    fits = frame(opcode, bytes(600), fin=False) + frame(CONTINUATION, bytes(400))
    too_big = frame(opcode, bytes(600), fin=False) + frame(CONTINUATION, bytes(401))
    server = Receiver(fits + too_big + text(b"after"))
    async with serve(server) as url:
        transport = await open_client(url, max_message=1000)
        frames, binary, lost = await read_all(transport)
        await transport.close()

    assert (frames, binary) == (([bytes(1000)], 0) if opcode == TEXT else ([], 1))
    assert (lost.code, server.close_code) == (1009, 1009)


async def test_a_frame_above_the_limit_whose_payload_still_comes(open_client: Open) -> None:
    header, payload = text(bytes(1001))[:4], bytes(1001)
    server = Receiver(header, payload + text(b"after"))
    async with serve(server) as url:
        transport = await open_client(url, max_message=1000)
        frames, _, lost = await read_all(transport)
        await transport.close()

    assert (frames, lost.code) == ([], 1009)
    assert server.ended


BEHIND = text(b"after") + frame(PING) + text(b"later")


class Persistent(Receiver):
    """A server that goes on sending when the client has failed the connection."""

    async def __call__(self, peer: Peer) -> None:
        await peer.upgrade(then=self.segments[0])
        await peer.receive()
        for segment in (*self.segments[1:], BEHIND):
            peer.writer.write(segment)
            await asyncio.sleep(0)
        await peer.receive_end()


@pytest.mark.parametrize("violation", VIOLATIONS.values(), ids=VIOLATIONS.keys())
async def test_nothing_is_delivered_behind_a_violation(open_client: Open, violation: bytes) -> None:
    async with serve(Persistent(text(b"before") + violation)) as url:
        transport = await open_client(url)
        frames, binary, lost = await read_all(transport)
        await transport.close()

    assert (frames, binary, lost.code) == ([b"before"], 0, 1002)


async def test_a_message_above_the_limit_that_comes_behind_our_close_frame(
    open_client: Open,
) -> None:
    header, payload = text(bytes(1001))[:4], bytes(1001)
    async with serve(Persistent(text(b"before") + header, payload)) as url:
        transport = await open_client(url, max_message=1000)
        frames, _, lost = await read_all(transport)
        await transport.close()

    assert (frames, lost.code) == ([b"before"], 1009)

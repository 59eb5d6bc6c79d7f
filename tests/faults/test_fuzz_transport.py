"""Mutated WebSocket frames straight into the clients: each reads as far as RFC 6455 allows, and not a frame further."""

import asyncio
import contextlib
from collections import Counter
from random import Random

import pytest

from streamset_relay.errors import ConnectionLost
from streamset_relay.transport import Transport, connect
from tests.faults.frame_mutation import broken_wire, read_wire, segments
from tests.faults.mutation import messages
from tests.support.raw_websocket import Peer, serve

CONNECTIONS = 1_500


@pytest.mark.timeout(240)
@pytest.mark.parametrize("client", ["picows", "websockets"])
async def test_a_client_delivers_what_comes_before_the_broken_frame_and_nothing_else(
    client: str, pytestconfig: pytest.Config
) -> None:
    seed = pytestconfig.getoption("seed")
    random = Random(f"{seed} transport")
    wire, at_once = b"", False

    async def script(peer: Peer) -> None:
        await peer.upgrade(then=wire if at_once else b"")
        with contextlib.suppress(OSError):  # the client had enough
            for piece in () if at_once else segments(random, wire, read_wire(wire).end):
                await peer.write(piece)
                await asyncio.sleep(0)
            peer.writer.write_eof()
        await peer.receive_end()

    delivered, ends = 0, Counter[int]()
    async with serve(script) as url:
        for number in range(CONNECTIONS):
            wire = broken_wire(random, list(messages(random, random.randint(1, 40))))
            at_once = random.random() < 0.3
            transport = await connect(url, client=client, open_timeout=5)
            found, binary, end = await _read_all(transport)
            await transport.close()
            wanted = read_wire(wire)
            assert (found, binary) == (wanted.messages, wanted.binary), (
                f"connection {number}, seed {seed}: {wire[wanted.end : wanted.end + 99]!r}, {end}"
            )
            delivered += len(found)
            ends[end.code] += 1
    print(f"\n{client}, seed {seed}: {CONNECTIONS:,} connections, {delivered:,} messages,")
    print(f"close codes: {dict(ends.most_common(6))}")
    assert ends[1002] > CONNECTIONS / 3


async def _read_all(transport: Transport) -> tuple[list[bytes], int, ConnectionLost]:
    frames: list[bytes] = []
    binary = 0
    while True:
        try:
            chunk = await transport.read()
        except ConnectionLost as lost:
            return frames, binary, lost
        frames += chunk.frames
        binary += chunk.binary

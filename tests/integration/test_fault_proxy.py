"""The proxy does what its faults say, to connections that live, in either direction, and no more than that."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from tests.support.fault_proxy import (
    Bandwidth,
    Blackhole,
    Direction,
    Fault,
    FaultProxy,
    Latency,
    LimitData,
    Slicer,
)
from tests.support.relay import eventually

PATIENCE = 10.0


class Peer:
    """One end of a connection. `heard` is what came, `reads` in which pieces, `end` how it ended."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._task = asyncio.create_task(self._read())
        self.heard = b""
        self.reads: list[tuple[float, bytes]] = []
        self.end: str | None = None

    def say(self, data: bytes) -> None:
        self._writer.write(data)

    def finish(self) -> None:
        self._writer.write_eof()

    async def hears(self, data: bytes) -> None:
        await eventually(lambda: self.heard == data, f"{data[:40]!r}", PATIENCE)

    async def ends(self, how: str) -> None:
        await eventually(lambda: self.end is not None, "an end", PATIENCE)
        assert self.end == how

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._writer.transport.abort()

    async def _read(self) -> None:
        try:
            while data := await self._reader.read(1 << 16):
                self.heard += data
                self.reads.append((asyncio.get_running_loop().time(), data))
            self.end = "FIN"
        except ConnectionError:
            self.end = "RST"


class World:
    """A server behind the proxy, and whoever connects to it."""

    def __init__(self) -> None:
        self.proxy: FaultProxy
        self.served: list[Peer] = []
        self.clients: list[Peer] = []

    async def pair(self) -> tuple[Peer, Peer]:
        """A new connection: the client's end, and the server's."""
        known = len(self.served)
        client = Peer(*await asyncio.open_connection("127.0.0.1", self.proxy.port))
        self.clients.append(client)
        await eventually(lambda: len(self.served) > known)
        return client, self.served[known]


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    made = World()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.served.append(Peer(reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        async with FaultProxy(server.sockets[0].getsockname()[1]) as made.proxy:
            yield made
    finally:
        for peer in made.served + made.clients:
            await peer.close()
        server.close()
        await server.wait_closed()


async def test_without_faults_everything_goes_both_ways_and_ends_where_it_ends() -> None:
    async with world() as net:
        client, server = await net.pair()
        data = bytes(range(256)) * 4_000
        client.say(data)
        server.say(data[::-1])
        await server.hears(data)
        await client.hears(data[::-1])
        client.finish()
        await server.ends("FIN")
        server.say(b"!")
        await client.hears(data[::-1] + b"!")
        server.finish()
        await client.ends("FIN")


async def test_latency_delays_a_living_connection_and_keeps_the_order() -> None:
    async with world() as net:
        client, server = await net.pair()
        net.proxy.set(Latency(0.3, jitter=0.2), Direction.UP)
        began = asyncio.get_running_loop().time()
        for number in range(20):
            client.say(b"%02d" % number)
            await asyncio.sleep(0.005)
        server.say(b"at once")
        await client.hears(b"at once")
        assert server.heard == b""
        await server.hears(b"".join(b"%02d" % number for number in range(20)))
        assert server.reads[0][0] - began > 0.099

        client.say(b"held")
        net.proxy.set(Latency(1_000))
        client.say(b" on")
        net.proxy.clear()
        await eventually(lambda: server.heard.endswith(b"held on"))


async def test_bandwidth_bounds_bytes_per_second() -> None:
    async with world() as net:
        client, server = await net.pair()
        net.proxy.set(Bandwidth(100_000))
        began = asyncio.get_running_loop().time()
        client.say(b"x" * 50_000)
        await server.hears(b"x" * 50_000)
        assert server.reads[-1][0] - began > 0.45

        net.proxy.set(Bandwidth(1))
        server.say(b"y" * 50_000)
        await asyncio.sleep(0.1)
        assert len(client.heard) < 10
        net.proxy.clear()
        await client.hears(b"y" * 50_000)


async def test_a_blackhole_takes_and_keeps_connections_open_until_it_is_gone() -> None:
    async with world() as net:
        client, server = await net.pair()
        other, its_server = await net.pair()
        net.proxy.set(Blackhole(), Direction.UP)
        client.say(b"lost")
        server.say(b"passed")
        await client.hears(b"passed")
        await asyncio.sleep(0.1)
        assert (server.heard, server.end, client.end) == (b"", None, None)

        net.proxy.clear()
        await server.ends("RST")
        await eventually(lambda: client.end is not None)
        other.say(b"nothing lost, nothing broken")
        await its_server.hears(b"nothing lost, nothing broken")


async def test_slices_are_small_and_nothing_is_missing() -> None:
    async with world() as net:
        client, server = await net.pair()
        net.proxy.set(Slicer(7, pause=0.005))
        client.say(b"0123456789" * 10)
        await server.hears(b"0123456789" * 10)
        assert len(server.reads) > 3
        assert all(later > earlier for (earlier, _), (later, _) in pairwise(server.reads))


async def test_a_connection_is_cut_after_so_many_bytes_and_so_is_the_next() -> None:
    async with world() as net:
        client, server = await net.pair()
        client.say(b"before")
        await server.hears(b"before")
        net.proxy.set(LimitData(1_000), Direction.UP)
        client.say(b"x" * 5_000)
        await eventually(lambda: server.end and client.end)
        assert len(server.heard) <= 1_006

        client, server = await net.pair()
        client.say(b"y" * 999)
        await server.hears(b"y" * 999)
        assert client.end is None
        client.say(b"y")
        await eventually(lambda: server.end and client.end)


async def test_reset_is_seen_on_both_sides() -> None:
    async with world() as net:
        client, server = await net.pair()
        net.proxy.reset()
        await client.ends("RST")
        await server.ends("RST")


@pytest.mark.parametrize("direction", Direction)
async def test_a_half_closed_connection_goes_on_the_other_way(direction: Direction) -> None:
    async with world() as net:
        client, server = await net.pair()
        net.proxy.half_close(direction)
        over, on = (server, client) if direction is Direction.UP else (client, server)
        await over.ends("FIN")
        over.say(b"still here")
        await on.hears(b"still here")
        assert on.end is None
        on.say(b"nobody hears this")
        over.say(b".")
        await on.hears(b"still here.")
        assert over.heard == b""


async def test_refused_connections_and_those_that_stay() -> None:
    async with world() as net:
        client, server = await net.pair()
        net.proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", net.proxy.port)
        client.say(b"still here")
        await server.hears(b"still here")
        await net.proxy.listen()
        await net.pair()
        assert net.proxy.accepted == 2


async def test_a_server_that_is_away_breaks_the_connection() -> None:
    async with world() as net:
        gone = FaultProxy(1)
        async with gone:
            client = Peer(*await asyncio.open_connection("127.0.0.1", gone.port))
            net.clients.append(client)
            await client.ends("RST")


@pytest.mark.parametrize(
    "fault", [Latency(1_000), Bandwidth(1), Blackhole(), Slicer(1, 1_000), LimitData(1 << 30)]
)
async def test_whatever_is_held_the_proxy_ends(fault: Fault) -> None:
    async with world() as net:
        client, server = await net.pair()
        net.proxy.set(fault)
        client.say(b"x" * 10_000)
        server.say(b"x" * 10_000)
        await asyncio.sleep(0.02)

"""A TCP proxy on the loopback that is as bad a network as a test asks for.

    async with FaultProxy(server.port) as proxy:
        ... connect to 127.0.0.1:proxy.port ...
        proxy.set(Latency(0.05, jitter=0.02))        # in both directions
        proxy.set(Bandwidth(20_000), Direction.DOWN) # towards the client only
        proxy.clear()
        proxy.reset()                                # RST for everybody

The faults are those of Toxiproxy (https://github.com/Shopify/toxiproxy), and act on connections that are
there as on those to come. What a fault held back goes on, in order, when it is cleared.
"""

import asyncio
import contextlib
import socket
import struct
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from time import monotonic
from typing import Any, Self, TypeAlias

CHUNK = 64 * 1024
HELD = 16 << 20  # bytes of one direction that may wait in the proxy; then it reads no more
STEP = 0.005  # seconds in which what waits notices a change


class Direction(StrEnum):
    """Which way bytes go."""

    UP = "to the server"
    DOWN = "to the client"


@dataclass(frozen=True)
class Latency:
    """Everything comes so many seconds later, give or take `jitter`; the order stays."""

    seconds: float
    jitter: float = 0.0


@dataclass(frozen=True)
class Bandwidth:
    """No more than so many bytes per second and connection."""

    bytes_per_second: float


@dataclass(frozen=True)
class Blackhole:
    """Bytes are taken and never passed on; connections stay open.

    One that has lost bytes like this is of no use any more: `clear` resets it.
    """


@dataclass(frozen=True)
class Slicer:
    """Bytes go on in writes of at most `size`, with `pause` seconds in between."""

    size: int
    pause: float = 0.0


@dataclass(frozen=True)
class LimitData:
    """Each connection is cut after so many bytes from now on."""

    bytes: int


Fault: TypeAlias = Latency | Bandwidth | Blackhole | Slicer | LimitData


@dataclass
class Faults:
    """What is wrong with one direction."""

    latency: Latency | None = None
    bandwidth: Bandwidth | None = None
    blackhole: Blackhole | None = None
    slicer: Slicer | None = None
    limitdata: LimitData | None = None


class FaultProxy:
    """Passes on to port `target` what comes to `port`. `accepted` counts connections."""

    def __init__(self, target: int, *, host: str = "127.0.0.1", seed: int = 0) -> None:
        self._target = (host, target)
        self._random = Random(seed)
        self._faults = {direction: Faults() for direction in Direction}
        self._lanes: set[_Lane] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0
        self.accepted = 0

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.refuse()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def set(self, fault: Fault, *directions: Direction) -> None:
        """Let this happen from now on, in place of a fault of its kind; both ways unless told."""
        for direction in directions or Direction:
            setattr(self._faults[direction], type(fault).__name__.lower(), fault)
        for lane in self._lanes:
            lane.passed = 0

    def clear(self) -> None:
        """Pass everything on as it comes."""
        for faults in self._faults.values():
            vars(faults).update(vars(Faults()))
        for lane in self._lanes:
            if lane.swallowed:
                lane.reset()

    def reset(self) -> None:
        """End every connection with RST, on both sides."""
        for lane in self._lanes:
            lane.reset()

    def half_close(self, direction: Direction) -> None:
        """End this direction of every connection (FIN); the other one stays open."""
        for lane in self._lanes:
            if lane.faults is self._faults[direction]:
                lane.end()

    def refuse(self) -> None:
        """Refuse new connections; those that are there stay."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def listen(self) -> None:
        """Take connections, on the same port as before."""
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            self._tasks.add(task)
        self.accepted += 1
        lanes: set[_Lane] = set()
        try:
            answers, onward = await asyncio.open_connection(*self._target)
            up, down = self._faults[Direction.UP], self._faults[Direction.DOWN]
            lanes.add(_Lane(reader, onward, up, self._random))
            lanes.add(_Lane(answers, writer, down, self._random))
            self._lanes |= lanes
            async with asyncio.TaskGroup() as tasks:
                for lane in lanes:
                    tasks.create_task(lane.take_in())
                    tasks.create_task(lane.pass_on())
        except* OSError:  # the server is not there, or one of the two connections broke
            _reset(writer)
        finally:
            self._lanes -= lanes
            for lane in lanes:
                lane.writer.transport.abort()


@dataclass(eq=False)
class _Lane:
    """One direction of a connection. `passed` counts bytes since a fault was set last."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    faults: Faults
    random: Random
    passed: int = 0
    swallowed: int = 0
    _waiting: deque[tuple[float, float, bytes]] = field(default_factory=deque)  # since, jitter
    _held: int = 0
    _ended: bool = False
    _stirred: asyncio.Event = field(default_factory=asyncio.Event)

    def reset(self) -> None:
        """Break the connection that this lane writes to; the other lane writes to the other one."""
        _reset(self.writer)

    def end(self) -> None:
        """Pass on what is here, then the end of the stream; what comes later is swallowed."""
        self._ended = True
        self._stirred.set()

    async def take_in(self) -> None:
        while chunk := await self.reader.read(CHUNK):
            if self.faults.blackhole or self._ended:
                self.swallowed += len(chunk)
                continue
            self._waiting.append((monotonic(), self.random.uniform(-1, 1), chunk))
            self._held += len(chunk)
            self._stirred.set()
            while self._held > HELD:
                await asyncio.sleep(STEP)
        self.end()

    async def pass_on(self) -> None:
        while self._waiting or not self._ended:
            if not self._waiting:
                self._stirred.clear()
                await self._stirred.wait()
                continue
            arrived, share, chunk = self._waiting.popleft()
            while (late := self.faults.latency) and (
                left := arrived + late.seconds + share * late.jitter - monotonic()
            ) > 0:
                await asyncio.sleep(min(left, STEP))
            await self._write(chunk)
            self._held -= len(chunk)
        with contextlib.suppress(OSError):
            self.writer.write_eof()

    async def _write(self, chunk: bytes) -> None:
        while chunk:
            if self.faults.blackhole:
                self.swallowed += len(chunk)
                return
            band, slicer, limit = self.faults.bandwidth, self.faults.slicer, self.faults.limitdata
            slow = int(band.bytes_per_second * 2 * STEP) if band else CHUNK
            left = limit.bytes - self.passed if limit else CHUNK
            piece = chunk[: max(1, min(slow, slicer.size if slicer else CHUNK, left))]
            self.writer.write(piece)
            await self.writer.drain()
            chunk = chunk[len(piece) :]
            self.passed += len(piece)
            if limit and self.passed >= limit.bytes:
                raise ConnectionAbortedError("has had all the bytes that it may have")
            if band or slicer:
                pause = len(piece) / band.bytes_per_second if band else 0.0
                await asyncio.sleep(max(pause, slicer.pause if slicer else 0.0))


def _reset(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):  # it has ended already
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()

"""What surrounds the client that is measured: the simulated exchange, a real nats-server, and a CPU meter.

The exchange floods pre-encoded frames as fast as the client reads and stops after a known number of events. It is
held (SIGSTOP) in the middle of the client's handshake until the client has started up and is idle, so that only
relaying is counted. A run in which NATS did not get every event is void.
"""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.nats_server import NatsServer, free_ports

DEADLINE = 240.0
IDLE = 0.6
TICKS = os.sysconf("SC_CLK_TCK")


class VoidRunError(Exception):
    """The client lost messages, ended, or did not finish in time: its figures mean nothing."""


@dataclass(frozen=True)
class Run:
    """One measurement: messages that NATS took, and what they cost the client's process."""

    messages: int
    cpu_seconds: float
    wall_seconds: float

    @property
    def per_cpu_second(self) -> float:
        """Messages per second of CPU time, user and system."""
        return self.messages / self.cpu_seconds

    @property
    def per_second(self) -> float:
        """Messages per second of the clock."""
        return self.messages / self.wall_seconds


@dataclass(frozen=True)
class World:
    """Where a client finds both its ends, and a folder for its files."""

    exchange: str
    nats: str
    folder: Path
    monitor: str
    exchange_pid: int


async def measure(world: World, command: Sequence[str], messages: int) -> Run:
    """Run one client until NATS has `messages`, all that the exchange sends."""
    os.kill(world.exchange_pid, signal.SIGSTOP)
    client = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
    try:
        async with asyncio.timeout(DEADLINE):
            idle = await _started(client)
            begun = time.monotonic()
            os.kill(world.exchange_pid, signal.SIGCONT)
            await _published(client, world.monitor, messages)
            return Run(messages, _cpu(client.pid) - idle, time.monotonic() - begun)
    except TimeoutError:
        raise VoidRunError(f"not all of {messages} messages arrived") from None
    finally:
        os.kill(world.exchange_pid, signal.SIGCONT)
        if client.returncode is None:
            client.terminate()
            await client.wait()


@asynccontextmanager
async def surroundings(folder: Path, messages: int) -> AsyncIterator[World]:
    """A fresh exchange and a fresh nats-server."""
    (port,) = free_ports(1)
    async with NatsServer(f'http: "127.0.0.1:{port}"') as server:
        arguments = ["--port", "0", "--control-port", "0", "--flood", "--limit", str(messages)]
        exchange = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "exchange_simulator", *arguments),
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            line = await exchange.stdout.readline() if exchange.stdout else b""
            monitor = f"http://127.0.0.1:{port}/varz"
            yield World(json.loads(line)["url"], server.url, folder, monitor, exchange.pid)
        finally:
            exchange.terminate()
            await exchange.wait()


async def _started(client: asyncio.subprocess.Process) -> float:
    """Wait until the client has used no CPU for a while: it waits for the exchange's handshake."""
    used, since = -1.0, time.monotonic()
    while time.monotonic() - since < IDLE:
        await asyncio.sleep(0.05)
        _check(client)
        if (now := _cpu(client.pid)) > used + 1 / TICKS or now == 0:
            used, since = now, time.monotonic()
    return _cpu(client.pid)


async def _published(client: asyncio.subprocess.Process, monitor: str, messages: int) -> None:
    async with aiohttp.ClientSession() as http:
        while True:
            _check(client)
            async with http.get(monitor) as answer:
                seen: dict[str, Any] = await answer.json()
            if seen["in_msgs"] >= messages:
                return
            await asyncio.sleep(0.02)


def _check(client: asyncio.subprocess.Process) -> None:
    if client.returncode is not None:
        raise VoidRunError(f"the client ended with code {client.returncode}")


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS

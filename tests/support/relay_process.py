"""The processes of an end-to-end test: `streamset relay` and the simulated exchange, as users run them.

    async with RelayProcess(folder, document(...)) as relay:
        ended = await relay.stop()
        assert ended.code == 0

The relay's log is JSON, line by line, and is read to the end: a traceback, or a line of level ERROR or above
that the test did not announce with `allow`, fails the test.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import yaml

from streamset_relay.settings import ENVIRONMENT
from tests.support.relay import Line, check, eventually, get


@dataclass(frozen=True)
class Ended:
    """How a relay process ended. `ledger` is empty when it never wrote one."""

    code: int
    ledger: Mapping[str, Any]
    lines: Sequence[Mapping[str, Any]]
    stderr: str


class RelayProcess:
    """A running `streamset relay`, in a folder of its own and without variables of the tester's shell."""

    def __init__(
        self,
        folder: Path,
        config: Mapping[str, Any] | Path | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        allow: Sequence[str] = (),
    ) -> None:
        self._folder = folder
        self._config = config
        self._environ = environ or {}
        self._allow = allow
        self._process: asyncio.subprocess.Process
        self._reading: asyncio.Task[bytes]
        self._checked = False
        self.lines: list[dict[str, Any]] = []
        self.output: list[bytes] = []

    async def __aenter__(self) -> Self:
        await self.start()
        await eventually(
            lambda: self.said("Serving health and metrics") or self._reading.done(),
            "the relay listens",
        )
        if not self.said("Serving health and metrics"):
            raise AssertionError(f"the relay did not start: {await self.wait()}")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.returncode is None:
            self._process.kill()
        ended = await self.wait()
        if error is None:
            check([_line(record) for record in ended.lines], self._allow)

    async def start(self) -> Self:
        """Start without waiting for anything; for a relay that is to refuse its settings."""
        arguments = ["-m", "streamset_cli.main", "relay", "--log-format", "json"]
        if self._config is not None:
            arguments += ["--config", str(self._file())]
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in ENVIRONMENT and not name.startswith("OTEL_")
        }
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**inherited, **self._environ},
            cwd=self._folder,
            limit=1 << 20,
        )
        self._reading = asyncio.create_task(self._read())
        return self

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.said('Serving health and metrics')[0]['port']}"

    def messages(self, level: str = "") -> list[str]:
        """The log so far, or its lines of one level."""
        return [line["message"] for line in self.lines if level in ("", line["level"])]

    def rss(self) -> int:
        """Resident memory in bytes."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) * 1024

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def stop(self, timeout: float = 30.0) -> Ended:
        """SIGTERM, and wait for the end."""
        self.send(signal.SIGTERM)
        return await self.wait(timeout)

    async def wait(self, timeout: float = 30.0) -> Ended:
        """Wait for the process to end."""
        async with asyncio.timeout(timeout):
            code = await self._process.wait()
            stderr = await asyncio.shield(self._reading)
        last = self.lines[-1] if self.lines else {}
        ledger = last if last.get("message") == "Ledger" else {}
        return Ended(code, ledger, self.lines, stderr.decode())

    def said(self, message: str) -> list[dict[str, Any]]:
        """The lines so far with this message."""
        return [line for line in self.lines if line["message"] == message]

    def _file(self) -> Path:
        if isinstance(self._config, Path):
            return self._config
        file = self._folder / "relay.yaml"
        file.write_text(yaml.safe_dump(self._config))
        return file

    async def _read(self) -> bytes:
        """Take in the log line by line, each of which is JSON; gives what went to standard error."""
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        errors = asyncio.create_task(self._process.stderr.read())
        async for line in self._process.stdout:
            self.output.append(line)
            self.lines.append(json.loads(line))
        return await errors


@dataclass(frozen=True)
class Exchange:
    """A simulated exchange in a process of its own, which keeps its pace whatever the test does."""

    url: str
    control_url: str

    async def stats(self) -> dict[str, Any]:
        """What it saw and did, as `exchange_simulator.Stats`."""
        _, body = await get(self.control_url + "/stats")
        stats: dict[str, Any] = json.loads(body)
        return stats

    async def fault(self, name: str, **arguments: object) -> None:
        """Cause a fault; `exchange_simulator.Faults` lists them."""
        url = f"{self.control_url}/faults/{name}"
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, json=arguments) as answer,
        ):
            assert answer.status == 200, await answer.text()


@asynccontextmanager
async def exchange_process(*options: str) -> AsyncIterator[Exchange]:
    """Run `streamset simulator` with these options, on free ports."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "streamset_cli.main", "simulator"),
        *("--port", "0", "--control-port", "0", *options),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        ready = json.loads(await process.stdout.readline())
        yield Exchange(ready["url"], ready["control"])
    finally:
        process.terminate()
        await process.wait()


def _line(record: Mapping[str, Any]) -> Line:
    return Line(record["level"], record["message"], record)

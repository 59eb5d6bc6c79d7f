"""Processes of a run: started with a log of their own, and ended in any case."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

STOP_DEADLINE = 30.0
LAST_WORDS = 4000
"""Characters of a log that are shown when its process has ended."""


class VoidRunError(Exception):
    """A process ended, or something took too long: the figures mean nothing."""


@dataclass(frozen=True)
class Process:
    """A running process; what it writes is in `log`."""

    name: str
    handle: asyncio.subprocess.Process
    log: Path

    @property
    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-LAST_WORDS:]

    def check(self) -> None:
        """Raise `VoidRunError` if it has ended."""
        if self.handle.returncode is not None:
            ended = f"the {self.name} ended with code {self.handle.returncode}"
            raise VoidRunError(f"{ended}\n{self.last_words}")

    async def kill(self) -> None:
        """End it at once, as a lost node would."""
        self.handle.kill()
        await self.handle.wait()

    async def stop(self) -> None:
        """End it by SIGTERM, or by SIGKILL when it does not heed that."""
        if self.handle.returncode is not None:
            return
        self.handle.terminate()
        try:
            async with asyncio.timeout(STOP_DEADLINE):
                await self.handle.wait()
        except TimeoutError:
            await self.kill()


@asynccontextmanager
async def python(
    name: str, arguments: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Process]:
    """Run an interpreter while the block runs."""
    log = folder / f"{name}.log"
    with log.open("ab") as output:
        handle = await asyncio.create_subprocess_exec(
            *(sys.executable, *arguments),
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    process = Process(name, handle, log)
    try:
        yield process
    finally:
        await process.stop()

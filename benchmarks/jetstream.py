"""Messages into a JetStream stream on disk, with ids, each acknowledged: the relay's window beside what clients offer.

What counts is the wall clock from the first message to the last acknowledgement; every run has a server of its own. The
whole relay, from the exchange into the stream, is a case of `throughput`.
"""

import asyncio
import sys
from pathlib import Path
from typing import Final

from benchmarks.clients import STORE, go_folder, share
from benchmarks.peers.protocol import PENDING
from benchmarks.plan import GO_PUBLISH_ASYNC, ORDERED, PUBLISH_ASYNC, WINDOW, Case
from benchmarks.publishers import write_messages
from benchmarks.world import ROOT, VoidRunError, nats_server

SPEEDS: Final = {PUBLISH_ASYNC: 30_000, WINDOW: 100_000, ORDERED: 4_000, GO_PUBLISH_ASYNC: 100_000}
"""About how many messages a second of the wall clock takes."""

_WAYS: Final = {PUBLISH_ASYNC: "publish_async", WINDOW: "relay", ORDERED: "ordered"}


async def prepare(case: Case, folder: Path, seconds: float) -> Path:
    """Write the messages of a case for those that do not make them themselves."""
    file = folder / "messages"
    most = max(count(case, name, seconds) for name in case.clients)
    await asyncio.to_thread(write_messages, case.frame, most, file)
    return file


def count(case: Case, name: str, seconds: float) -> int:
    """Return how many messages make a run of that client."""
    return int(SPEEDS[name] * share(case.frame) * seconds)


async def measure(case: Case, name: str, messages: Path, seconds: float) -> dict[str, float]:
    """Run one client once."""
    number = count(case, name, seconds)
    async with nats_server(stored=True) as nats:
        if name == GO_PUBLISH_ASYNC:
            command = [
                str(go_folder() / "jetstream"),
                "-pending",
                str(PENDING),
                "-count",
                str(number),
            ]
            command += [nats.server.url, STORE, str(messages)]
        else:
            command = [sys.executable, "-m", "benchmarks.publishers", _WAYS[name], nats.server.url]
            command += [case.frame, str(number), str(messages)]
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        if process.returncode:
            raise VoidRunError(f"{name} ended with code {process.returncode}")
    return {"per_second": number / float(output)}

"""How long it takes from the start of a client's process to its first message at a NATS subscriber.

The exchange sends 20,000 messages per second to whoever is subscribed. Interpreter, imports, configuration, both
connections and the subscription are in it.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.clients import CLIENTS, SUBJECT, Job
from benchmarks.frames import stream_names
from benchmarks.plan import Case
from benchmarks.world import VoidRunError, nats_server, running
from tests.support.subscriber import Subscriber

RATE = 20_000
PATIENCE = 30.0


@asynccontextmanager
async def simulator(rate: int) -> AsyncIterator[str]:
    """Run the simulated exchange, which sends so many events per second in all; gives its address."""
    arguments = ["--port", "0", "--control-port", "0", "--rate", str(rate)]
    arguments += ["--connection-attempts", "100000"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "exchange_simulator", *arguments), stdout=asyncio.subprocess.PIPE
    )
    try:
        line = await process.stdout.readline() if process.stdout else b""
        yield json.loads(line)["url"]
    finally:
        process.terminate()
        await process.wait()


async def measure(case: Case, name: str, endpoint: str, folder: Path) -> dict[str, float]:
    """Start one client once."""
    async with nats_server() as nats, Subscriber(nats.server.url, SUBJECT) as subscriber:
        names = stream_names(case.frame, case.streams)
        job = Job(endpoint, nats.server.url, names, folder)
        begun = time.monotonic()
        async with running(CLIENTS[name], job) as process:
            while not subscriber.count:
                await asyncio.sleep(0.001)
                process.check()
                if time.monotonic() - begun > PATIENCE:
                    raise VoidRunError(f"no message within {PATIENCE:g} s")
            return {"seconds": time.monotonic() - begun}

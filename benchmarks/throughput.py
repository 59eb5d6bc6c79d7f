"""How many messages a client relays in a second of CPU, and of the wall clock.

The exchange sends as fast as the client reads. Only relaying counts: before, the client has started, subscribed and
come to rest. A run in which NATS did not get every message exactly once is void.
"""

import time
from pathlib import Path

from benchmarks.clients import CLIENTS, Job, messages_of
from benchmarks.exchange import Exchange
from benchmarks.plan import Case
from benchmarks.world import VoidRunError, arrived, nats_server, running


def most_messages(case: Case, seconds: float) -> int:
    """Return how many messages the exchange of a case has to have."""
    return max(count(case, name, seconds) for name in case.clients)


def count(case: Case, name: str, seconds: float) -> int:
    """Return how many messages make a run of that client."""
    return messages_of(CLIENTS[name], case.frame, stored=case.stored, seconds=seconds)


async def measure(
    case: Case, name: str, exchange: Exchange, folder: Path, seconds: float
) -> dict[str, float]:
    """Run one client once."""
    client, messages = CLIENTS[name], count(case, name, seconds)
    async with nats_server(stored=case.stored) as nats:
        job = Job(
            endpoint=exchange.endpoint(tls=client.tls),
            nats=nats.server.url,
            streams=exchange.streams,
            folder=folder,
            stored=case.stored,
            roomy=True,
        )
        async with running(client, job, exchange.authority if client.tls else None) as process:
            await process.lives(exchange.subscribed())
            await exchange.prepare_flood(messages)
            idle = await process.idle()
            begun = time.monotonic()
            await exchange.go()
            ended = await arrived(nats, messages, process)
            cpu = process.usage.cpu_seconds - idle
            await exchange.flooded()
    if not cpu > 0:
        raise VoidRunError("too short for the kernel's account of CPU time")
    return {"per_cpu_second": messages / cpu, "per_second": messages / (ended - begun)}

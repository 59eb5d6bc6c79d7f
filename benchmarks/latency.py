"""How much later a message comes because of the client: from the exchange's write to the read of a NATS subscriber.

The exchange publishes the same messages to NATS itself for the control, in turns of half a second. Server, subscriber,
clock and machine are the same, so that the difference of the two is the client's. What is due within a millisecond is
sent at once: 10 messages at 10,000 per second.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from benchmarks.clients import CLIENTS, SUBJECT, Job
from benchmarks.exchange import Exchange
from benchmarks.plan import Case
from benchmarks.timeline import CLIENT, CONTROL, Phase, Seen, Sent, delays, latency, lost
from benchmarks.witness import load
from benchmarks.world import Nats, Running, VoidRunError, child, nats_server, running

TURN = 0.5
WARM_UP = tuple(Phase(to, 500, 0.3) for to in (CLIENT, CONTROL))
"""What nobody looks at: the rate is none of the plan's."""

LATE = 0.25
"""Seconds that the exchange may be behind. More, and the client does not take the messages as they are due."""

SETTLE = 0.5
"""Seconds for the last messages to come."""


async def measure(
    case: Case, name: str, exchange: Exchange, folder: Path, turns: int
) -> dict[str, dict[str, float]]:
    """Run one client once, with so many turns at each rate that it can take; return the figures by key."""
    client = CLIENTS[name]
    rates = [rate for rate in case.rates if rate < client.speed * 0.8]
    turn = [
        Phase(to, rate, TURN) for rate in rates for _ in range(turns) for to in (CLIENT, CONTROL)
    ]
    phases = [*WARM_UP, *turn]
    async with nats_server() as nats:
        job = Job(exchange.endpoint(tls=False), nats.server.url, exchange.streams, folder)
        async with running(client, job) as process:
            sent, seen = await paced(exchange, nats, process, phases, folder)
            resident = process.usage.resident / 1e6
    if missing := lost(seen, sent):
        raise VoidRunError(f"{missing} messages did not come")
    found = await asyncio.to_thread(delays, seen, sent)
    return {case.key(rate): {**latency(found, rate), "resident": resident} for rate in rates}


async def paced(
    exchange: Exchange, nats: Nats, process: Running, phases: Sequence[Phase], folder: Path
) -> tuple[list[Sent], Seen]:
    """Send phase by phase to a client that has just been started; return what was sent, and what came when.

    Raises:
        VoidRunError: the exchange was held up, or a process ended.
    """
    file = folder / "seen"
    host, port = nats.address
    async with child("witness", host, str(port), SUBJECT, str(file)) as witness:
        await witness.hear("ready")
        await process.lives(exchange.subscribed())
        await exchange.prepare_pace(phases, nats)
        await process.idle()
        await exchange.go()
        sent = await exchange.paced()
        process.check()
        await asyncio.sleep(SETTLE)
        await witness.finish()
    if (late := max(phase.late for phase in sent) / 1e9) > LATE:
        raise VoidRunError(f"the exchange was held up for {late:.3f} s")
    return sent, await asyncio.to_thread(load, file)

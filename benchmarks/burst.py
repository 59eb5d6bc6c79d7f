"""Whether a relay at its defaults, with a buffer of 5,000 messages, loses any in a burst of one second.

The rate rises tenfold and falls again. What NATS delivers is compared with what was sent, and the relay's own account
has to agree.
"""

from pathlib import Path

from benchmarks.clients import CLIENTS, Job
from benchmarks.exchange import Exchange
from benchmarks.figures import percentile
from benchmarks.latency import paced
from benchmarks.plan import Case
from benchmarks.timeline import CLIENT, Phase, delays, lost
from benchmarks.world import ledger, nats_server, running


async def measure(case: Case, name: str, exchange: Exchange, folder: Path) -> dict[str, float]:
    """Run one relay once. A loss does not void the run: it is the result."""
    usual, burst = case.rates
    phases = [Phase(CLIENT, rate, 1.0) for rate in (usual, burst, usual)]
    async with nats_server() as nats:
        job = Job(exchange.endpoint(tls=False), nats.server.url, exchange.streams, folder)
        async with running(CLIENTS[name], job) as process:
            sent, seen = await paced(exchange, nats, process, phases, folder)
            dropped = sum(ledger(await process.stop())["dropped"].values())
    within = delays(seen, sent)[CLIENT, burst]
    return {
        "lost": lost(seen, sent),
        "dropped": dropped,
        "p99": percentile(within, 99) / 1e6,
        "highest": within[-1] / 1e6,
    }

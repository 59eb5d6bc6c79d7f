"""`make bench`: the relay against the straightforward client, in turn, in one run.

Only ratios within one run mean anything: machines differ, and a busy one changes from minute to minute.
"""

import argparse
import asyncio
import json
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from streamset_api.relay_config import RelayConfig, Transport, to_yaml

from .world import Run, World, measure, surroundings

STREAMS = ("btcusdt@trade", "ethusdt@trade", "bnbusdt@trade")
SUBJECT = "binance.websocket.data"


@dataclass(frozen=True)
class Client:
    """A client: its name, its command line in a world, and how many messages make a run of a few seconds."""

    name: str
    command: Callable[[World], Sequence[str]]
    messages: int


def baseline(world: World) -> Sequence[str]:
    arguments = [world.exchange, world.nats, SUBJECT, ",".join(STREAMS)]
    return [sys.executable, "-m", "benchmarks.baseline", *arguments]


def relay(transport: Transport) -> Callable[[World], Sequence[str]]:
    """The relay as it ships, every feature on; only the buffer is made large enough that nothing is dropped."""

    def command(world: World) -> Sequence[str]:
        config = RelayConfig.model_validate(
            {
                "endpoint": world.exchange,
                "streams": STREAMS,
                "nats": {"servers": [world.nats], "subject": SUBJECT},
                "buffer": {"maxMessages": 5_000_000, "maxBytes": 2 << 30},
                "health": {"port": 0, "host": "127.0.0.1"},
                "transport": transport,
            }
        )
        file = world.folder / "relay.yaml"
        file.write_text(to_yaml(config))
        return [sys.executable, "-m", "streamset_cli.main", "relay", "--config", str(file)]

    return command


CLIENTS = (
    Client("straightforward", baseline, 150_000),
    Client("relay (picows)", relay(Transport.PICOWS), 1_000_000),
    Client("relay (websockets)", relay(Transport.WEBSOCKETS), 600_000),
)


async def run_all(rounds: int) -> dict[str, list[Run]]:
    runs: dict[str, list[Run]] = {client.name: [] for client in CLIENTS}
    for number in range(1, rounds + 1):
        for client in CLIENTS:
            with tempfile.TemporaryDirectory() as folder:
                async with surroundings(Path(folder), client.messages) as world:
                    run = await measure(world, client.command(world), client.messages)
            runs[client.name].append(run)
            print(
                f"round {number}/{rounds}  {client.name:<20}"
                f"{run.per_cpu_second:>10,.0f} msg per CPU-second",
                file=sys.stderr,
            )
    return runs


def summarise(runs: dict[str, list[Run]]) -> list[dict[str, object]]:
    """A row a client. The ratio is taken round by round against the first client; its median is what counts."""
    reference = [run.per_cpu_second for run in runs[CLIENTS[0].name]]
    rows = []
    for name, found in runs.items():
        rates = [run.per_cpu_second for run in found]
        ratios = [rate / peer for rate, peer in zip(rates, reference, strict=True)]
        rows.append(
            {
                "client": name,
                "per_cpu_second": round(statistics.median(rates)),
                "lowest": round(min(rates)),
                "highest": round(max(rates)),
                "per_second": round(statistics.median(run.per_second for run in found)),
                "ratio": round(statistics.median(ratios), 2),
            }
        )
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each client (default: 3)")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON too")
    arguments = parser.parse_args()
    rows = summarise(asyncio.run(run_all(arguments.rounds)))
    print(
        f"Python {platform.python_version()}, {platform.machine()}, {len(STREAMS)} streams of trades"
    )
    print(f"{'client':<20}{'msg/CPU-s':>11}{'spread':>20}{'msg/s':>10}{'ratio':>7}")
    for row in rows:
        spread = f"{row['lowest']:,}-{row['highest']:,}"
        print(
            f"{row['client']:<20}{row['per_cpu_second']:>11,}{spread:>20}"
            f"{row['per_second']:>10,}{row['ratio']:>7}"
        )
    if arguments.json:
        print(json.dumps(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())

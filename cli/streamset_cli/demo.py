"""`streamset demo`: a manifest, run on one machine against a simulated exchange and an embedded NATS server."""

import argparse
import asyncio
import contextlib
import importlib.resources
import json
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console
from rich.live import Live

from streamset_api.errors import ConfigError, Problem
from streamset_api.manifest import load_manifest
from streamset_api.relay_config import RelayConfig
from streamset_api.resolve import resolve
from streamset_api.resource import BinanceStreamSet
from streamset_api.spec import streams_of

from .processes import DemoError, RelayProcess, exchange, nats_server, relay
from .screen import Snapshot, draw, farewell
from .witness import Arrivals, Witness

DESCRIPTION = """\
Run a BinanceStreamSet manifest on this machine: the relays it asks for, against a simulated exchange
that replays a recorded session and makes up the other streams, and an embedded NATS server.
Shows a live table of what a consumer of NATS receives. Nothing leaves this machine; no cluster is needed.

Without MANIFEST it runs examples/demo.yaml. Stop it with Ctrl-C.
"""

EPILOG = """\
exit codes: 0 everything received was accounted for; 1 it was not, or a part failed; 2 wrong manifest
"""

REFRESH = 0.5

COUNTS = ("received", "published", "unconfirmed", "duplicate", "in_flight", "difference")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command to argparse."""
    parser.description = DESCRIPTION
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("manifest", nargs="?", type=Path, metavar="MANIFEST")
    parser.add_argument(
        "--seconds", type=_positive, metavar="N", help="stop after N seconds (default: on Ctrl-C)"
    )
    parser.add_argument(
        "--json", action="store_true", help="no table; end with one line of JSON: ledger and rates"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the demo; the exit code."""
    try:
        manifest = _load(arguments.manifest)
        return asyncio.run(_demo(manifest, arguments.seconds, quiet=arguments.json))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1


def configurations(manifest: BinanceStreamSet, server: str, endpoint: str) -> list[RelayConfig]:
    """One configuration for each relay that the set asks for, pointed at the demo's own ends."""
    if (wanted := manifest.spec.nats.jet_stream) is not None:
        allowed = "absent: the demo publishes on core NATS"
        raise ConfigError([Problem("spec.nats.jetStream", wanted.stream, allowed)])
    streams = streams_of(manifest.spec)
    size = manifest.spec.max_streams_per_relay
    return [
        _point(resolve(manifest.spec, streams[start : start + size]), server, endpoint)
        for start in range(0, len(streams), size)
    ]


def _point(config: RelayConfig, server: str, endpoint: str) -> RelayConfig:
    return config.model_copy(
        update={
            "endpoint": endpoint,
            "nats": config.nats.model_copy(
                # The consumer counts messages; records of events would be counted as such.
                update={"servers": (server,), "auth": None, "tls": None, "events_subject": None}
            ),
            "health": config.health.model_copy(update={"port": 0, "host": "127.0.0.1"}),
        }
    )


def _load(file: Path | None) -> BinanceStreamSet:
    if file is None:
        return load_manifest(_default_manifest(), "examples/demo.yaml")
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Problem(str(file), str(error), "a readable UTF-8 file")]) from None
    return load_manifest(text, str(file))


def _default_manifest() -> str:
    """The wheel carries the example inside the package; a checkout has it in `examples/`."""
    packaged = importlib.resources.files("streamset_cli") / "demo.yaml"
    if packaged.is_file():
        return packaged.read_text("utf-8")
    return (Path(__file__).parents[2] / "examples" / "demo.yaml").read_text("utf-8")


async def _demo(manifest: BinanceStreamSet, seconds: float | None, *, quiet: bool) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="streamset-demo-")))
        server = await stack.enter_async_context(nats_server(folder))
        options = ["--replay", "--today", "--market", manifest.spec.market.value.partition("-")[0]]
        endpoint = await stack.enter_async_context(exchange(folder, options))
        witness = await stack.enter_async_context(Witness(server))
        relays = [
            await stack.enter_async_context(relay(folder, config, number))
            for number, config in enumerate(configurations(manifest, server, endpoint))
        ]
        started = time.monotonic()
        with _screen(quiet=quiet) as show:
            async for infos in _watch(relays, stop, seconds):
                show(Snapshot(manifest.metadata.name, server, infos, witness.arrivals))
        elapsed = time.monotonic() - started
        codes = [await process.stop() for process in relays]
        await witness.settle()
        ledger = add_up([process.ledger for process in relays])
        report = summarise(ledger, witness.arrivals, elapsed)
    print(json.dumps(report) if quiet else farewell(report))
    return int(any(codes) or not report["accounted_for"])


async def _watch(
    relays: Sequence[RelayProcess], stop: asyncio.Event, seconds: float | None
) -> AsyncIterator[list[Mapping[str, Any]]]:
    """Ask the relays for their status, now and then, until it is time to stop."""
    end = None if seconds is None else time.monotonic() + seconds
    async with aiohttp.ClientSession() as http:
        while not stop.is_set() and (end is None or time.monotonic() < end):
            yield [await _info(http, process) for process in relays]
            left = REFRESH if end is None else min(REFRESH, max(end - time.monotonic(), 0))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), left)


async def _info(http: aiohttp.ClientSession, process: RelayProcess) -> Mapping[str, Any]:
    try:
        async with http.get(f"{process.url}/info") as answer:
            info: Mapping[str, Any] = await answer.json()
            return info
    except aiohttp.ClientError as error:
        raise DemoError(f"a relay does not answer ({error}); it said: {process.warnings}") from None


@contextmanager
def _screen(*, quiet: bool) -> Iterator[Callable[[Snapshot], None]]:
    """Where the table is drawn: nowhere, in place on a terminal, or once at the end in a file."""
    if quiet:
        yield lambda _: None
        return
    with Live(console=Console(), refresh_per_second=4, transient=False) as live:
        yield lambda snapshot: live.update(draw(snapshot, live.console.height))


def add_up(ledgers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One ledger of several relays' ledgers."""
    if not all(ledgers):
        raise DemoError("a relay ended without its ledger")
    total: dict[str, Any] = {key: sum(ledger[key] for ledger in ledgers) for key in COUNTS}
    dropped: Counter[str] = Counter()
    for ledger in ledgers:
        dropped.update(ledger["dropped"])
    return {**total, "dropped": dict(dropped)}


def summarise(ledger: Mapping[str, Any], arrivals: Arrivals, seconds: float) -> dict[str, Any]:
    """The demo's last word. The consumer's own count has to fit the ledger."""
    low, high = ledger["published"], ledger["published"] + ledger["unconfirmed"]
    return {
        "accounted_for": ledger["difference"] == 0 and low <= arrivals.total <= high,
        "seconds": round(seconds, 1),
        "ledger": dict(ledger),
        "delivered": arrivals.total,
        "messages_per_second": round(arrivals.total / seconds, 1),
        "streams": {
            name: {"messages": count, "messages_per_second": round(count / seconds, 2)}
            for name, count in sorted(arrivals.by_stream.items())
        },
    }


def _positive(text: str) -> float:
    number = float(text)
    if not number > 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number

"""The clients that take turns: how each is started. All do the same: read the streams, wrap them, publish.

Each runs in a process of its own and drops nothing: either it leaves the socket alone while NATS is slow, or its buffer
holds a whole run.
"""

import functools
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.plan import (
    GO_JSON,
    GO_PUBLISH_ASYNC,
    GO_SPLICED,
    PICOWS,
    PICOWS_TLS,
    SPLICED,
    STRAIGHTFORWARD,
    WEBSOCKETS,
    WEBSOCKETS_TLS,
    Frame,
)
from streamset_api.relay_config import RelayConfig, Transport, to_yaml

SUBJECT: Final = "binance.websocket.data"
STORE: Final = "BENCH"
"""The JetStream stream that listens to it."""

_GO: Final = Path(__file__).parent / "peers" / "go" / "build.sh"
GO_CLIENTS: Final = frozenset({GO_JSON, GO_SPLICED, GO_PUBLISH_ASYNC})


@dataclass(frozen=True)
class Job:
    """What a client is to do, and where its files may be."""

    endpoint: str
    nats: str
    streams: Sequence[str]
    folder: Path
    stored: bool = False
    roomy: bool = False
    """Let the relay's buffer hold a whole run; otherwise it has its default size."""


@dataclass(frozen=True)
class Client:
    """A client of the exchange. `speed` is about how many trades it relays in a second of CPU."""

    command: Callable[[Job], list[str]]
    speed: int
    tls: bool = False


def messages_of(client: Client, frame: Frame, *, stored: bool, seconds: float) -> int:
    """Return how many messages take the client about so many seconds."""
    return int(client.speed * share(frame) * (0.4 if stored else 1.0) * seconds)


def share(frame: Frame) -> float:
    """Return about how many of these messages take as long as one trade."""
    return {Frame.TRADE: 1.0, Frame.TICKER: 0.7, Frame.DEPTH20: 0.35}[frame]


def _relay(transport: Transport) -> Callable[[Job], list[str]]:
    """The relay as it ships, every feature on, at its defaults but for where things are."""

    def command(job: Job) -> list[str]:
        nats: dict[str, object] = {"servers": [job.nats], "subject": SUBJECT}
        if job.stored:
            nats["jetStream"] = {"stream": STORE}
        document: dict[str, object] = {
            "endpoint": job.endpoint,
            "streams": job.streams,
            "nats": nats,
            "health": {"port": 0, "host": "127.0.0.1"},
            "transport": transport,
        }
        if job.roomy:
            document["buffer"] = {"maxMessages": 5_000_000, "maxBytes": 4 << 30}
        file = job.folder / f"{transport.value}.yaml"
        file.write_text(to_yaml(RelayConfig.model_validate(document)))
        return [sys.executable, "-m", "streamset_cli.main", "relay", "--config", str(file)]

    return command


def _python(module: str, *, modes: bool) -> Callable[[Job], list[str]]:
    def command(job: Job) -> list[str]:
        arguments = [job.endpoint, job.nats, SUBJECT, ",".join(job.streams)]
        mode = ["jetstream" if job.stored else "core"] if modes else []
        return [sys.executable, "-m", f"benchmarks.peers.{module}", *arguments, *mode]

    return command


def _go(*options: str) -> Callable[[Job], list[str]]:
    def command(job: Job) -> list[str]:
        stored = ["-jetstream"] if job.stored else []
        arguments = [job.endpoint, job.nats, SUBJECT, ",".join(job.streams)]
        return [str(go_folder() / "relay"), *options, *stored, *arguments]

    return command


CLIENTS: Final = {
    STRAIGHTFORWARD: Client(_python("straightforward", modes=True), 55_000),
    SPLICED: Client(_python("spliced", modes=False), 110_000),
    PICOWS: Client(_relay(Transport.PICOWS), 450_000),
    WEBSOCKETS: Client(_relay(Transport.WEBSOCKETS), 190_000),
    GO_JSON: Client(_go(), 150_000),
    GO_SPLICED: Client(_go("-splice"), 700_000),
    PICOWS_TLS: Client(_relay(Transport.PICOWS), 400_000, tls=True),
    WEBSOCKETS_TLS: Client(_relay(Transport.WEBSOCKETS), 190_000, tls=True),
}


def build_go() -> str | None:
    """Build the clients in Go; return why there are none, if so."""
    if shutil.which("go") is None:
        return "no Go in PATH"
    done = subprocess.run([_GO], capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else done.stderr.strip()


@functools.cache
def go_folder() -> Path:
    """Return where the clients in Go are."""
    told = subprocess.run([_GO, "--path"], capture_output=True, text=True, check=True)
    return Path(told.stdout.strip())

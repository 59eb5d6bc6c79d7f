"""The exchange of measurements, as the rest of the benchmark sees it; `feed` is its process."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.clients import SUBJECT
from benchmarks.frames import stream_names
from benchmarks.plan import Case
from benchmarks.timeline import Phase, Sent
from benchmarks.world import Child, Nats, child
from tests.support.certificates import Authority


@dataclass(frozen=True)
class Exchange:
    """A running exchange with the streams of a case. It has one client at a time."""

    process: Child
    streams: Sequence[str]
    ports: Sequence[int]
    authority: Path | None
    """What clients with TLS have to trust."""

    def endpoint(self, *, tls: bool) -> str:
        """Where a client connects to."""
        return f"wss://127.0.0.1:{self.ports[1]}" if tls else f"ws://127.0.0.1:{self.ports[0]}"

    async def subscribed(self) -> None:
        """Wait until a client has subscribed to all streams."""
        await self.process.hear("subscribed")

    async def prepare_flood(self, messages: int) -> None:
        """Have so many messages ready; `go` sends them as fast as the client reads."""
        await self.process.tell({"flood": messages})
        await self.process.hear("ready")

    async def prepare_pace(self, phases: Sequence[Phase], nats: Nats) -> None:
        """Have messages ready; `go` sends them phase by phase, each at its rate."""
        await self.process.tell({"pace": phases, "nats": nats.address, "subject": SUBJECT})
        await self.process.hear("ready")

    async def go(self) -> None:
        """Begin to send what is ready."""
        await self.process.tell({"go": True})

    async def flooded(self) -> int:
        """Wait until all is sent; return how many messages."""
        sent: int = await self.process.hear("sent")
        return sent

    async def paced(self) -> list[Sent]:
        """Wait until all phases are over."""
        return [Sent(**phase) for phase in await self.process.hear("phases")]


@asynccontextmanager
async def exchange(
    case: Case, folder: Path, *, messages: int = 0, tls: bool = False
) -> AsyncIterator[Exchange]:
    """Run an exchange with the streams of a case, and so many messages to flood a client with."""
    arguments = ["--frame", case.frame, "--streams", str(case.streams)]
    authority = None
    if tls:
        issuer = Authority(folder)
        authority = issuer.certificate
        certificate, key = issuer.issue("server", "IP:127.0.0.1")
        arguments += ["--certificate", str(certificate), "--key", str(key)]
    async with child("feed", *arguments, "--messages", str(messages)) as process:
        ports = await process.hear("ports")
        yield Exchange(process, stream_names(case.frame, case.streams), ports, authority)

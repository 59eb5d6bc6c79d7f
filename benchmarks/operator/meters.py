"""The meters of a run, and what they show between two looks at them."""

import asyncio
import os
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from benchmarks.operator.measurement import Phase
from benchmarks.operator.plane import USER, Plane
from benchmarks.operator.requests import Audit, read_audit
from benchmarks.operator.target import Operator
from benchmarks.operator.usage import Usage, family, machine, usage_of

CPUS = os.cpu_count() or 1


@dataclass(frozen=True)
class Snapshot:
    """All meters at one moment; counts from their beginning."""

    at: float
    usage: Usage
    server_cpu: float
    others_cpu: float
    audit: Audit
    counted: Counter[tuple[str, str]]


async def look(plane: Plane, operator: Operator | None) -> Snapshot:
    """Read all meters; those of an operator that is to start yet are at nought.

    `server_cpu` is that of the API server and its store together; `others_cpu` what nobody of the
    benchmark used. All in seconds.
    """
    others = await asyncio.to_thread(lambda: machine() - family(os.getpid()))
    lines = await asyncio.to_thread(_lines, plane.audit_log)
    return Snapshot(
        at=time.monotonic(),
        usage=operator.usage if operator is not None else Usage(0.0, 0, 0),
        server_cpu=sum(usage_of(pid).cpu_seconds for pid in plane.pids.values()),
        others_cpu=others,
        audit=await asyncio.to_thread(read_audit, lines, USER),
        counted=await operator.counted() if operator is not None else Counter(),
    )


def between(before: Snapshot, after: Snapshot, seconds: float) -> Phase:
    """Return what happened between the two."""
    return Phase(
        seconds=seconds,
        cpu_seconds=after.usage.cpu_seconds - before.usage.cpu_seconds,
        server_cpu_seconds=after.server_cpu - before.server_cpu,
        others=max(after.others_cpu - before.others_cpu, 0.0) / (after.at - before.at) / CPUS,
        resident=after.usage.resident,
        peak=after.usage.peak,
        own=after.audit.own - before.audit.own,
        watches=after.audit.watches - before.audit.watches,
        refused=after.audit.refused - before.audit.refused,
        counted=after.counted - before.counted,
    )


def _lines(path: Path) -> list[bytes]:
    """Return the whole lines of a log; the last may just be being written."""
    text = path.read_bytes() if path.exists() else b""
    return text[: text.rfind(b"\n") + 1].splitlines()

"""Measurements as a good run brings them."""

from collections import Counter
from dataclasses import replace
from typing import Any

from benchmarks.operator.manifests import OWNED
from benchmarks.operator.measurement import Measurement, Phase
from benchmarks.operator.requests import Request

APPLY, STATUS = Request("patch", "deployments"), Request("patch", "binancestreamsets/status")

IDLE = Phase(
    seconds=1.0,
    cpu_seconds=1.0,
    server_cpu_seconds=1.0,
    others=0.25,
    resident=70_000_000,
    peak=70_000_000,
    own=Counter(),
    watches=Counter(),
    refused=Counter(),
    counted=Counter(),
)


def run(sets: int) -> Measurement:
    """Return a run in which all is as it should be, and in proportion to the sets."""
    memory = 70_000_000 + 100_000 * sets
    busy = replace(IDLE, seconds=0.1 * sets, cpu_seconds=0.05 * sets, resident=memory, peak=memory)
    converge = replace(
        busy,
        own=Counter({APPLY: sets, STATUS: sets}),
        counted=Counter({("patch", "deployments"): sets, ("patch", "binancestreamsets"): sets}),
    )
    rest = replace(busy, seconds=66.0)
    phases = {"start": IDLE, "converge": converge, "stream": busy, "rest": rest, "restart": busy}
    return Measurement(
        sets=sets,
        phases=phases,
        made=dict.fromkeys(OWNED, sets),
        reports_at_rest=2 * sets,
        looked_at_after=1.0,
    )


def but(of: Measurement, name: str, **fields: Any) -> Measurement:
    """Return the run with other figures in one phase."""
    return replace(of, phases=of.phases | {name: replace(of.phases[name], **fields)})

"""What is measured: the figures of a phase, and of a run. Plain values."""

from collections import Counter
from dataclasses import dataclass, field

from benchmarks.operator.requests import Counts


@dataclass(frozen=True)
class Phase:
    """What happened between two looks at the meters.

    `seconds` is what the phase is about, not the time between the looks. `own` and `counted` are the
    operator's requests by the API server's word and by its own; `watches` are those of kopf's
    client. `refused` counts answers to both by status code, from 400 on. Memory is in bytes, at the
    end and the most until then. `others` is the share of the machine's CPUs, from 0 to 1, that
    neither the operator nor anything else of the benchmark had.
    """

    seconds: float
    cpu_seconds: float
    server_cpu_seconds: float
    others: float
    resident: int
    peak: int
    own: Counts
    watches: Counts
    refused: Counter[int]
    counted: Counter[tuple[str, str]]


@dataclass
class Measurement:
    """What a run brought.

    `made` counts the objects of the sets by kind. `looked_at_after` are the seconds from the restart
    until every set had been looked at; `changed_by_restart` counts objects that it changed, and
    `fell_back` sets that were ready before it and not behind it.
    """

    sets: int
    phases: dict[str, Phase] = field(default_factory=dict)
    made: dict[str, int] = field(default_factory=dict)
    reports_at_rest: int = 0
    fell_back: int = 0
    looked_at_after: float = 0.0
    changed_by_restart: int = 0

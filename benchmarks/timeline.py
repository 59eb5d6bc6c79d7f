"""What was sent when, what came when, and how much later. Pure.

Times are nanoseconds of `CLOCK_MONOTONIC`, which all processes of a machine share.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from benchmarks.figures import percentile

PERCENTILES: Final = {"p50": 50.0, "p99": 99.0, "p99.9": 99.9}

CLIENT: Final = "client"
CONTROL: Final = "nats"
"""Whom the exchange sends to: the client, or NATS at once."""


class Phase(NamedTuple):
    """So many messages per second for so many seconds, to `CLIENT` or `CONTROL`."""

    to: str
    rate: int
    seconds: float


class Sent(NamedTuple):
    """A phase that is over: messages, first and last moment.

    `late` is by how much the exchange fell behind, at most: it does when a client does not read.
    """

    to: str
    rate: int
    sent: int
    start: int
    end: int
    late: int


class Seen(NamedTuple):
    """When messages were sent, and when a subscriber of NATS read them."""

    sent: Sequence[int]
    read: Sequence[int]


Delays = dict[tuple[str, int], list[int]]
"""By receiver and rate, ascending."""


def delays(seen: Seen, phases: Iterable[Sent]) -> Delays:
    """Return how long messages took, by the phases they were sent in."""
    found: Delays = {}
    for phase in phases:
        found.setdefault((phase.to, phase.rate), []).extend(
            read - sent
            for sent, read in zip(seen.sent, seen.read, strict=True)
            if phase.start <= sent <= phase.end
        )
    return {key: sorted(values) for key, values in found.items()}


def latency(found: Mapping[tuple[str, int], Sequence[int]], rate: int) -> dict[str, float]:
    """Return percentiles in milliseconds: by way of the client, of the control, and what the client adds."""
    told: dict[str, float] = {}
    for name, percent in PERCENTILES.items():
        total = percentile(found[CLIENT, rate], percent) / 1e6
        control = percentile(found[CONTROL, rate], percent) / 1e6
        told |= {name: total, f"control {name}": control, f"added {name}": total - control}
    return told


def lost(seen: Seen, phases: Iterable[Sent]) -> int:
    """Return how many messages did not come; below 0, how many came twice."""
    return sum(phase.sent for phase in phases) - len(seen.sent)

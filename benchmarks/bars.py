"""What the project promises of its speed, and whether a run shows it. Pure."""

from collections.abc import Callable
from typing import Final, NamedTuple

from benchmarks.plan import (
    GO_JSON,
    GO_PUBLISH_ASYNC,
    PICOWS,
    PUBLISH_ASYNC,
    RELAYS,
    STRAIGHTFORWARD,
    WEBSOCKETS,
    WINDOW,
    Case,
    Part,
)
from benchmarks.results import Results

FLAT: Final = 2.0
"""Megabytes that memory may grow by in a long run and still be called flat."""

Figure = Callable[[Results], float | None]

_THROUGHPUT = Case(Part.THROUGHPUT, ()).key()
_JETSTREAM = Case(Part.JETSTREAM, (), stored=True).key()
_START = Case(Part.START, ()).key()
_BURST = Case(Part.BURST, ()).key()
_MEMORY = Case(Part.MEMORY, (), streams=1024).key()


class Bar(NamedTuple):
    """One promise: a figure, and its bound. `least` says that more is better."""

    promise: str
    figure: Figure
    bound: float
    least: bool
    unit: str = ""

    def holds(self, found: float) -> bool:
        """Whether a figure keeps the promise."""
        return found >= self.bound if self.least else found <= self.bound


class Verdict(NamedTuple):
    """A promise, and what was found; None where it was not measured."""

    bar: Bar
    found: float | None

    @property
    def word(self) -> str:
        """In one word."""
        if self.found is None:
            return "not measured"
        return "yes" if self.bar.holds(self.found) else "NO"


def verdicts(results: Results) -> list[Verdict]:
    """Return the answer to each promise."""
    return [Verdict(bar, bar.figure(results)) for bar in BARS]


def _ratio(case: str, client: str, other: str, figure: str) -> Figure:
    return lambda results: results.ratio(case, client, other, figure)


def _median(case: str, client: str, figure: str) -> Figure:
    return lambda results: results.median(case, client, figure)


def _worst(case: str, clients: tuple[str, ...], *figures: str) -> Figure:
    """The highest value of any round of any of these."""

    def worst(results: Results) -> float | None:
        found = [results.spread(case, client, figure) for client in clients for figure in figures]
        return max((spread.highest for spread in found if spread is not None), default=None)

    return worst


def _latency(rate: int) -> str:
    return Case(Part.LATENCY, ()).key(rate)


_CPU = "per_cpu_second"

BARS: Final = (
    Bar(
        "relay (picows) by the straightforward client, trades per CPU-second",
        _ratio(_THROUGHPUT, PICOWS, STRAIGHTFORWARD, _CPU),
        5.5,
        least=True,
    ),
    Bar(
        "relay (picows) by Go with encoding/json, trades per CPU-second",
        _ratio(_THROUGHPUT, PICOWS, GO_JSON, _CPU),
        1.4,
        least=True,
    ),
    Bar(
        "relay (websockets) by the straightforward client, trades per CPU-second",
        _ratio(_THROUGHPUT, WEBSOCKETS, STRAIGHTFORWARD, _CPU),
        2.5,
        least=True,
    ),
    Bar(
        "JetStream: relay by nats-py publish_async, per second",
        _ratio(_JETSTREAM, WINDOW, PUBLISH_ASYNC, "per_second"),
        2.0,
        least=True,
    ),
    Bar(
        "JetStream: relay by Go PublishAsync, per second",
        _ratio(_JETSTREAM, WINDOW, GO_PUBLISH_ASYNC, "per_second"),
        0.65,
        least=True,
    ),
    Bar(
        "added latency at 10,000 msg/s, p50",
        _median(_latency(10_000), PICOWS, "added p50"),
        0.3,
        least=False,
        unit="ms",
    ),
    Bar(
        "added latency at 10,000 msg/s, p99",
        _median(_latency(10_000), PICOWS, "added p99"),
        1.0,
        least=False,
        unit="ms",
    ),
    Bar(
        "added latency at 50,000 msg/s, p99",
        _median(_latency(50_000), PICOWS, "added p99"),
        3.0,
        least=False,
        unit="ms",
    ),
    Bar(
        "burst from 2,000 to 20,000 msg/s, default buffer: messages lost or dropped",
        _worst(_BURST, RELAYS, "lost", "dropped"),
        0,
        least=False,
    ),
    Bar(
        "resident memory with 1,024 streams at 20,000 msg/s",
        _worst(_MEMORY, RELAYS, "resident"),
        80.0,
        least=False,
        unit="MB",
    ),
    Bar(
        "growth of that in the long run",
        _worst(_MEMORY, RELAYS, "growth"),
        FLAT,
        least=False,
        unit="MB",
    ),
    Bar(
        "first message after the start of the process",
        _median(_START, PICOWS, "seconds"),
        1.5,
        least=False,
        unit="s",
    ),
)

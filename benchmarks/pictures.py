"""Which results are drawn, and how. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks.plan import (
    GO_JSON,
    GO_PUBLISH_ASYNC,
    GO_SPLICED,
    PICOWS,
    PUBLISH_ASYNC,
    SPLICED,
    STRAIGHTFORWARD,
    WEBSOCKETS,
    WINDOW,
    Case,
    Part,
)
from benchmarks.plots import Group, Line, Mark, bars, lines
from benchmarks.results import Results

MEMORY_TOP: Final = 100.0
"""Megabytes that the picture of memory goes up to."""

_BLUE, _LIGHT_BLUE, _RED, _ORANGE, _GREEN, _LIGHT_GREEN = (
    *("#4269d0", "#97bbf5", "#ff725c", "#efb118", "#3ca951", "#6cc5b0"),
)
_COLOURS: Final = {
    PICOWS: _BLUE,
    WINDOW: _BLUE,
    WEBSOCKETS: _LIGHT_BLUE,
    STRAIGHTFORWARD: _RED,
    PUBLISH_ASYNC: _RED,
    SPLICED: _ORANGE,
    GO_JSON: _LIGHT_GREEN,
    GO_SPLICED: _GREEN,
    GO_PUBLISH_ASYNC: _GREEN,
}


def pictures(results: Results, plan: Sequence[Case]) -> Iterator[tuple[str, str]]:
    """Yield name and SVG of each picture that there are results for."""
    few = [case for case in plan if case.streams == 3 and not case.stored]
    yield from _bars(
        "throughput",
        "Messages per CPU-second, 3 streams",
        [
            Group(case.frame, _marks(results, case.key(), "per_cpu_second"))
            for case in few
            if case.part is Part.THROUGHPUT
        ],
        ",.0f",
    )
    rates = [(case, rate) for case in few if case.part is Part.LATENCY for rate in case.rates]
    for name in ("p50", "p99"):
        yield from _bars(
            f"latency-{name}",
            f"Added latency, {name}, ms",
            [
                Group(f"{rate:,} msg/s", _marks(results, case.key(rate), f"added {name}"))
                for case, rate in rates
            ],
            ".2f",
        )
    yield from _bars(
        "jetstream",
        "Acknowledged messages per second into a JetStream stream on disk",
        [
            Group(case.frame, _marks(results, case.key(), "per_second"))
            for case in plan
            if case.part is Part.JETSTREAM
        ],
        ",.0f",
    )
    series = [Line(client, points) for (_, client), points in results.series.items()]
    if series:
        title = "Resident memory, 1,024 streams at 20,000 messages per second"
        yield "memory", lines(title, series, ("s", "MB"), MEMORY_TOP, _COLOURS)


def _bars(name: str, title: str, groups: Sequence[Group], form: str) -> Iterator[tuple[str, str]]:
    drawn = [group for group in groups if group.marks]
    if drawn:
        yield name, bars(title, drawn, form, _COLOURS)


def _marks(results: Results, key: str, figure: str) -> list[Mark]:
    found = ((client, results.spread(key, client, figure)) for client in results.clients(key))
    return [Mark(client, *spread) for client, spread in found if spread is not None]

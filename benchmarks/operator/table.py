"""The figures as a table, a column for each run, and as JSON. Pure."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from benchmarks.operator.measurement import Measurement, Phase
from benchmarks.operator.requests import Counts, writes
from benchmarks.operator.verdict import Verdict, memory

WIDTH = 48
COLUMN = 12


class Row(NamedTuple):
    """A line: what it is, and its figure in each run."""

    label: str
    cells: Sequence[str]


def rows(runs: Sequence[Measurement]) -> Iterator[Row]:
    """Yield all lines; one without cells is a heading."""

    def row(label: str, figure: Callable[[Measurement], float], digits: int = 1) -> Row:
        return Row(label, [f"{figure(run):,.{digits}f}" for run in runs])

    def of(name: str) -> Callable[[Measurement], Phase]:
        return lambda run: run.phases[name]

    converge, stream, rest = of("converge"), of("stream"), of("rest")
    yield row("sets", lambda run: run.sets, 0)
    yield Row("to settled: objects made, status written", [])
    yield from _costs(row, converge)
    yield Row("  requests per set", [])
    yield from _requests(runs, converge)
    yield Row("from the first report to ready: relays come up", [])
    yield from _costs(row, stream)
    yield Row("  requests per set", [])
    yield from _requests(runs, stream)
    yield Row("at rest, while relays report", [])
    yield row("  seconds", lambda run: rest(run).seconds)
    yield row("  reports seen", lambda run: run.reports_at_rest, 0)
    yield row("  writes", lambda run: writes(rest(run).own), 0)
    yield row("  other requests", lambda run: rest(run).own.total() - writes(rest(run).own), 0)
    yield row("  lists and watches of kopf", lambda run: rest(run).watches.total(), 0)
    yield row("  operator, % of a CPU", lambda run: 100 * _load(rest(run)))
    yield Row("memory of the operator, MB", [])
    yield row("  without sets", lambda run: run.phases["start"].resident / 1e6, 0)
    yield row("  settled", lambda run: converge(run).resident / 1e6, 0)
    yield row("  at rest", lambda run: rest(run).resident / 1e6, 0)
    yield row("  peak", lambda run: max(p.peak for p in run.phases.values()) / 1e6, 0)
    yield row("  kB per set, at rest", lambda run: memory(run) / run.sets / 1e3)
    if all("restart" in run.phases for run in runs):
        yield from _restart(row)


def lines(runs: Sequence[Measurement], verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Yield the table and the verdicts as text."""
    for label, cells in rows(runs):
        yield f"{label:<{WIDTH}}" + "".join(f"{cell:>{COLUMN}}" for cell in cells)
    yield ""
    for verdict in verdicts:
        no = "FAILED" if verdict.must else "over the bar"
        told = f" ({verdict.detail})" if verdict.detail else ""
        yield f"{'yes' if verdict.holds else no}: {verdict.question}{told}"


def document(runs: Sequence[Measurement], verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return all figures, for programs."""
    return {
        "runs": [
            vars(run) | {"phases": {name: _plain(phase) for name, phase in run.phases.items()}}
            for run in runs
        ],
        "verdicts": [verdict._asdict() for verdict in verdicts],
    }


RowOf = Callable[..., Row]


def _costs(row: RowOf, phase: Callable[[Measurement], Phase]) -> Iterator[Row]:
    yield row("  seconds", lambda run: phase(run).seconds)
    yield row("  ms per set", lambda run: 1e3 * phase(run).seconds / run.sets)
    yield row("  operator, CPU ms per set", lambda run: 1e3 * phase(run).cpu_seconds / run.sets)
    yield row(
        "  API server and etcd, CPU ms per set",
        lambda run: 1e3 * phase(run).server_cpu_seconds / run.sets,
    )
    yield row("  others on the machine, % of its CPUs", lambda run: 100 * phase(run).others)


def _requests(runs: Sequence[Measurement], phase: Callable[[Measurement], Phase]) -> Iterator[Row]:
    asked = sorted({request for run in runs for request in phase(run).own})
    for request in asked:
        cells = [f"{phase(run).own[request] / run.sets:.3f}" for run in runs]
        yield Row(f"    {request}", cells)
    totals = [f"{phase(run).own.total() / run.sets:.3f}" for run in runs]
    yield Row("    together", totals)


def _restart(row: RowOf) -> Iterator[Row]:
    def restart(run: Measurement) -> Phase:
        return run.phases["restart"]

    yield Row("after it was killed and started again", [])
    yield row("  seconds until ready", lambda run: restart(run).seconds)
    yield row("  seconds until every set was looked at", lambda run: run.looked_at_after)
    yield row("  operator, CPU ms per set", lambda run: 1e3 * restart(run).cpu_seconds / run.sets)
    yield row("  writes per set", lambda run: writes(restart(run).own) / run.sets, 3)
    yield row("  objects that these changed", lambda run: run.changed_by_restart, 0)
    yield row("  sets that fell back", lambda run: run.fell_back, 0)


def _load(phase: Phase) -> float:
    return phase.cpu_seconds / phase.seconds


def _plain(phase: Phase) -> dict[str, Any]:
    return vars(phase) | {
        "own": _named(phase.own),
        "watches": _named(phase.watches),
        "refused": {str(code): count for code, count in sorted(phase.refused.items())},
        "counted": {" ".join(what): count for what, count in sorted(phase.counted.items())},
    }


def _named(counts: Counts) -> dict[str, int]:
    return {str(request): count for request, count in sorted(counts.items())}

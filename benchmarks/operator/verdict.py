"""What the runs prove, and what they do not. Pure.

A verdict that must hold makes the benchmark fail: it is about counts, which are the same on any
machine. Times and memory have bars, which are only told: they depend on the machine.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from benchmarks.operator.measurement import Measurement
from benchmarks.operator.requests import disagreement, writes

SPREAD = 0.05
"""How much requests per set may differ between the smallest and the largest run."""

LINEAR = 1.5
"""Bar for time and memory per set in the largest run, by those in the smallest."""

BAR_SETS, BAR_SECONDS, BAR_BYTES = 1000, 120.0, 400e6
REPORTS = 0.9
"""Part of the reports due that must have been seen, or the rest was no test."""


class Verdict(NamedTuple):
    """One question, and its answer. `must` says that the benchmark fails where it is no."""

    question: str
    holds: bool
    detail: str
    must: bool = True


def verdicts(runs: Sequence[Measurement], rest_intervals: float) -> list[Verdict]:
    """Return all verdicts on runs of different sizes."""
    found = [verdict for run in runs for verdict in _of_one(run, rest_intervals)]
    found += [verdict for run in runs if run.sets == BAR_SETS for verdict in _bars(run)]
    ordered = sorted(runs, key=lambda run: run.sets)
    if len(ordered) > 1 and ordered[0].sets != ordered[-1].sets:
        found += _linear(ordered[0], ordered[-1])
    return found


def per_set_ratio(
    small: Measurement, large: Measurement, figure: Callable[[Measurement], float]
) -> float:
    """Return the figure per set of the larger run, by that of the smaller."""
    return (figure(large) / large.sets) / (figure(small) / small.sets)


def seconds(run: Measurement) -> float:
    """Time until every set was settled."""
    return run.phases["converge"].seconds


def requests(run: Measurement) -> float:
    """Requests until every set was settled."""
    return run.phases["converge"].own.total()


def memory(run: Measurement) -> float:
    """Bytes that the operator took on top of what it has without sets."""
    return run.phases["rest"].resident - run.phases["start"].resident


def _of_one(run: Measurement, rest_intervals: float) -> Iterator[Verdict]:
    sets, rest = f"{run.sets:,} sets", run.phases["rest"]
    lacking = {kind: made for kind, made in run.made.items() if made != run.sets}
    yield Verdict(f"{sets}: every object is there", not lacking, _told(lacking))
    apart = {
        f"{name}: {what}": f"audited {audited}, counted {counted}"
        for name, phase in run.phases.items()
        for what, (audited, counted) in disagreement(phase.own, phase.counted).items()
    }
    yield Verdict(f"{sets}: audit log and the operator's metrics agree", not apart, _told(apart))
    wrote = {str(request): count for request, count in rest.own.items() if request.writes}
    yield Verdict(f"{sets}: no writes at rest", not writes(rest.own), _told(wrote))
    due = run.sets * int(rest_intervals)
    heard = run.reports_at_rest
    detail = f"{heard:,} reports seen, {due:,} due"
    yield Verdict(f"{sets}: the relays reported meanwhile", heard >= REPORTS * due, detail)
    if "restart" in run.phases:
        detail = f"{run.changed_by_restart:,} objects changed, {run.fell_back:,} sets fell back"
        still = not run.changed_by_restart and not run.fell_back
        yield Verdict(f"{sets}: a restart changes nothing", still, detail)


def _bars(run: Measurement) -> Iterator[Verdict]:
    took, peak = seconds(run), max(phase.peak for phase in run.phases.values())
    within = f"{run.sets:,} sets settle within {BAR_SECONDS:g} s"
    yield Verdict(within, took < BAR_SECONDS, f"{took:.1f} s", must=False)
    below = f"{run.sets:,} sets take less than {BAR_BYTES / 1e6:g} MB"
    yield Verdict(below, peak < BAR_BYTES, f"{peak / 1e6:.0f} MB at most", must=False)


def _linear(small: Measurement, large: Measurement) -> Iterator[Verdict]:
    sizes = f"{large.sets:,} by {small.sets:,} sets"
    asked = per_set_ratio(small, large, requests)
    question = f"requests per set, {sizes}: equal within {SPREAD:.0%}"
    yield Verdict(question, abs(asked - 1) <= SPREAD, f"ratio {asked:.3f}")
    for what, figure in (("time", seconds), ("memory", memory)):
        ratio = per_set_ratio(small, large, figure)
        question = f"{what} per set, {sizes}: at most {LINEAR:g} times"
        yield Verdict(question, ratio <= LINEAR, f"ratio {ratio:.2f}", must=False)


def _told(what: dict[str, object] | dict[str, int] | dict[str, str]) -> str:
    return ", ".join(f"{name}: {found}" for name, found in what.items())

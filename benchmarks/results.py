"""What was measured: for each case and client the values of all rounds. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any, NamedTuple

from benchmarks.figures import ratios

Key = tuple[str, str]
"""Case (`Case.key`) and client."""


class Spread(NamedTuple):
    """Median, lowest and highest of the rounds."""

    median: float
    lowest: float
    highest: float


@dataclass
class Results:
    """All figures of a run, where it ran, and what did not run, with the reason.

    `series` are megabytes over seconds. Clients with a void are not in `rounds` of that case.
    """

    machine: dict[str, str] = field(default_factory=dict)
    rounds: dict[Key, dict[str, list[float]]] = field(default_factory=dict)
    series: dict[Key, list[tuple[float, float]]] = field(default_factory=dict)
    not_run: dict[str, str] = field(default_factory=dict)

    def add(self, case: str, client: str, figures: Mapping[str, float]) -> None:
        """Add a round."""
        found = self.rounds.setdefault((case, client), defaultdict(list))
        for name, value in figures.items():
            found[name].append(value)

    def leave_out(self, case: str, keys: Iterable[str], client: str, why: str) -> None:
        """Remove a client from a case: it has no valid run."""
        for key in keys:
            self.rounds.pop((key, client), None)
        self.not_run[f"{case}: {client}"] = why

    def clients(self, case: str) -> list[str]:
        """Return who took part, in the order of their turns."""
        return [client for key, client in self.rounds if key == case]

    def spread(self, case: str, client: str, figure: str) -> Spread | None:
        """Return median and range of the rounds, if there are any."""
        values = self._values(case, client, figure)
        return Spread(median(values), min(values), max(values)) if values else None

    def median(self, case: str, client: str, figure: str) -> float | None:
        """Return the median of the rounds, if there are any."""
        found = self.spread(case, client, figure)
        return None if found is None else found.median

    def ratio(self, case: str, client: str, other: str, figure: str) -> float | None:
        """Return the median of the ratios, each of one round, if there are any."""
        values = self._values(case, client, figure)
        others = self._values(case, other, figure)
        if not values or len(values) != len(others):
            return None
        return median(ratios(values, others))

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values, four digits each."""
        return {
            "machine": self.machine,
            "not run": self.not_run,
            "cases": [
                {
                    "case": case,
                    "client": client,
                    "figures": {name: _rounded(values) for name, values in figures.items()},
                    **(
                        {"series": [_rounded(p) for p in s]}
                        if (s := self.series.get((case, client)))
                        else {}
                    ),
                }
                for (case, client), figures in self.rounds.items()
            ],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Results":
        """Read what `as_json` wrote."""
        results = cls(machine=dict(document["machine"]), not_run=dict(document["not run"]))
        for entry in document["cases"]:
            key = entry["case"], entry["client"]
            results.rounds[key] = entry["figures"]
            if series := entry.get("series"):
                results.series[key] = [(seconds, value) for seconds, value in series]
        return results

    def _values(self, case: str, client: str, figure: str) -> list[float]:
        return self.rounds.get((case, client), {}).get(figure, [])


def _rounded(values: Iterable[float]) -> list[float]:
    return [float(f"{value:.4g}") for value in values]

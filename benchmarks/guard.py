"""`make bench-check`: whether the relay is still as fast, by comparison with others, as it was when recorded.

Only ratios within one run are compared, never times: they hold on any machine, roughly. Ends with 1 where the median of
the rounds is worse by more than a fifth.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.plan import GUARD_PLAN, Case, Part, reference
from benchmarks.results import Results
from benchmarks.runner import Options, run

RECORDED: Final = Path(__file__).parent / "recorded.json"
TOLERANCE: Final = 0.2


class Comparison(NamedTuple):
    """A ratio then and now; None where there is none."""

    what: str
    recorded: float | None
    found: float | None

    @property
    def holds(self) -> bool:
        """Whether it is not much worse, and was measured at all."""
        if self.recorded is None or self.found is None:
            return False
        return self.found >= self.recorded * (1 - TOLERANCE)


def compare(plan: Sequence[Case], recorded: Results, found: Results) -> Iterator[Comparison]:
    """Yield the ratio of each client of each case to the one it is compared with. Pure."""
    for case in plan:
        figure = "per_second" if case.part is Part.JETSTREAM else "per_cpu_second"
        for client in case.clients:
            other = reference(case, client)
            if client != other:
                ratios = [r.ratio(case.key(), client, other, figure) for r in (recorded, found)]
                yield Comparison(f"{case.title}: {client} by {other}", *ratios)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        prog="python -m benchmarks.guard",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--repeats", type=int, default=5, help="rounds (default: 5)")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of a turn (default: 1)")
    given = parser.parse_args()
    recorded = Results.from_json(json.loads(RECORDED.read_text()))
    found = Results()
    asyncio.run(run(GUARD_PLAN, Options(given.repeats, given.seconds), found))
    comparisons = list(compare(GUARD_PLAN, recorded, found))
    for comparison in comparisons:
        was, now = (_told(ratio) for ratio in comparison[1:])
        word = "ok" if comparison.holds else "WORSE"
        print(f"{word:<6} {comparison.what}: {now}, recorded {was}")
    return 0 if all(comparison.holds for comparison in comparisons) else 1


def _told(ratio: float | None) -> str:
    return "not measured" if ratio is None else f"{ratio:.2f}"


if __name__ == "__main__":
    sys.exit(main())

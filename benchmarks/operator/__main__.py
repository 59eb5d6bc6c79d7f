"""`make bench-operator`: the operator with many sets, against a real API server.

How long sets take to be as they should be, what that costs, and that nothing is written at rest. Each
size runs on an API server of its own. Ends with 1 where a count is not what it must be.
"""

import argparse
import asyncio
import json
import os
import platform
import signal
import sys
import tempfile
from pathlib import Path

from benchmarks.operator.measurement import Measurement
from benchmarks.operator.plane import Plane
from benchmarks.operator.process import VoidRunError
from benchmarks.operator.scenario import Options, measure
from benchmarks.operator.table import document, lines
from benchmarks.operator.verdict import verdicts
from tests.support.kube import MissingBinaryError


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.operator")
    parser.add_argument(
        "--sets",
        type=lambda text: [int(part) for part in text.split(",")],
        default=[250, 500, 1000],
        metavar="N,N,…",
        help="numbers of sets, one run each (default: 250,500,1000)",
    )
    parser.add_argument(
        "--report-interval",
        type=float,
        default=Options.report_interval,
        metavar="SECONDS",
        help="time between two reports of a relay (default: %(default)g)",
    )
    parser.add_argument(
        "--rest-intervals",
        type=float,
        default=Options.rest_intervals,
        metavar="N",
        help="how many of these the rest lasts, at least 2 (default: %(default)g)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there too")
    parser.add_argument(
        "--profile", type=Path, metavar="FOLDER", help="write the operator's cProfile there"
    )
    given = parser.parse_args()
    if min(given.sets) < 1 or given.report_interval < 2 or given.rest_intervals < 2:
        parser.error("at least 1 set, 2 s between reports, 2 intervals of rest")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # children are ended on the way out
    options = Options(given.report_interval, given.rest_intervals, given.profile)
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} CPUs")
    runs: list[Measurement] = []
    try:
        for sets in sorted(set(given.sets)):
            runs.append(_run(sets, options))
            found = verdicts(runs, options.rest_intervals)
            if given.json is not None:  # at once: the next size may take an hour
                given.json.write_text(json.dumps(document(runs, found), indent=1))
    except (VoidRunError, MissingBinaryError) as error:
        print(f"void: {error}", file=sys.stderr)
        return 1
    print("\n".join(lines(runs, found)))
    return 0 if all(verdict.holds or not verdict.must for verdict in found) else 1


def _run(sets: int, options: Options) -> Measurement:
    with tempfile.TemporaryDirectory(prefix="bench-operator-") as name:
        folder = Path(name)
        with Plane(folder / "plane") as plane:
            run = asyncio.run(measure(plane, sets, options, folder))
    converge = run.phases["converge"]
    print(
        f"{sets:>6,} sets settled in {converge.seconds:.1f} s, of which the operator worked "
        f"{converge.cpu_seconds:.1f} s of CPU; others had {converge.others:.0%} of the machine",
        file=sys.stderr,
    )
    return run


if __name__ == "__main__":
    sys.exit(main())

"""`make bench`: the relay as it ships against other clients, all in one run, in turns.

Only ratios within one run mean anything: machines differ, and a busy one changes from minute to minute. The whole
plan takes about half an hour, ten minutes of which are a look at memory; choose parts with --only. Nobody may drop a
message: a run in which one is lost is void.
"""

import argparse
import asyncio
import json
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

from benchmarks.clients import GO_CLIENTS, build_go
from benchmarks.document import replaced
from benchmarks.guard import RECORDED
from benchmarks.machine import Meter, describe
from benchmarks.pictures import pictures
from benchmarks.plan import PLAN, Case, Choice, Frame, Part, choose
from benchmarks.report import as_text, tables
from benchmarks.results import Results
from benchmarks.runner import Options, run

DOCUMENT: Final = Path(__file__).parents[1] / "docs" / "benchmarks.md"

_GO: Final = "the clients in Go"

T = TypeVar("T")


def main() -> int:
    given = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # children are ended on the way out
    options = Options(given.repeats, given.seconds, given.soak)
    results = Results()
    missing: frozenset[str] = frozenset()
    if why := build_go():
        print(f"NOT RUN: the clients in Go: {why}", file=sys.stderr)
        results.not_run[_GO] = why
        missing = GO_CLIENTS
    choice = Choice(
        frozenset(given.only), frozenset(given.frames), frozenset(given.streams), given.clients
    )
    plan = choose(PLAN, choice, missing)
    begun, meter = time.monotonic(), Meter()
    asyncio.run(run(plan, options, results))
    results.machine = describe(meter.others())
    print(f"\nDone in {(time.monotonic() - begun) / 60:.0f} minutes.\n", file=sys.stderr)
    for table in tables(results, plan):
        print(as_text(table))
    print("  ".join(f"{name}: {value}" for name, value in results.machine.items()))
    if given.record and results.not_run:
        print("NOT RECORDED: not everything was measured", file=sys.stderr)
        given.record = False
    _write(given, results, plan)
    return 1 if results.not_run.keys() - {_GO} else 0


def _write(given: argparse.Namespace, results: Results, plan: Sequence[Case]) -> None:
    document = json.dumps(results.as_json(), indent=1) + "\n"
    if given.json is not None:
        given.json.write_text(document)
    folders = [] if given.plots is None else [given.plots]
    if given.record:
        RECORDED.write_text(document)
        recorded = Results.from_json(json.loads(document))
        DOCUMENT.write_text(replaced(DOCUMENT.read_text(), recorded, PLAN))
        folders.append(DOCUMENT.with_suffix(""))
        results, plan = recorded, PLAN
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        for name, picture in pictures(results, plan):
            (folder / f"{name}.svg").write_text(picture)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        prog="python -m benchmarks",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_argument_group(
        "what to measure (everything, unless given); parts are joined by commas"
    )
    what.add_argument("--only", type=_list_of(Part), default=[], metavar=",".join(Part))
    what.add_argument("--frames", type=_list_of(Frame), default=[], metavar=",".join(Frame))
    what.add_argument("--streams", type=_list_of(int), default=[], metavar="3,200,1024")
    what.add_argument(
        "--clients",
        type=lambda text: tuple(text.split(",")),
        default=(),
        metavar="NAME,...",
        help="parts of names, beside the client that the others are compared with",
    )
    size = parser.add_argument_group("how much")
    size.add_argument(
        "--repeats", type=int, default=Options.repeats, help="rounds (default: %(default)s)"
    )
    size.add_argument(
        "--seconds",
        type=float,
        default=Options.seconds,
        help="about how long a turn of throughput works (default: %(default)g)",
    )
    size.add_argument(
        "--soak",
        type=float,
        default=Options.soak,
        metavar="SECONDS",
        help="length of the look at memory (default: %(default)g)",
    )
    out = parser.add_argument_group("where to, beside the tables")
    out.add_argument(
        "--json", type=Path, metavar="FILE", help="write the values of all rounds there"
    )
    out.add_argument("--plots", type=Path, metavar="FOLDER", help="write the pictures there")
    out.add_argument(
        "--record",
        action="store_true",
        help="keep the results as what bench-check compares with, and show them in docs/benchmarks.md",
    )
    given = parser.parse_args()
    if given.repeats < 1 or given.seconds <= 0 or given.soak < 1:
        parser.error("at least one round, and some time")
    if given.record and (given.only or given.frames or given.streams or given.clients):
        parser.error("only a whole run can be recorded")
    return given


def _list_of(kind: Callable[[str], T]) -> Callable[[str], list[T]]:
    def parse(text: str) -> list[T]:
        return [kind(part) for part in text.split(",")]

    parse.__name__ = "list"  # argparse names it when a value is wrong
    return parse


if __name__ == "__main__":
    sys.exit(main())

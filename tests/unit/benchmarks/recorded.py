"""Results of a whole run, made up: every client of every case, two rounds, plausible figures."""

from benchmarks.plan import PLAN, Part
from benchmarks.report import LAYOUTS
from benchmarks.results import Results


def everything() -> Results:
    results = Results(machine={"Python": "3.13.1"})
    for case in PLAN:
        figures = {column.figure for column in LAYOUTS[case.part].columns}
        for key in case.keys:
            for number, client in enumerate(case.clients, 1):
                for value in (100.0 * number, 110.0 * number):
                    results.add(key, client, dict.fromkeys(figures, value))
                if case.part is Part.MEMORY:
                    results.series[key, client] = [(0.0, 70.0), (300.0, 72.0), (600.0, 72.0)]
    return results

"""The figures as people and programs read them."""

import json

from benchmarks.operator.table import document, lines, rows
from benchmarks.operator.verdict import Verdict, verdicts
from tests.unit.benchmarks.operator.runs import run


def test_each_run_has_a_column() -> None:
    found = {row.label.strip(): row.cells for row in rows([run(10), run(1000)])}

    assert found["sets"] == ["10", "1,000"]
    assert found["ms per set"] == ["100.0", "100.0"]
    assert found["patch deployments"] == ["1.000", "1.000"]
    assert found["kB per set, at rest"] == ["100.0", "100.0"]


def test_what_must_hold_is_told_apart_from_a_bar() -> None:
    told = [
        Verdict("all there", holds=True, detail=""),
        Verdict("no writes", holds=False, detail="patch pods: 1"),
        Verdict("fast", holds=False, detail="130.0 s", must=False),
    ]

    assert list(lines([run(10)], told))[-3:] == [
        "yes: all there",
        "FAILED: no writes (patch pods: 1)",
        "over the bar: fast (130.0 s)",
    ]


def test_the_document_is_json_with_requests_by_name() -> None:
    runs = [run(10)]

    found = json.loads(json.dumps(document(runs, verdicts(runs, 2.2))))

    assert found["runs"][0]["phases"]["converge"]["own"] == {
        "patch binancestreamsets/status": 10,
        "patch deployments": 10,
    }
    assert all(verdict["holds"] for verdict in found["verdicts"])

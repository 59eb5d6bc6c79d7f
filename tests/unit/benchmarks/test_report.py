"""The results as people read them."""

from benchmarks.plan import GO_JSON, PICOWS, PLAN, STRAIGHTFORWARD, Case, Part
from benchmarks.report import as_markdown, as_text, tables
from benchmarks.results import Results
from tests.unit.benchmarks.recorded import everything

CASE = Case(Part.THROUGHPUT, (STRAIGHTFORWARD, PICOWS))


def two_rounds() -> Results:
    results = Results()
    for slow, fast in ((50_000, 400_000), (60_000, 450_000)):
        results.add(CASE.key(), STRAIGHTFORWARD, {"per_cpu_second": slow, "per_second": 40_000})
        results.add(CASE.key(), PICOWS, {"per_cpu_second": fast, "per_second": 300_000})
    return results


def test_a_row_has_median_range_and_ratio() -> None:
    throughput, *_ = tables(two_rounds(), [CASE])

    assert throughput.title == "Throughput"
    assert [list(row) for row in throughput.rows] == [
        ["trade, 3 streams", "", "", ""],
        ["– straightforward", "55,000 (50,000 to 60,000)", "40,000", "1.00"],
        ["– relay (picows)", "425,000 (400,000 to 450,000)", "300,000", "7.75"],
    ]


def test_every_part_of_a_whole_run_is_shown() -> None:
    titles = [table.title for table in tables(everything(), PLAN)]

    assert len(titles) == len(Part) + len(["Promises"])


def test_parts_that_were_not_measured_are_not_shown() -> None:
    titles = [table.title for table in tables(two_rounds(), [CASE])]

    assert titles == ["Throughput", "Promises"]


def test_what_did_not_run_is_told_with_the_reason() -> None:
    results = two_rounds()
    results.leave_out(CASE.title, CASE.keys, GO_JSON, "3 messages did not come\nmore")

    *_, last = tables(results, [CASE])

    assert [list(row) for row in last.rows] == [
        [f"throughput: trade, 3 streams: {GO_JSON}", "3 messages did not come more"]
    ]


def test_columns_of_text_are_aligned() -> None:
    for table in tables(everything(), PLAN):
        lines = as_text(table).splitlines()[1:]
        ends = {len(line) for line in lines if not line.endswith("streams")}
        if table.rows[0][1:] and all(row[-1] for row in table.rows):
            assert len(ends) == 1


def test_markdown_has_a_cell_for_each_column() -> None:
    for table in tables(everything(), PLAN):
        rows = [line for line in as_markdown(table).splitlines() if line.startswith("|")]
        assert {row.count("|") for row in rows} == {len(table.head) + 1}
        assert len(rows) == len(table.rows) + 2

"""The results as tables, for a terminal and for Markdown. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from benchmarks.bars import verdicts
from benchmarks.plan import Case, Part, reference
from benchmarks.results import Results


class Table(NamedTuple):
    """A table: the first column is text, the others are figures."""

    title: str
    note: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


class Column(NamedTuple):
    """A figure of the results as it is shown: the median, and perhaps what the rounds span."""

    head: str
    figure: str
    form: str
    spread: bool = False


class Layout(NamedTuple):
    """How the results of a part are shown. `ratio` is the figure that clients are compared by."""

    title: str
    note: str
    columns: Sequence[Column]
    ratio: str = ""


LAYOUTS: Final = {
    Part.THROUGHPUT: Layout(
        "Throughput",
        "Messages from socket to NATS, per second of the client's CPU and of the clock; the ratio is of "
        "CPU-seconds, to the straightforward client in the same round.",
        (
            Column("msg per CPU-s", "per_cpu_second", ",.0f", spread=True),
            Column("msg/s", "per_second", ",.0f"),
        ),
        "per_cpu_second",
    ),
    Part.TLS: Layout(
        "TLS",
        "The same over `wss`; the ratio is to the same transport without TLS.",
        (
            Column("msg per CPU-s", "per_cpu_second", ",.0f", spread=True),
            Column("msg/s", "per_second", ",.0f"),
        ),
        "per_cpu_second",
    ),
    Part.LATENCY: Layout(
        "Latency",
        "Milliseconds that the client adds: from the exchange's write to the read of a NATS subscriber, less the "
        "same percentile of the control, which goes to NATS at once. MB are resident memory at the end.",
        (
            Column("added p50", "added p50", ".3f", spread=True),
            Column("added p99", "added p99", ".2f", spread=True),
            Column("added p99.9", "added p99.9", ".2f", spread=True),
            Column("control p50", "control p50", ".3f"),
            Column("control p99", "control p99", ".2f"),
            Column("MB", "resident", ".0f"),
        ),
    ),
    Part.JETSTREAM: Layout(
        "Publishing into JetStream",
        "Messages with ids, acknowledged, file store, by the clock; the ratio is to nats-py.",
        (Column("msg/s", "per_second", ",.0f", spread=True),),
        "per_second",
    ),
    Part.BURST: Layout(
        "Burst",
        "From 2,000 to 20,000 msg/s for one second, buffer at its default of 5,000 messages. Delay is from the "
        "exchange to the NATS subscriber, during the burst, in milliseconds.",
        (
            Column("lost", "lost", ".0f", spread=True),
            Column("dropped", "dropped", ".0f", spread=True),
            Column("delay p99", "p99", ".1f", spread=True),
            Column("highest", "highest", ".1f", spread=True),
        ),
    ),
    Part.START: Layout(
        "Start",
        "Seconds from the start of the process to its first message at a NATS subscriber.",
        (Column("seconds", "seconds", ".2f", spread=True),),
    ),
    Part.MEMORY: Layout(
        "Memory",
        "Resident megabytes over a long run at 20,000 msg/s, trades, tickers and books; growth is from the second "
        "tenth of the run to the last; CPU is the share of one.",
        (
            Column("seconds", "seconds", ",.0f"),
            Column("highest", "resident", ".1f"),
            Column("growth", "growth", "+.1f"),
            Column("CPU", "cpu", ".0%"),
        ),
    ),
}


def tables(results: Results, plan: Sequence[Case]) -> Iterator[Table]:
    """Yield what was measured, part by part, and what that says of the promises."""
    for part, layout in LAYOUTS.items():
        cases = [case for case in plan if case.part is part]
        if rows := [row for case in cases for row in _rows(results, case, layout)]:
            head = ["", *(column.head for column in layout.columns)]
            yield Table(layout.title, layout.note, head + ["ratio"] * bool(layout.ratio), rows)
    yield _promises(results)
    if results.not_run:
        rows = [[what, _brief(why)] for what, why in results.not_run.items()]
        yield Table("Not run", "These are missing above.", ["", "why"], rows)


def as_text(table: Table) -> str:
    """Return a table for a terminal."""
    widths = [max(map(len, column)) for column in zip(table.head, *table.rows, strict=True)]
    lines = [table.title.upper()]
    for row in (table.head, *table.rows):
        first, *others = zip(row, widths, strict=True)
        cells = [f"{first[0]:<{first[1]}}", *(f"{cell:>{width}}" for cell, width in others)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"


def as_markdown(table: Table) -> str:
    """Return a table for a document."""
    rule = ["---", *("---:" for _ in table.head[1:])]
    lines = [f"| {' | '.join(row)} |" for row in (table.head, rule, *table.rows)]
    return f"### {table.title}\n\n{table.note}\n\n" + "\n".join(lines) + "\n"


def _rows(results: Results, case: Case, layout: Layout) -> Iterator[list[str]]:
    """A row for each client, below one that names the case."""
    for key in case.keys:
        clients = results.clients(key)
        if clients:
            yield [_title(case, key), *("" for _ in layout.columns), *[""] * bool(layout.ratio)]
        for client in clients:
            row = [
                f"– {client}",
                *(_cell(results, key, client, column) for column in layout.columns),
            ]
            if layout.ratio:
                other = reference(case, client)
                row.append(_told(results.ratio(key, client, other, layout.ratio), ".2f"))
            yield row


def _title(case: Case, key: str) -> str:
    """What the case is, less its part; of what is paced, its rate."""
    title = case.title.partition(": ")[2]
    if case.part is Part.LATENCY:
        return f"{title}, {int(key.rpartition('/')[2]):,} msg/s"
    return title


def _cell(results: Results, key: str, client: str, column: Column) -> str:
    found = results.spread(key, client, column.figure)
    if found is None:
        return "-"
    middle, lowest, highest = (_told(value, column.form) for value in found)
    return f"{middle} ({lowest} to {highest})" if column.spread else middle


def _told(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _brief(why: str) -> str:
    """A reason in one line, without what would end a cell."""
    return " ".join(why.replace("|", "/").split())[:160]


def _promises(results: Results) -> Table:
    rows = []
    for verdict in verdicts(results):
        bar = verdict.bar
        bound = f"{'≥' if bar.least else '≤'} {bar.bound:g} {bar.unit}".rstrip()
        rows.append([bar.promise, bound, _told(verdict.found, ".3g"), verdict.word])
    note = "Medians of the rounds, but for bursts and memory, where the worst counts."
    return Table("Promises", note, ["", "promised", "found", "kept"], rows)

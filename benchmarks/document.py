"""The part of `docs/benchmarks.md` that is made of the recorded results. Pure."""

from collections.abc import Sequence
from typing import Final

from benchmarks.pictures import pictures
from benchmarks.plan import Case
from benchmarks.report import as_markdown, tables
from benchmarks.results import Results

BEGIN: Final = "<!-- made by `make bench ARGS=--record`: begin -->"
END: Final = "<!-- end -->"


def replaced(document: str, results: Results, plan: Sequence[Case]) -> str:
    """Return the document with these results between its two marks."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the document has no {BEGIN} and {END}")
    return f"{before}{begin}\n\n{section(results, plan)}\n{end}{after}"


def section(results: Results, plan: Sequence[Case]) -> str:
    """Return machine, tables and pictures as Markdown."""
    machine = "\n".join(f"| {name} | {value} |" for name, value in results.machine.items())
    drawn = {name for name, _ in pictures(results, plan)}
    parts = [f"### Machine\n\n| | |\n|---|---|\n{machine}\n"]
    for table in tables(results, plan):
        parts.append(as_markdown(table))
        names = [name for name in _PICTURES.get(table.title, ()) if name in drawn]
        parts += [f"![{table.title}](benchmarks/{name}.svg)\n" for name in names]
    return "\n".join(parts)


_PICTURES: Final = {
    "Throughput": ["throughput"],
    "Latency": ["latency-p50", "latency-p99"],
    "Publishing into JetStream": ["jetstream"],
    "Memory": ["memory"],
}

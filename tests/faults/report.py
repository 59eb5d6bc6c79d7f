"""One line per row of the fault matrix, and the table of all of them."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

HEAD = (
    *("row", "fault", "N", "load msg/s", "received", "acked", "duplicate", "dropped"),
    *("missing", "lost", "doubled", "reordered", "recovery p50/p95 s", "RSS MiB"),
)


@dataclass(frozen=True)
class Line:
    """What became of one row.

    `missing` are events that the relay itself said it never received, `lost` those that nobody spoke of.
    `load` is what flowed while nothing was wrong, `rss` the most memory seen, in MiB.
    """

    row: str
    fault: str
    injections: int
    seed: int
    load: float
    received: int
    acked: int
    duplicate: int
    dropped: dict[str, int]
    missing: int
    lost: int
    doubled: int
    reordered: int
    rss: float
    recoveries: tuple[float, ...] = field(default=())

    def __add__(self, other: "Line") -> "Line":
        """Two runs of one row."""
        return replace(
            self,
            injections=self.injections + other.injections,
            load=min(self.load, other.load),
            received=self.received + other.received,
            acked=self.acked + other.acked,
            duplicate=self.duplicate + other.duplicate,
            dropped=dict(Counter(self.dropped) + Counter(other.dropped)),
            missing=self.missing + other.missing,
            lost=self.lost + other.lost,
            doubled=self.doubled + other.doubled,
            reordered=self.reordered + other.reordered,
            rss=max(self.rss, other.rss),
            recoveries=self.recoveries + other.recoveries,
        )

    def cells(self) -> tuple[str, ...]:
        """As a row of the table."""
        dropped = ", ".join(f"{reason} {count:,}" for reason, count in sorted(self.dropped.items()))
        p50, p95 = percentile(self.recoveries, 0.5), percentile(self.recoveries, 0.95)
        return (
            self.row,
            self.fault,
            f"{self.injections}",
            f"{self.load:,.0f}",
            f"{self.received:,}",
            f"{self.acked:,}",
            f"{self.duplicate:,}",
            dropped or "0",
            f"{self.missing:,}",
            f"{self.lost:,}",
            f"{self.doubled:,}",
            f"{self.reordered:,}",
            f"{p50:.2f} / {p95:.2f}" if self.recoveries else "-",
            f"{self.rss:.0f}",
        )

    def __str__(self) -> str:
        words = zip(HEAD[2:], self.cells()[2:], strict=True)
        told = "; ".join(f"{name} {value}" for name, value in words)
        return f"row {self.row}, {self.fault}: {told}; seed {self.seed}"


def percentile(values: Sequence[float], share: float) -> float:
    """The least value that so large a share of all does not exceed; nan of none."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def markdown(lines: Sequence[Line], floor: float, origin: str = "") -> str:
    """All rows as a table, in their order, with the sum of it and what it takes to see the same again."""
    ordered = sorted(lines, key=_place)
    rows = [HEAD, tuple("---" for _ in HEAD), *(line.cells() for line in ordered)]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
    return f"{_sum(lines, floor)}\n{origin}\n\n{table}\n"


def _sum(lines: Sequence[Line], floor: float) -> str:
    recoveries = [seconds for line in lines for seconds in line.recoveries]
    seeds = ", ".join(str(seed) for seed in sorted({line.seed for line in lines}))
    return (
        f"{len(lines)} rows, {sum(line.injections for line in lines):,} injections, seed {seeds};"
        f" at least {min(line.load for line in lines):,.0f} msg/s flowed (floor {floor:,.0f});"
        f" received {sum(line.received for line in lines):,},"
        f" acked {sum(line.acked for line in lines):,},"
        f" duplicate {sum(line.duplicate for line in lines):,},"
        f" dropped {sum(sum(line.dropped.values()) for line in lines):,},"
        f" lost {sum(line.lost for line in lines):,},"
        f" doubled {sum(line.doubled for line in lines):,};"
        f" recovery p50 {percentile(recoveries, 0.5):.2f} s, p95 {percentile(recoveries, 0.95):.2f} s;"
        f" RSS at most {max(line.rss for line in lines):.0f} MiB."
    )


def _place(line: Line) -> tuple[float, str]:
    number = line.row.partition(",")[0]
    return (int(number) if number.isdecimal() else math.inf), line.row

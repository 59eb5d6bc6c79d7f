"""What is made of measured values. Pure."""

import math
from collections.abc import Sequence
from statistics import median


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return the least value that so many percent of the values do not exceed (nearest rank)."""
    if not ordered:
        raise ValueError("no values")
    rank = math.ceil(round(percent * len(ordered) / 100, 6))  # 99.9 % of 1,000 is 999 and no more
    return ordered[max(rank, 1) - 1]


def ratios(values: Sequence[float], references: Sequence[float]) -> list[float]:
    """Return value by reference, round by round."""
    return [value / other for value, other in zip(values, references, strict=True)]


def growth(values: Sequence[float]) -> float:
    """Return by how much values grew from the second tenth of them to the last, as medians."""
    tenth = max(1, len(values) // 10)
    return median(values[-tenth:]) - median(values[tenth : 2 * tenth] or values[:1])

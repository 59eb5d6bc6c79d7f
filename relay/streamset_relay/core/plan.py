"""Streams → connections. Stable: a change of the list touches as few connections as it can."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple


class Planned(NamedTuple):
    """One connection: its number for life, the route of the exchange it dials, and its streams."""

    number: int
    route: str
    streams: tuple[str, ...]


def plan(
    wanted: Iterable[str],
    current: Sequence[Planned],
    route_of: Callable[[str], str],
    limit: int,
) -> list[Planned]:
    """Place `wanted` on connections of at most `limit` streams each, one route each.

    Streams stay where they are. New ones go to connections that have room: first those that lose streams and are
    touched anyway, then those with the most room, and only then to connections that are opened for them. A
    connection that loses its last stream is gone.
    """
    names = dict.fromkeys(wanted)
    kept = [
        planned._replace(streams=tuple(name for name in planned.streams if name in names))
        for planned in current
    ]
    placed = {name for planned in kept for name in planned.streams}
    new: dict[str, list[str]] = {}
    for name in names:
        if name not in placed:
            new.setdefault(route_of(name), []).append(name)

    numbers = iter(range(max((planned.number for planned in current), default=0) + 1, 1 << 62))
    for route, streams in new.items():
        roomy = sorted(
            (at for at, planned in enumerate(kept) if planned.route == route),
            key=lambda at: (kept[at] == current[at], len(kept[at].streams)),
        )
        for at in roomy:
            planned = kept[at]
            room = max(limit - len(planned.streams), 0)
            kept[at] = planned._replace(streams=planned.streams + tuple(streams[:room]))
            del streams[:room]
        kept += (
            Planned(next(numbers), route, tuple(streams[start : start + limit]))
            for start in range(0, len(streams), limit)
        )
    return [planned for planned in kept if planned.streams]

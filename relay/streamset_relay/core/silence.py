"""Which streams of a connection are silent, which only quiet, and whether the connection itself is dead.

A channel that ticks by the clock has a deadline and can be *silent*, which is a fault. One that is driven by
events can be *quiet*: nobody traded. A connection on which neither frames nor pings come is dead; so is one
that is acknowledged and pinged while nothing flows: no stream delivers, and at least one is overdue that did
deliver before (or none ever did, so that a single misspelt name cannot condemn a quiet connection for ever).
"""

from collections.abc import Mapping
from typing import Final, NamedTuple


class Observation(NamedTuple):
    """What is true now. `fell_silent` and `resumed` are the changes since the last look."""

    active: frozenset[str]
    silent: frozenset[str]
    quiet: frozenset[str]
    fell_silent: frozenset[str]
    resumed: frozenset[str]
    stalled: str | None


NOTHING_SEEN: Final = Observation(
    frozenset(), frozenset(), frozenset(), frozenset(), frozenset(), None
)


class _Watch:
    __slots__ = ("active", "count", "deadline", "since")

    def __init__(self, count: int, now: float, deadline: float | None) -> None:
        self.count = count
        self.since = now
        self.deadline = deadline
        self.active = False


class Silence:
    """Watches the event counts of one connection's streams; looks, say, once a second.

    A clock-driven stream is silent after `factor` of its periods, and not before `floor` seconds.
    """

    def __init__(self, floor: float, factor: float, link_timeout: float) -> None:
        self._floor = floor
        self._factor = factor
        self._link_timeout = link_timeout
        self._streams: dict[str, _Watch] = {}
        self._silent: frozenset[str] = frozenset()
        self._heard = 0
        self._heard_at = 0.0

    def start(self, now: float) -> None:
        """A new connection: every deadline starts now."""
        self._streams.clear()
        self._silent = frozenset()
        self._heard = 0
        self._heard_at = now

    def watch(
        self, periods: Mapping[str, float | None], counts: Mapping[str, int], now: float
    ) -> None:
        """Watch exactly these streams: name → seconds between two events, None where events drive it."""
        for name in self._streams.keys() - periods.keys():
            del self._streams[name]
        self._silent = self._silent.intersection(periods)
        for name, period in periods.items():
            if name not in self._streams:
                deadline = None if period is None else max(self._factor * period, self._floor)
                self._streams[name] = _Watch(counts.get(name, 0), now, deadline)

    def recount(self, counts: Mapping[str, int]) -> None:
        """Go on from these counts: they come from elsewhere, and their difference is no event."""
        for name, watch in self._streams.items():
            watch.count = counts.get(name, 0)

    def look(self, counts: Mapping[str, int], heard: int, now: float) -> Observation:
        """Compare with the counts of the last look. `heard` counts frames of any kind on the connection."""
        if heard != self._heard:
            self._heard, self._heard_at = heard, now
        silent: set[str] = set()
        quiet: set[str] = set()
        for name, watch in self._streams.items():
            if counts.get(name, 0) != watch.count:
                watch.count, watch.since, watch.active = counts.get(name, 0), now, True
            elif watch.deadline is not None and now - watch.since > watch.deadline:
                silent.add(name)
            elif watch.deadline is None and now - watch.since > self._floor:
                quiet.add(name)
        before, self._silent = self._silent, frozenset(silent)
        return Observation(
            active=frozenset(name for name, watch in self._streams.items() if watch.active),
            silent=self._silent,
            quiet=frozenset(quiet),
            fell_silent=self._silent - before,
            resumed=before - self._silent,
            stalled=self._stalled(silent, quiet, now),
        )

    def _stalled(self, silent: set[str], quiet: set[str], now: float) -> str | None:
        if now - self._heard_at > self._link_timeout:
            return "neither frame nor ping"
        if silent and len(silent) + len(quiet) == len(self._streams):
            active = {name for name, watch in self._streams.items() if watch.active}
            if not active or active & silent:
                return "no data"
        return None

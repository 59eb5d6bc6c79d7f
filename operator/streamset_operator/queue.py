"""The queue of sets to look at: each at most once in it, and never twice at the same time.

Pure: time comes in, and so does randomness. A key that comes while it is worked on is worked on
once more afterwards. A key that failed waits, longer with each failure, and an event does not cut
the wait short unless it is urgent: what fails is not tried again just because a relay reported.
"""

import heapq
from collections.abc import Hashable
from dataclasses import dataclass
from random import Random
from typing import Generic, TypeVar

JITTER = 0.25
"""A wait is up to this part longer than it has to be, so that retries spread."""

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Backoff:
    """Waits between retries, in seconds: `initial`, doubled with each failure, at most `longest`."""

    initial: float
    longest: float

    def delay(self, failures: int, rng: Random) -> float:
        """Return the wait after so many failures in a row."""
        wait = min(self.initial * 2.0 ** min(failures - 1, 60), self.longest)
        return wait * (1 + JITTER * rng.random())


class Queue(Generic[K]):
    """Keys with the time at which each is due. Times are of any one clock that only grows."""

    def __init__(self, backoff: Backoff, rng: Random) -> None:
        self._backoff = backoff
        self._rng = rng
        self._due: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._pushed = 0
        self._running: dict[K, tuple[float | None, float | None]] = {}
        self._failures: dict[K, int] = {}

    def add(self, key: K, due: float, *, urgent: bool = True) -> None:
        """Have the key worked on at `due`, or earlier where that was said before."""
        if key in self._running:
            again, at_once = self._running[key]
            self._running[key] = (
                due if again is None else min(again, due),
                due if urgent and at_once is None else at_once,
            )
        elif key not in self._due or (
            due < self._due[key] and (urgent or key not in self._failures)
        ):
            self._schedule(key, due)

    def take(self, now: float) -> K | None:
        """Return the key that has been due longest; it runs until `done` or `failed`."""
        self._drop_outdated()
        if not self._heap or self._heap[0][0] > now:
            return None
        _, _, key = heapq.heappop(self._heap)
        del self._due[key]
        self._running[key] = (None, None)
        return key

    def done(self, key: K) -> None:
        """The work on the key succeeded."""
        self._failures.pop(key, None)
        again, _ = self._running.pop(key)
        if again is not None:
            self._schedule(key, again)

    def failed(self, key: K, now: float, at_least: float = 0.0) -> float:
        """The work on the key failed: it comes again. Returns the wait in seconds.

        What came meanwhile waits as well, unless it was urgent: it may be what mends the failure.
        """
        _, at_once = self._running.pop(key)
        self._failures[key] = self._failures.get(key, 0) + 1
        wait = max(self._backoff.delay(self._failures[key], self._rng), at_least)
        if at_once is not None:
            wait = max(min(wait, at_once - now), at_least)
        self._schedule(key, now + wait)
        return wait

    def next_due(self) -> float | None:
        """Return when the next key is due."""
        self._drop_outdated()
        return self._heap[0][0] if self._heap else None

    def failures(self, key: K) -> int:
        """Return how often in a row the work on the key has failed."""
        return self._failures.get(key, 0)

    def depth(self, now: float) -> int:
        """Return how many keys are due and not worked on."""
        return sum(due <= now for due in list(self._due.values()))

    @property
    def running(self) -> int:
        """How many keys are worked on."""
        return len(self._running)

    def _schedule(self, key: K, due: float) -> None:
        self._due[key] = due
        self._pushed += 1
        heapq.heappush(self._heap, (due, self._pushed, key))

    def _drop_outdated(self) -> None:
        """Drop entries of the heap whose key has been taken, or has another time now."""
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)

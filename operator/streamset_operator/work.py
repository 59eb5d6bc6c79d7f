"""The work loop: a few workers that take sets from the queue, and their heartbeat.

The queue decides what is next; here are only the clock, the tasks and the waiting. A reconcile that
takes too long is cancelled, and one that fails in an unexpected way is logged and tried again like
any other: one broken set does not stop the others.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from random import Random

from streamset_operator import errors
from streamset_operator.kinds import Key
from streamset_operator.metrics import Metrics
from streamset_operator.queue import Backoff, Queue
from streamset_operator.settings import Settings

log = logging.getLogger(__name__)

BEAT = 5.0
"""A worker with nothing to do wakes up this often, in seconds, to show that it would."""

REQUESTS = 10
"""A reconcile may take as long as this many requests at their time-out."""

GRACE = 30.0
"""Seconds after which a worker that should have shown itself is taken for dead."""

Reconcile = Callable[[Key], Awaitable[float | None]]


class WorkLoop:
    """Calls `reconcile` for every key that was added, from `settings.workers` tasks."""

    def __init__(self, reconcile: Reconcile, settings: Settings, metrics: Metrics) -> None:
        self._reconcile = reconcile
        self._workers = settings.workers
        self._limit = REQUESTS * settings.request_timeout
        self._metrics = metrics
        backoff = Backoff(settings.retry_initial_delay, settings.retry_max_delay)
        self._queue: Queue[Key] = Queue(backoff, Random())  # noqa: S311 - jitter is no secret
        self._wake = asyncio.Event()
        self._clock = asyncio.get_running_loop().time
        self._beats: dict[int, float] = {}

    def add(self, key: Key, *, urgent: bool = True) -> None:
        """Have the set looked at now. What is not urgent does not cut short the wait of a retry."""
        self._queue.add(key, self._clock(), urgent=urgent)
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(self._workers):
                tasks.create_task(self._work(number), name=f"worker {number}")

    @property
    def alive(self) -> bool:
        """Whether every worker has shown itself lately. True before `run`."""
        overdue = self._limit + GRACE
        return all(self._clock() - beat < overdue for beat in self._beats.values())

    def depth(self) -> int:
        """Return how many sets wait."""
        return self._queue.depth(self._clock())

    async def _work(self, number: int) -> None:
        while True:
            self._beats[number] = self._clock()
            key = self._queue.take(self._clock())
            if key is None:
                await self._wait()
            else:
                await self._do(key)
                # Thousands of sets that need nothing must not keep probes and signals waiting.
                await asyncio.sleep(0)

    async def _wait(self) -> None:
        """Wait until something is due. Nothing is missed: `take` and this run without a pause."""
        self._wake.clear()
        now = self._clock()
        due = self._queue.next_due()
        try:
            async with asyncio.timeout_at(now + BEAT if due is None else min(due, now + BEAT)):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _do(self, key: Key) -> None:
        started = self._clock()
        try:
            async with asyncio.timeout(self._limit):
                again = await self._reconcile(key)
        except errors.Unavailable as error:
            self._failed(key, error, error.retry_after or 0.0)
        except (errors.OperatorError, TimeoutError) as error:
            self._failed(key, error)
        except Exception as error:
            log.exception("A bug: the set is tried again", extra=_fields(key))
            self._failed(key, error)
        else:
            self._queue.done(key)
            if again is not None:
                self._queue.add(key, self._clock() + again, urgent=False)
            self._metrics.reconciles.labels(result="success").inc()
        self._metrics.duration.observe(self._clock() - started)

    def _failed(self, key: Key, error: Exception, at_least: float = 0.0) -> None:
        wait = self._queue.failed(key, self._clock(), at_least)
        fields = {"error": str(error) or type(error).__name__, "retry_in": round(wait, 1)}
        log.warning("The set is not as it should be", extra=_fields(key) | fields)
        self._metrics.reconciles.labels(result="failure").inc()
        self._metrics.errors.labels(error=type(error).__name__).inc()


def _fields(key: Key) -> dict[str, object]:
    return {"namespace": key[0], "set": key[1]}

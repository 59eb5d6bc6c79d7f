import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from streamset_operator import errors, work
from streamset_operator.kinds import Key
from streamset_operator.metrics import Metrics
from streamset_operator.settings import Settings
from streamset_operator.work import Reconcile, WorkLoop

A, B = ("data", "a"), ("data", "b")
SETTINGS = Settings(
    version="1", retry_initial_delay=0.01, retry_max_delay=0.02, workers=3, request_timeout=30.0
)


@contextlib.asynccontextmanager
async def working(reconcile: Reconcile, settings: Settings = SETTINGS) -> AsyncIterator[WorkLoop]:
    loop = WorkLoop(reconcile, settings, Metrics())
    task = asyncio.create_task(loop.run())
    try:
        yield loop
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_what_is_added_is_worked_on() -> None:
    done = asyncio.Event()

    async def reconcile(key: Key) -> None:
        assert key == A
        done.set()

    async with working(reconcile) as loop:
        loop.add(A)
        await asyncio.wait_for(done.wait(), 10)
        assert loop.depth() == 0


async def test_sets_that_need_nothing_leave_turns_to_others() -> None:
    """Probes and signals are not kept waiting until thousands of sets were looked at."""
    seen: list[str] = []

    async def reconcile(key: Key) -> None:
        seen.append("set")

    async with working(reconcile, replace(SETTINGS, workers=1)) as loop:
        for number in range(100):
            loop.add(("data", str(number)))
        while seen.count("set") < 100:
            seen.append("other")
            await asyncio.sleep(0)

    assert seen.count("other") >= 50


async def test_a_set_is_never_worked_on_twice_at_a_time() -> None:
    running: Counter[Key] = Counter()
    passes: Counter[Key] = Counter()
    finished = asyncio.Event()

    async def reconcile(key: Key) -> None:
        running[key] += 1
        assert running[key] == 1
        await asyncio.sleep(0.005)
        running[key] -= 1
        passes[key] += 1
        if min(passes[A], passes[B]) >= 5:
            finished.set()

    async with working(reconcile) as loop:
        while not finished.is_set():
            loop.add(A)
            loop.add(B)
            await asyncio.sleep(0.001)


async def test_a_failure_is_tried_again_and_others_go_on() -> None:
    tries = 0
    good, bad = asyncio.Event(), asyncio.Event()

    async def reconcile(key: Key) -> None:
        nonlocal tries
        if key == B:
            good.set()
            return
        tries += 1
        if tries == 1:
            raise RuntimeError("a bug")
        if tries == 2:
            raise errors.NameConflict("ConfigMap", "a-0")
        bad.set()

    async with working(reconcile) as loop:
        loop.add(A)
        loop.add(B)
        await asyncio.wait_for(asyncio.gather(good.wait(), bad.wait()), 10)


async def test_a_set_that_asks_for_it_is_looked_at_again() -> None:
    passes = 0
    again = asyncio.Event()

    async def reconcile(_: Key) -> float | None:
        nonlocal passes
        passes += 1
        if passes == 3:
            again.set()
            return None
        return 0.01

    async with working(reconcile) as loop:
        loop.add(A)
        await asyncio.wait_for(again.wait(), 10)


async def test_work_that_takes_too_long_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    cancelled = asyncio.Event()
    monkeypatch.setattr(work, "REQUESTS", 1)

    async def reconcile(_: Key) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with working(reconcile, replace(SETTINGS, request_timeout=0.01)) as loop:
        loop.add(A)
        await asyncio.wait_for(cancelled.wait(), 10)


async def test_workers_that_hang_are_no_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "GRACE", 0.5)
    monkeypatch.setattr(work, "BEAT", 0.01)
    monkeypatch.setattr(work, "REQUESTS", 0)
    hung = asyncio.Event()

    async def reconcile(_: Key) -> None:
        while True:  # swallows its cancellation, as a bug would
            with contextlib.suppress(asyncio.CancelledError):
                await hung.wait()
                return

    async with working(reconcile) as loop:
        await asyncio.sleep(0.7)
        assert loop.alive, "idle workers show themselves"
        loop.add(A)
        await asyncio.wait_for(_dead(loop), 10)
        hung.set()


async def _dead(loop: WorkLoop) -> None:
    while loop.alive:
        await asyncio.sleep(0.01)

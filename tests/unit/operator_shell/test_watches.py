"""How kopf's tasks are ended. kopf itself, against a real API server: tests/integration/operator/test_faults.py."""

import asyncio
import logging
from typing import NamedTuple

import pytest
from kopf._cogs.structs.references import Insights

from streamset_operator import errors, kinds, watches
from streamset_operator.kinds import CONFIG_MAPS, POD_MONITORS, SETS, Kind


class SimpleKind(NamedTuple):
    """What is asked of kopf's `Resource`."""

    group: str
    version: str
    plural: str


async def stubborn(swallows: int, cancelled: list[int]) -> None:
    """A watch between two requests: it takes a cancellation for something else, and goes on."""
    while len(cancelled) < swallows:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancelled.append(1)
    await asyncio.sleep(3600)


async def fails(error: Exception) -> None:
    await asyncio.sleep(0)
    raise error


async def test_a_task_that_swallows_cancellations_is_ended_with_the_others() -> None:
    cancelled: list[int] = []
    bystander = asyncio.create_task(asyncio.sleep(3600))
    existing = asyncio.all_tasks()
    root = asyncio.create_task(fails(errors.NotFound("watch", "gone")))
    watch = asyncio.create_task(stubborn(2, cancelled))

    with pytest.raises(errors.NotFound):
        await watches.run([root], existing)

    assert len(cancelled) == 2
    assert watch.done()
    assert not bystander.done()
    bystander.cancel()


async def test_one_that_swallows_them_all_is_told_and_left_behind(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watches, "ROUNDS", 2)
    monkeypatch.setattr(watches, "GRACE", 0.01)
    cancelled: list[int] = []
    existing = asyncio.all_tasks()
    root = asyncio.create_task(fails(errors.NotFound("watch", "gone")))
    watch = asyncio.create_task(stubborn(4, cancelled), name="watcher for pods")

    with caplog.at_level(logging.WARNING), pytest.raises(errors.NotFound):
        await watches.run([root], existing)

    assert caplog.messages == ["Some watches do not end"]
    assert vars(caplog.records[0])["tasks"] == ["watcher for pods"]
    for _ in range(2):
        watch.cancel()
        await asyncio.wait([watch], timeout=0.01)
    assert watch.cancelled()


async def test_watches_end_before_what_they_have_started() -> None:
    ended: list[str] = []

    async def waits(name: str) -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0)
            ended.append(name)

    existing = asyncio.all_tasks()
    root = asyncio.create_task(fails(errors.NotFound("watch", "gone")))
    for name in ("pause", "watcher for pods", "worker"):
        asyncio.create_task(waits(name), name=name)  # noqa: RUF006

    with pytest.raises(errors.NotFound):
        await watches.run([root], existing)

    assert len(ended) == 3
    assert ended[0] == "watcher for pods"


async def test_a_cancellation_ends_all_of_them() -> None:
    existing = {*asyncio.all_tasks()}
    root = asyncio.create_task(asyncio.sleep(3600))
    running = asyncio.create_task(watches.run([root], existing))
    existing.add(running)
    await asyncio.sleep(0)

    running.cancel()
    await asyncio.wait([running])

    assert running.cancelled()
    assert root.cancelled()


@pytest.mark.parametrize(
    ("served", "lacks"),
    [
        ((SETS, CONFIG_MAPS, POD_MONITORS), False),
        ((SETS, CONFIG_MAPS), False),
        ((CONFIG_MAPS,), True),
    ],
)
async def test_kopf_has_to_have_found_every_kind_but_pod_monitors(
    served: tuple[Kind, ...], lacks: bool
) -> None:
    insights = Insights()
    wanted = (SETS, CONFIG_MAPS, POD_MONITORS)
    expecting = asyncio.create_task(watches.expect(insights, wanted))
    await asyncio.wait([expecting], timeout=0.01)
    assert not expecting.done(), "nothing is known yet"

    found = {SimpleKind(kind.group, kind.version, kind.plural) for kind in served}
    insights.watched_resources.update(found)  # type: ignore[arg-type]
    insights.ready_resources.set()
    await asyncio.wait([expecting], timeout=0.05)

    assert expecting.done() == lacks
    if lacks:
        with pytest.raises(errors.NotFound, match=kinds.SETS.resource):
            expecting.result()
    expecting.cancel()

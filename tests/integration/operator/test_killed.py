"""The operator dies right after a write, any write, and the next one makes everything right."""

import asyncio
from asyncio.subprocess import Process
from typing import Any

import pytest

from streamset_api.resource import KIND
from streamset_operator import failpoints
from streamset_operator.failpoints import Failpoint
from tests.integration.operator.world import STRATEGIC, World, eventually

CAP = 2
ALL: dict[str, Any] = {
    "networkPolicy": {"enabled": True},
    "monitoring": {"podMonitor": {"enabled": True}},
}
EMPTIED: dict[str, Any] = {"spec": {"template": {"spec": {"volumes": [
    {"name": "config", "configMap": None, "emptyDir": {}}]}}}}  # fmt: skip
"""A change by hand that makes every apply invalid: a volume has one source."""

KINDS = ("ConfigMap", "Deployment")


def symbols(count: int) -> list[str]:
    return [f"s{number}usdt" for number in range(count)]


@pytest.mark.parametrize("failpoint", [*Failpoint, "apply-configmap:2", "apply-deployment:3"])
async def test_killed_after(world: World, failpoint: str) -> None:
    process = await world.spawn(**{failpoints.VARIABLE: failpoint})
    try:
        await _live(world, process)
    finally:
        if process.returncode is None:
            process.kill()
        assert await process.wait() == failpoints.EXIT_CODE, "it never made this write"

    async with world.operator():
        await world.apply_set(symbols=symbols(3), maxStreamsPerRelay=CAP, **ALL)
        await world.settles()
        await world.stream_all()
        streams = await world.streams()
        await eventually(lambda: _tidy(world, set(streams)))

    assert sorted(name for names in streams.values() for name in names) == [
        f"{symbol}@trade" for symbol in symbols(3)
    ]
    assert all(len(names) <= CAP for names in streams.values())


async def _live(world: World, process: Process) -> None:
    """A life in which the operator makes every kind of write; it ends with the process."""
    counts = [5, 1, 2, 4]
    for turn in range(200):
        if process.returncode is not None:
            return
        if turn % 10 == 0:
            count = counts[turn // 10 % len(counts)]
            await world.apply_set(symbols=symbols(count), maxStreamsPerRelay=CAP, **ALL)
        if turn % 10 == 5 and await world.get("Deployment", "majors-0"):
            await world.admin.patch(world.ref("Deployment", "majors-0"), EMPTIED, STRATEGIC)
        if await world.get(KIND, "majors"):
            await world.settle()
            for relay in await world.names("ConfigMap"):
                if turn % 10 > 3 and await world.get("Pod", f"{relay}-pod"):
                    await world.report(relay)
        await asyncio.sleep(0.2)


async def _tidy(world: World, relays: set[str]) -> bool:
    """Tell whether there is nothing but what the set's relays need."""
    entries = {entry["name"] for entry in (await world.set())["status"]["relays"]}
    return entries == relays and all([set(await world.names(kind)) == relays for kind in KINDS])

"""Streams across the borders of relays: each on one relay, the cap kept, moves without a hole."""

from dataclasses import replace
from functools import partial

from tests.integration.operator.world import World, document, eventually

CAP = 3


def symbols(count: int) -> list[str]:
    return [f"s{number:02}usdt" for number in range(count)]


async def listed(world: World) -> list[str]:
    return sorted(name for streams in (await world.streams()).values() for name in streams)


async def holds(world: World, count: int) -> bool:
    """Tell whether each of so many streams is on exactly one relay, and no relay has too many."""
    streams = await world.streams()
    wanted = [f"{symbol}@trade" for symbol in symbols(count)]
    return await listed(world) == wanted and all(len(s) <= CAP for s in streams.values())


async def test_up_and_down_across_borders(world: World) -> None:
    async with world.operator():
        for count in (2, 3, 4, 7, 6, 3, 1):
            await world.apply_set(symbols=symbols(count), maxStreamsPerRelay=CAP)
            await world.settles()
            await world.stream_all()
            await eventually(partial(holds, world, count))
            relays = -(-count // CAP)
            assert len(await world.names("ConfigMap")) == relays
            await eventually(partial(_counts, world, "Deployment", relays))
            await eventually(partial(_entries, world, relays))
        assert (await world.set())["status"]["summary"]["streams"] == "1/1"


async def test_a_grown_set_leaves_the_streams_that_are_there_alone(world: World) -> None:
    async with world.operator():
        await world.apply_set(symbols=symbols(3), maxStreamsPerRelay=CAP)
        await world.settles()
        before = await world.streams()
        templates = [await _template(world)]
        await world.apply_set(symbols=symbols(5), maxStreamsPerRelay=CAP)
        await world.settles()
        after = await world.streams()
        templates.append(await _template(world))

    assert after["majors-0"] == before["majors-0"]
    assert sorted(after) == ["majors-0", "majors-1"]
    assert templates[0] == templates[1], "a stream list restarts nobody"


async def test_a_stream_leaves_its_relay_when_the_new_one_carries_it(world: World) -> None:
    """The cap is lowered: two streams of the only relay move, and are never on none."""
    async with world.operator():
        await world.apply_set(symbols=symbols(4), maxStreamsPerRelay=4)
        await world.settles()
        await world.stream_all()
        await world.apply_set(symbols=symbols(4), maxStreamsPerRelay=2)
        await world.settles()

        moving = await world.streams()
        assert len(moving["majors-0"]) == 4, "the old relay keeps what the new one does not carry"
        assert len(moving["majors-1"]) == 2
        assert (await world.condition("Ready"))["reason"] == "Progressing"

        await world.settle()
        await world.report("majors-1", silent=1)
        await world.report("majors-0")
        assert len((await world.streams())["majors-0"]) == 4, "one of them is not active yet"

        await world.stream_all()
        assert {name: len(streams) for name, streams in (await world.streams()).items()} == {
            "majors-0": 2,
            "majors-1": 2,
        }
        await eventually(lambda: holds(world, 4))


async def test_quiet_streams_move_after_a_while(world: World) -> None:
    world.settings = replace(world.settings, move_patience=1.0)
    async with world.operator():
        await world.apply_set(symbols=symbols(4), maxStreamsPerRelay=4)
        await world.settles()
        await world.stream_all()
        await world.apply_set(symbols=symbols(4), maxStreamsPerRelay=2)
        await world.settles()
        await world.settle()
        await world.report("majors-1", silent=2)

        await eventually(lambda: holds(world, 4))


async def test_a_pod_is_touched_until_its_relay_runs_the_new_list(world: World) -> None:
    async with world.operator():
        await world.apply_set(symbols=symbols(1))
        await world.settles()
        await world.stream_all()
        assert await _touched(world) is None
        old = await world.admin.get(world.ref("ConfigMap", "majors-0"))

        await world.apply_set(symbols=symbols(2))
        await world.settles()
        await eventually(lambda: _touched(world))
        first = await _touched(world)

        async def again() -> bool:
            return await _touched(world) != first

        await eventually(again)
        await world.stream_all()
        last = await _touched(world)
        await world.report("majors-0", messagesPerSecond=3)
        new = await world.admin.get(world.ref("ConfigMap", "majors-0"))
        assert await _touched(world) == last

    assert len(document(old)["streams"]) == 1
    assert len(document(new)["streams"]) == 2


async def _touched(world: World) -> str | None:
    pod = await world.admin.get(world.ref("Pod", "majors-0-pod"))
    found: str | None = pod["metadata"].get("annotations", {}).get("streams.petrosa.io/touched")
    return found


async def _template(world: World) -> object:
    found = await world.admin.get(world.ref("Deployment", "majors-0"))
    return found["spec"]["template"]


async def _counts(world: World, kind: str, count: int) -> bool:
    return len(await world.names(kind)) == count


async def _entries(world: World, count: int) -> bool:
    return len((await world.set())["status"]["relays"]) == count

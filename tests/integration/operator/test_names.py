"""Names that others have: never taken over, never deleted."""

from streamset_api.resource import KIND
from tests.integration.operator.world import World, eventually

STRANGER = {"data": {"mine": "yes"}}


async def test_a_strangers_object_is_refused(world: World) -> None:
    stranger = world.ref("ConfigMap", "majors-0") | STRANGER
    await world.admin.create(stranger)
    async with world.operator():
        await world.apply_set()
        accepted = await world.becomes("Accepted", "NameConflict")
        assert accepted["status"] == "False"
        assert "ConfigMap majors-0" in accepted["message"]
        assert (await world.condition("Stalled"))["status"] == "True"
        assert await world.names("Deployment") == [], "a set gets all of its objects or none"
        found = await world.admin.get(stranger)
        assert found["data"] == STRANGER["data"]
        assert "ownerReferences" not in found["metadata"]

        await world.admin.delete(stranger)
        await world.becomes("Accepted", "Accepted")
        assert await world.names("Deployment") == ["majors-0"]


async def test_what_runs_is_left_alone_while_a_new_name_is_taken(world: World) -> None:
    await world.admin.create(world.ref("Deployment", "majors-1") | _deployment())
    async with world.operator():
        await world.apply_set(maxStreamsPerRelay=2)
        await world.stream_all()
        before = await world.streams()
        await world.apply_set(symbols=["a", "b", "c"], maxStreamsPerRelay=2)
        await world.becomes("Accepted", "NameConflict")

        assert await world.streams() == before
        assert await world.names("Deployment") == ["majors-0"]


async def test_another_sets_object_is_refused(world: World) -> None:
    """`majors` wants the relay `majors-0`; a set called `majors-0` has the Service of that name."""
    async with world.operator():
        await world.apply_set("majors-0")
        await world.settles("majors-0")
        await world.apply_set("majors")
        await world.settles("majors")

        assert await world.names("Service") == ["majors", "majors-0"]
        assert (await world.condition("Accepted", "majors"))["status"] == "True"


async def test_a_set_that_is_deleted_and_made_again(world: World) -> None:
    async with world.operator():
        await world.apply_set()
        await world.stream_all()
        for _ in range(3):
            old = (await world.set())["metadata"]["uid"]
            await world.admin.delete(world.ref(KIND, "majors"))
            await world.apply_set()
            new = (await world.set())["metadata"]["uid"]
            assert new != old

            async def is_the_new_ones(new: str = new) -> bool:
                found = await world.get("Deployment", "majors-0")
                owners = [o["uid"] for o in found["metadata"]["ownerReferences"]] if found else []
                return owners == [new]

            await eventually(is_the_new_ones)
            await world.becomes("Accepted", "Accepted")
        await world.stream_all()


async def test_the_entry_of_a_deleted_namesakes_relay_is_removed(world: World) -> None:
    async with world.operator():
        await world.apply_set()
        await world.settles()
        await world.write_entry("majors", {"name": "majors-0", "setUid": "of another"})
        await world.write_entry("majors", {"name": "majors-7", "pod": "majors-7-pod"})

        async def gone() -> bool:
            return not (await world.set())["status"].get("relays")

        await eventually(gone)


def _deployment() -> dict[str, object]:
    labels = {"app": "other"}
    container = {"name": "other", "image": "other"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {"spec": {"selector": {"matchLabels": labels}, "template": template}}

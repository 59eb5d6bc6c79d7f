"""A set from its first manifest to its end, against a real API server."""

from functools import partial

from streamset_api.resource import KIND
from tests.integration.operator.world import World, document, eventually

MADE = {
    "ConfigMap": ["majors-0"],
    "Deployment": ["majors-0"],
    "Role": ["majors-relay"],
    "RoleBinding": ["majors-relay"],
    "Service": ["majors"],
    "ServiceAccount": ["majors-relay"],
}


async def test_a_set_gets_its_objects_and_streams(world: World) -> None:
    async with world.operator():
        await world.apply_set()
        await world.becomes("Ready", "Progressing")
        assert {kind: await world.names(kind) for kind in MADE} == MADE

        await world.stream_all()
        status = (await world.set())["status"]

    assert status["summary"] == {"streams": "2/2", "relays": "1/1", "messagesPerSecond": 100}
    assert [entry["name"] for entry in status["relays"]] == ["majors-0"]


async def test_a_change_reaches_the_objects(world: World) -> None:
    async with world.operator():
        await world.apply_set()
        await world.settles()
        await world.apply_set(
            logLevel="DEBUG", networkPolicy={"enabled": True}, image="registry.example/relay:7"
        )
        await world.settles()
        config_map = await world.admin.get(world.ref("ConfigMap", "majors-0"))
        deployment = await world.admin.get(world.ref("Deployment", "majors-0"))
        policies = await world.names("NetworkPolicy")
        await world.apply_set()
        await eventually(lambda: _none(world, "NetworkPolicy"))

    assert document(config_map)["logLevel"] == "DEBUG"
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "registry.example/relay:7"
    assert policies == ["majors"]


async def test_suspend_and_resume(world: World) -> None:
    async with world.operator():
        await world.apply_set()
        await world.stream_all()
        await world.apply_set(suspend=True)

        async def suspended() -> bool:
            await world.settle()
            return (await world.condition("Ready")).get("reason") == "Suspended"

        await eventually(suspended)
        assert (await world.condition("Ready"))["status"] == "True"
        assert await world.names("Pod") == []
        assert await world.names("ConfigMap") == ["majors-0"]

        await world.apply_set(suspend=False)
        await world.stream_all()


async def test_paused_means_that_nothing_is_touched(world: World) -> None:
    annotation = {"metadata": {"annotations": {"streams.petrosa.io/reconcile": "paused"}}}
    async with world.operator():
        await world.apply_set()
        await world.stream_all()
        seen = (await world.set())["status"]["observedGeneration"]
        await world.admin.patch(world.ref(KIND, "majors"), annotation)
        await world.becomes("Paused", "Paused")

        await world.apply_set(logLevel="DEBUG")
        await world.admin.delete(world.ref("Service", "majors"))
        await world.report("majors-0", messagesPerSecond=7)

        async def heard() -> bool:
            return bool((await world.set())["status"]["summary"]["messagesPerSecond"] == 7)

        await eventually(heard)  # it looks, and still touches nothing
        assert (await world.set())["status"]["observedGeneration"] == seen
        assert await world.names("Service") == []

        annotation["metadata"]["annotations"]["streams.petrosa.io/reconcile"] = "please"
        await world.admin.patch(world.ref(KIND, "majors"), annotation)
        await world.settles()
        await eventually(lambda: _some(world, "Service"))
        assert await world.condition("Paused") == {}


async def test_a_deleted_set_leaves_nothing_behind(world: World) -> None:
    async with world.operator():
        await world.apply_set()
        await world.settles()
        await world.admin.delete(world.ref(KIND, "majors"))
        for kind in MADE:
            await eventually(partial(_none, world, kind))


async def test_a_set_that_is_deleted_while_the_operator_is_down_leaves_nothing_behind(
    world: World,
) -> None:
    async with world.operator():
        await world.apply_set()
        await world.settles()
    await world.admin.delete(world.ref(KIND, "majors"))
    for kind in MADE:
        await eventually(partial(_none, world, kind))


async def test_what_was_missed_while_the_operator_was_down_is_made_up_for(world: World) -> None:
    async with world.operator():
        await world.apply_set()
        await world.settles()
    await world.admin.delete(world.ref("Service", "majors"))
    await world.apply_set(logLevel="ERROR")
    async with world.operator():
        await world.settles()
        config_map = await world.admin.get(world.ref("ConfigMap", "majors-0"))

    assert document(config_map)["logLevel"] == "ERROR"
    assert await world.names("Service") == ["majors"]


async def test_nothing_but_status_of_the_set_is_ever_written(world: World) -> None:
    async with world.operator():
        await world.apply_set()
        await world.stream_all()
        await world.apply_set(logLevel="DEBUG")
        await world.stream_all()
    metadata = (await world.set())["metadata"]
    written = {(f["manager"], f.get("subresource", "")) for f in metadata["managedFields"]}

    assert "finalizers" not in metadata
    assert "annotations" not in metadata
    assert written == {
        ("person", ""),
        ("streamset-operator", "status"),
        ("streamset-relay/majors-0", "status"),
    }


async def _none(world: World, kind: str) -> bool:
    return await world.names(kind) == []


async def _some(world: World, kind: str) -> bool:
    return await world.names(kind) != []

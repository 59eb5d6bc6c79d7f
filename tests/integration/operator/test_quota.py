"""A namespace whose quota is in the way: what runs goes on, the set says why, and it heals."""

from tests.integration.operator.world import Object, World


async def test_a_quota_is_named_and_its_end_is_noticed(world: World) -> None:
    async with world.operator():
        await world.apply_set(maxStreamsPerRelay=2)
        await world.stream_all()
        before = await world.streams()
        quota = await _allow(world, config_maps=1)
        await world.apply_set(symbols=["a", "b", "c"], maxStreamsPerRelay=2)

        accepted = await world.becomes("Accepted", "QuotaExceeded")
        assert accepted["status"] == "False"
        assert "exceeded quota: tight" in accepted["message"]
        assert (await world.condition("Ready"))["status"] == "False"
        assert await world.names("Deployment") == list(before) == ["majors-0"]

        await world.admin.delete(quota)
        await world.becomes("Accepted", "Accepted")
        await world.stream_all()
        assert (await world.set())["status"]["summary"]["streams"] == "3/3"


async def _allow(world: World, config_maps: int) -> Object:
    """Limit the ConfigMaps of the namespace; the status is what a quota controller would write."""
    hard = {"count/configmaps": str(config_maps)}
    quota: Object = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "tight", "namespace": world.namespace},
    }
    await world.admin.create(quota | {"spec": {"hard": hard}})
    await world.admin.apply(quota | {"status": {"hard": hard, "used": hard}}, subresource="status")
    return quota

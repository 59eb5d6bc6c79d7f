"""The relays' half of status, with the rights of a relay, against a real API server."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from streamset_api.resource import KIND
from streamset_relay.kube_status import Reporter, Target
from streamset_relay.status import DRAINING, Status
from tests.integration.operator.world import Object, World, account_token, eventually
from tests.support.kube import ADMIN_TOKEN, ControlPlane
from tests.support.kube_client import KubeClient, KubeError, path_of
from tests.unit.relay.snapshots import status

SECONDS = 60.0
"""How long the operator and three relays write at the same time."""


class Relay:
    """A relay that reports as `majors-0`; a test changes what it is and what it runs."""

    def __init__(self, target: Target, interval: float = 0.2) -> None:
        self.status: Status = status()
        self.config_hash = "one"
        self.failures: dict[str, str] = {}
        self.reporter = Reporter(
            target, lambda: self.status, lambda: self.config_hash, lambda: self.failures, interval
        )


@contextlib.asynccontextmanager
async def mounted(world: World, cluster: ControlPlane, tmp_path: Path) -> AsyncIterator[Target]:
    """Where the relay `majors-0` reports, with what its pod would have mounted; an operator runs."""
    async with world.operator():
        made = await world.apply_set()
        await world.settles()
        (tmp_path / "ca.crt").write_bytes(cluster.certificate.read_bytes())
        await renew_token(world, tmp_path)
        url = cluster.url + path_of(world.ref(KIND, "majors")) + "/status"
        yield Target(url, tmp_path, made["metadata"]["uid"], "majors", "majors-0", "majors-0-pod")


async def renew_token(world: World, folder: Path) -> None:
    token = await account_token(world.admin, world.namespace, "majors-relay")
    (folder / "token").write_text(token)


async def reported(world: World) -> Object:
    entries = (await world.set())["status"].get("relays", [])
    return next((entry for entry in entries if entry["name"] == "majors-0"), {})


async def test_a_relay_reports_and_goes_on_reporting(
    world: World, cluster: ControlPlane, tmp_path: Path
) -> None:
    async with mounted(world, cluster, tmp_path) as target:
        relay = Relay(target)
        running = asyncio.create_task(relay.reporter.run())

        async def says(name: str, value: object) -> None:
            async def so() -> bool:
                return bool((await reported(world)).get(name) == value)

            await eventually(so)

        await says("configHash", "one")
        relay.config_hash = "two"
        await says("configHash", "two")
        (target.account / "token").write_text("expired")
        relay.config_hash = "three"
        await asyncio.sleep(0.5)
        await renew_token(world, target.account)
        await says("configHash", "three")

        relay.status = status(not_ready=DRAINING)
        await asyncio.wait_for(running, 30)
        assert (await reported(world))["phase"] == "Running", "a draining relay writes no more"


@pytest.mark.parametrize("again", [False, True], ids=["deleted", "made again"])
async def test_a_relay_whose_set_is_gone_reports_no_more(
    world: World, cluster: ControlPlane, tmp_path: Path, again: bool
) -> None:
    """Its account usually goes with the set; this one is of somebody else, and stays."""
    async with mounted(world, cluster, tmp_path) as target:
        (tmp_path / "token").write_text(ADMIN_TOKEN)
        running = asyncio.create_task(Relay(target).reporter.run())
        await eventually(lambda: reported(world))
        await world.admin.delete(world.ref(KIND, "majors"))
        if again:
            await world.apply_set()

        await asyncio.wait_for(running, 60)
        if again:
            await eventually(lambda: _has_no_entry(world))


async def test_a_relay_may_patch_the_status_of_its_own_set_and_nothing_else(
    world: World, cluster: ControlPlane, tmp_path: Path
) -> None:
    async with mounted(world, cluster, tmp_path) as target:
        await world.apply_set("others")
        token = (target.account / "token").read_text()
        entry = {"name": "majors-0", "pod": "majors-0-pod"}

        async with KubeClient(cluster.url, cluster.tls(), token) as relay:

            async def is_refused(reference: Object, subresource: str, body: Object) -> bool:
                try:
                    await relay.apply(reference | body, "relay", subresource=subresource)
                except KubeError as error:
                    return error.code == 403
                return False

            written = {"status": {"relays": [entry]}}
            assert not await is_refused(world.ref(KIND, "majors"), "status", written)
            assert await is_refused(world.ref(KIND, "others"), "status", written)
            assert await is_refused(world.ref(KIND, "majors"), "", {"spec": {"suspend": True}})
            assert await is_refused(world.ref("ConfigMap", "majors-0"), "", {"data": {"a": "b"}})
            with pytest.raises(KubeError, match="forbidden"):
                await relay.get(world.ref(KIND, "majors"))
        made = world.ref("ServiceAccount", "nobody")
        await world.admin.create(made)
        nobody = await account_token(world.admin, world.namespace, "nobody")
        everyones = await rules(world, cluster, nobody)
        its_own = [rule for rule in await rules(world, cluster, token) if rule not in everyones]

    assert its_own == [
        {
            "verbs": ["patch"],
            "apiGroups": ["streams.petrosa.io"],
            "resources": ["binancestreamsets/status"],
            "resourceNames": ["majors"],
        }
    ]


async def rules(world: World, cluster: ControlPlane, token: str) -> list[Object]:
    """Return what an account may do in the namespace."""
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    async with KubeClient(cluster.url, cluster.tls(), token) as client:
        review = await client.request("POST", path, {"spec": {"namespace": world.namespace}})
    found: list[Object] = review["status"]["resourceRules"]
    return found


async def test_operator_and_relays_write_at_the_same_time(world: World) -> None:
    """Nobody's part is lost: after each of its writes, a relay finds what it wrote."""
    lost: list[str] = []
    writes = 0

    async def relay(number: int, until: float) -> None:
        nonlocal writes
        name, count = f"majors-{number}", 0
        while time.monotonic() < until:
            count += 1
            await world.report(name, gaps=count, streams={"desired": 1, "active": count % 2})
            entries = (await world.set())["status"]["relays"]
            if [e["gaps"] for e in entries if e["name"] == name] != [count]:
                lost.append(f"{name} {count}")
            writes += 1

    async with world.operator():
        await world.apply_set(symbols=["a", "b", "c"], maxStreamsPerRelay=1)
        await world.stream_all()
        before = await world.writes()
        until = time.monotonic() + SECONDS
        async with asyncio.TaskGroup() as tasks:
            for number in range(3):
                tasks.create_task(relay(number, until))
        operators = await world.writes() - before
        await world.stream_all()

    assert lost == []
    assert writes > 50
    assert operators > 20, "the operator wrote too"


async def _has_no_entry(world: World) -> bool:
    return not await reported(world)

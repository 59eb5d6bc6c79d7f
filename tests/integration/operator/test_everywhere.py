"""One operator for the whole cluster: with the rights everywhere, in every namespace."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.operator.world import (
    World,
    account_kubeconfig,
    eventually,
    grant_operator,
    made_namespace,
)
from tests.support.kube import ControlPlane
from tests.support.kube_client import KubeClient


async def test_sets_of_all_namespaces(
    cluster: ControlPlane,
    admin: KubeClient,
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = await made_namespace(admin)
    await grant_operator(admin, home, everywhere=True)
    path = await account_kubeconfig(cluster, admin, home, "operator", tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(path))
    everywhere = replace(world.settings, watch_namespaces=())
    here = World(admin, world.namespace, everywhere)
    await here.apply_set()
    async with here.operator():
        await here.stream_all()
        later = World(admin, await made_namespace(admin), everywhere)
        await later.apply_set()
        await later.stream_all()

        await here.admin.delete(here.ref("Service", "majors"))
        await eventually(lambda: _has_service(here))
        assert await _has_service(later)


async def _has_service(world: World) -> bool:
    return await world.names("Service") == ["majors"]

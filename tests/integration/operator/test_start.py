"""What the operator does before it works, and how it ends."""

import asyncio
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from streamset_operator import app, failpoints
from streamset_operator.errors import MissingRights
from streamset_operator.settings import Settings
from tests.integration.operator.world import (
    World,
    account_kubeconfig,
    eventually,
    grant_operator,
    install_crds,
    operator_rules,
)
from tests.support.kube import ControlPlane
from tests.support.kube_client import MERGE, KubeClient, path_of


async def test_a_crd_that_is_not_there_yet_is_waited_for(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alive and unready meanwhile, so that no probe kills it and nothing relies on it."""
    plane = ControlPlane(tmp_path / "bare")
    await asyncio.to_thread(plane.start)
    monkeypatch.setenv("KUBECONFIG", str(plane.kubeconfig))
    settings = replace(settings, watch_namespaces=("default",))
    try:
        async with plane.client() as admin:
            world = World(admin, "default", settings)
            stop = asyncio.Event()
            running = asyncio.create_task(app.run(settings, stop, failpoints.ignore))
            await eventually(lambda: _answers(world, "healthz", 200))
            await eventually(lambda: _answers(world, "ready", 503))
            await install_crds(admin)
            await eventually(lambda: world.is_ready(running))
            await world.apply_set()
            await world.settles()
            stop.set()
            await running
    finally:
        await asyncio.to_thread(plane.stop)


async def test_missing_rights_are_named(
    cluster: ControlPlane,
    admin: KubeClient,
    namespace: str,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await grant_operator(admin, namespace, without=("patch deployments.apps", "watch pods"))
    path = await account_kubeconfig(cluster, admin, namespace, "operator", tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(path))

    with pytest.raises(MissingRights) as raised:
        await app.run(settings, asyncio.Event(), failpoints.ignore)

    assert set(raised.value.rights) == {
        f"patch deployments.apps in namespace {namespace}",
        f"watch pods in namespace {namespace}",
    }


async def test_rights_that_are_granted_a_moment_later_are_waited_for(
    cluster: ControlPlane,
    admin: KubeClient,
    namespace: str,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await grant_operator(admin, namespace, without=("patch deployments.apps", "watch pods"))
    path = await account_kubeconfig(cluster, admin, namespace, "operator", tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(path))
    world = World(admin, namespace, settings)
    stop = asyncio.Event()
    running = asyncio.create_task(app.run(settings, stop, failpoints.ignore))
    await eventually(lambda: _answers(world, "ready", 503))

    path_of_role = path_of(world.ref("Role", "operator"))
    await admin.request("PATCH", path_of_role, {"rules": operator_rules()}, content_type=MERGE)

    await eventually(lambda: world.is_ready(running))
    stop.set()
    await running


async def test_the_process_says_how_it_ended(world: World) -> None:
    """Exit code 0 after SIGTERM, 3 without a right, 2 for a wrong setting; JSON logs."""
    stopped = await world.spawn()
    await eventually(world.is_ready)
    stopped.send_signal(signal.SIGTERM)
    log, _ = await stopped.communicate()
    assert stopped.returncode == 0, log
    assert b'"message": "Looking after sets"' in log

    everywhere = await world.spawn(WATCH_NAMESPACES="")
    log, _ = await everywhere.communicate()
    assert everywhere.returncode == 3, log
    assert b"list binancestreamsets.streams.petrosa.io in all namespaces" in log

    wrong = await world.spawn(WORKERS="many")
    assert await wrong.wait() == 2


async def _answers(world: World, path: str, code: int) -> bool:
    return await world.probe(path) == code

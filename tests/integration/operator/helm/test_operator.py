"""The operator as the chart sets it up: with its account, its variables, its probes and its test."""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from streamset_operator.settings import Settings, load
from tests.integration.operator.world import World, account_kubeconfig
from tests.support.helm import CHART, Helm, given
from tests.support.kube import ControlPlane
from tests.support.kube_client import KubeClient, Object
from tests.support.nats_server import free_ports


async def test_it_works_as_installed(
    cluster: ControlPlane,
    bare: KubeClient,
    helm: Helm,
    namespace: str,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It makes what a set is made of, the Role of the relays among it, which takes holding their right."""
    values = {"watch.namespaces": [namespace], "fullnameOverride": "operator"}
    await helm.call("install", namespace, str(CHART), "-n", namespace, *given(values))
    world = World(bare, namespace, settings)
    container = await installed(world)
    environ = {entry["name"]: entry["value"] for entry in container["env"]}
    world.settings = replace(
        await asyncio.to_thread(load, environ),
        health_port=settings.health_port,
        metrics_port=settings.metrics_port,
    )
    path = await account_kubeconfig(cluster, bare, namespace, "operator", tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(path))

    async with world.operator():
        await world.apply_set()
        await world.stream_all()

        assert await world.names("Role") == ["majors-relay"]
        for name in ("livenessProbe", "readinessProbe"):
            assert await world.probe(container[name]["httpGet"]["path"].lstrip("/")) == 200
        code, printed = await run_test(helm, settings.metrics_port)
        assert (code, printed) == (0, "The operator is ready; sets: 1\n")


async def test_the_helm_test_fails_where_nothing_answers(helm: Helm) -> None:
    [port] = free_ports(1)

    code, printed = await run_test(helm, port, patience="0.0")

    assert code == 1
    assert f"The operator does not answer at 127.0.0.1:{port}: " in printed


async def installed(world: World) -> Object:
    """Return the operator's container as the API server has it."""
    deployment = await world.get("Deployment", "operator")
    assert deployment is not None
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    found: Object = container
    return found


async def run_test(helm: Helm, port: int, patience: str = "60.0") -> tuple[int, str]:
    """Run the command of the pod of `helm test` on this machine; return its exit code and output."""
    [pod] = [found for found in helm.template(CHART, {}) if found["kind"] == "Pod"]
    python, option, script, _, _ = pod["spec"]["containers"][0]["command"]
    assert python == "python"
    script = script.replace("PATIENCE = 60.0", f"PATIENCE = {patience}")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, option, script, "127.0.0.1", str(port)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    return await process.wait(), printed.decode()

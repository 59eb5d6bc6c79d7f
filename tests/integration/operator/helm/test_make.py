"""The ways to install that stand on the chart: `make deploy`, the plain manifest, kustomize."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import yaml

from streamset_api import crd
from streamset_api.resource import KIND
from streamset_operator.settings import Settings
from tests.integration.operator.world import World, eventually, is_served
from tests.support.helm import ROOT
from tests.support.helm import binary as helm_binary
from tests.support.kube import ControlPlane, binary
from tests.support.kube_client import KubeClient, Object

OPERATOR = "binance-streamset-operator"


@pytest.fixture
def make(cluster: ControlPlane, namespace: str) -> Callable[..., str]:
    """Run a target against the test's cluster; return what it printed."""
    outer = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    environ = {
        **outer,
        "KUBECONFIG": str(cluster.kubeconfig),
        "KUBECTL": str(binary("kubectl")),
        "HELM": str(helm_binary()),
        "NAMESPACE": namespace,
    }

    def make(target: str, arguments: str = "") -> str:
        done = subprocess.run(
            ["make", target, f"ARGS={arguments}"],
            cwd=ROOT,
            env=environ,
            check=False,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    return make


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A folder with config/ of the project, and dist/ as rendered for a registry."""
    done = render(tmp_path / "dist", "--set", "imageRegistry=registry.example.com")
    assert done.returncode == 0, done.stderr
    shutil.copytree(ROOT / "config", tmp_path / "config")
    return tmp_path


def render(output: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "hack/dist.py", "--output", str(output), *flags]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)


def objects(text: str) -> list[Object]:
    return [document for document in yaml.safe_load_all(text) if document]


def key(document: Object) -> tuple[str, str]:
    return document["kind"], document["metadata"]["name"]


async def test_make_deploys_into_the_current_context_and_looks_at_it(
    bare: KubeClient, make: Callable[..., str], namespace: str, settings: Settings
) -> None:
    world = World(bare, namespace, settings)
    printed = await asyncio.to_thread(make, "deploy", "--wait=hookOnly --set workers=7")
    assert "the context test" in printed
    deployment = await world.get("Deployment", OPERATOR)
    assert deployment is not None
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    assert {"name": "WORKERS", "value": "7"} in container["env"]

    await eventually(partial(is_served, bare, KIND))
    await world.apply_set("majors")
    status = await asyncio.to_thread(make, "k8s-status")
    assert f"deployment.apps/{OPERATOR}" in status
    assert "majors" in status
    await asyncio.to_thread(make, "k8s-logs", "--ignore-errors")


async def test_the_plain_manifest_is_accepted_whole(bare: KubeClient, dist: Path) -> None:
    """An unknown field is refused here, and would only be dropped by `kubectl apply`."""
    namespace, *others = objects((dist / "dist" / "install.yaml").read_text())
    await bare.apply(namespace)

    for document in others:
        await bare.apply(document, dryRun="All", fieldValidation="Strict")

    [definition] = [found for found in others if found["kind"] == "CustomResourceDefinition"]
    [deployment] = [found for found in others if found["kind"] == "Deployment"]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    assert definition["spec"] == crd.definition()["spec"]
    assert container["image"].startswith("registry.example.com/")
    assert {found["metadata"].get("namespace", "binance-streamset") for found in others} == {
        "binance-streamset"
    }


def test_the_plain_manifest_holds_nothing_of_helms(dist: Path) -> None:
    found = objects((dist / "dist" / "install.yaml").read_text())
    labels = [found["metadata"].get("labels", {}) for found in found]

    assert [name for each in labels for name in each if name.startswith("helm.sh/")] == []
    assert [each for each in labels if each.get("app.kubernetes.io/managed-by") == "Helm"] == []
    assert [found for found in found if found["kind"] == "Pod"] == []


def test_the_base_for_overlays_is_the_plain_manifest(dist: Path) -> None:
    built = subprocess.run(
        [binary("kubectl"), "kustomize", dist / "config"],
        check=True,
        capture_output=True,
        text=True,
    )

    wanted = objects((dist / "dist" / "install.yaml").read_text())
    assert {key(found): found for found in objects(built.stdout)} == {
        key(found): found for found in wanted
    }


def test_a_value_that_the_chart_refuses_writes_nothing(tmp_path: Path) -> None:
    done = render(tmp_path / "dist", "--set", "workers=0")

    assert done.returncode != 0
    assert "'/workers'" in done.stderr
    assert not (tmp_path / "dist").exists()

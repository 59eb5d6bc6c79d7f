"""The chart's life in a cluster: installed, upgraded, uninstalled, and installed again."""

import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from streamset_api.resource import API_VERSION, KIND
from tests.integration.operator.helm.conftest import CRD
from tests.integration.operator.world import POD_MONITORS, eventually, is_served
from tests.support.helm import CHART, Helm, HelmError, given
from tests.support.kube_client import KubeClient, KubeError, Object

EVERYTHING = {"networkPolicy.enabled": True, "metrics.podMonitor.enabled": True}


async def install(
    helm: Helm, namespace: str, *flags: str, release: str | None = None, chart: Path = CHART
) -> None:
    """Install under the namespace's name, which no other test has, without waiting for pods."""
    await helm.call("install", release or namespace, str(chart), "-n", namespace, *flags)


async def exists(admin: KubeClient, document: Object) -> bool:
    try:
        await admin.get(document)
    except KubeError as error:
        if error.code == 404:
            return False
        raise
    return True


def a_set(namespace: str, **spec: Any) -> Object:
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": "majors", "namespace": namespace},
        "spec": {"streams": ["btcusdt@trade"], "nats": {"servers": ["nats://nats"]}, **spec},
    }


@pytest.mark.parametrize("values", [{}, {"watch.namespaces": ["default"]}], ids=["wide", "narrow"])
async def test_every_object_is_accepted(
    bare: KubeClient, helm: Helm, namespace: str, values: Mapping[str, Any]
) -> None:
    await bare.apply(POD_MONITORS)
    await eventually(partial(is_served, bare, "PodMonitor"))
    flags = given({**values, **EVERYTHING})

    await install(helm, namespace, *flags)

    manifest = await helm.call("get", "manifest", namespace, "-n", namespace)
    documents = [document for document in yaml.safe_load_all(manifest) if document]
    assert len(documents) >= 8
    assert [found for found in documents if not await exists(bare, found)] == []
    for document in documents:
        await bare.apply(document, "helm", dryRun="All", fieldValidation="Strict")


async def test_pods_are_admitted_where_only_restricted_ones_are(
    bare: KubeClient, helm: Helm, namespace: str
) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    place: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    await bare.patch(place, {"metadata": {"labels": labels}})
    where = {"namespace": namespace}
    await bare.create(  # what a controller makes in every namespace
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", **where}}
    )
    await install(helm, namespace)
    rendered = helm.template(CHART, {}, release=namespace)
    [deployment] = [found for found in rendered if found["kind"] == "Deployment"]
    [test] = [found for found in rendered if found["kind"] == "Pod"]
    pod = {"apiVersion": "v1", "kind": "Pod"}

    for name, spec in (
        ("operator", deployment["spec"]["template"]["spec"]),
        ("test", test["spec"]),
    ):
        made = await bare.create({**pod, "metadata": {"name": name, **where}, "spec": spec})
        assert made["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"]

    loose = {"containers": [{"name": "a", "image": "a"}]}
    with pytest.raises(KubeError, match="restricted"):
        await bare.create({**pod, "metadata": {"name": "loose", **where}, "spec": loose})


async def test_an_upgrade_brings_a_changed_crd(
    bare: KubeClient, helm: Helm, namespace: str, tmp_path: Path
) -> None:
    await install(helm, namespace)
    await eventually(partial(is_served, bare, KIND))
    before = await bare.create(a_set(namespace, colour="blue"))
    newer = tmp_path / "newer"
    shutil.copytree(CHART, newer)
    file = newer / "files" / "binancestreamsets.yaml"
    definition = yaml.safe_load(file.read_text())
    [version] = definition["spec"]["versions"]
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec["properties"]["colour"] = {"type": "string"}
    file.write_text(yaml.safe_dump(definition))

    await helm.call("upgrade", namespace, str(newer), "-n", namespace)

    async def keeps_the_new_field() -> bool:
        after = await bare.apply(a_set(namespace, colour="blue"))
        return bool(after["spec"].get("colour") == "blue")

    assert "colour" not in before["spec"]
    await eventually(keeps_the_new_field)


async def test_the_crd_and_all_sets_outlive_the_release(
    bare: KubeClient, helm: Helm, namespace: str
) -> None:
    """And the next release of the same name takes the CRD up; of another name only if told to."""
    await install(helm, namespace)
    await eventually(partial(is_served, bare, KIND))
    uid = (await bare.create(a_set(namespace)))["metadata"]["uid"]

    await helm.call("uninstall", namespace, "-n", namespace)

    deployments = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": a_set(namespace)["metadata"],
    }
    assert await bare.list(deployments) == []
    assert await exists(bare, CRD)

    await install(helm, namespace)
    await helm.call("uninstall", namespace, "-n", namespace)
    with pytest.raises(HelmError, match="invalid ownership metadata"):
        await install(helm, namespace, release="another")
    await install(helm, namespace, "--take-ownership", release="another")

    annotations = (await bare.get(CRD))["metadata"]["annotations"]
    assert annotations["meta.helm.sh/release-name"] == "another"
    assert len(await bare.list(deployments)) == 1
    assert (await bare.get(a_set(namespace)))["metadata"]["uid"] == uid


async def test_the_crd_goes_with_the_release_if_that_is_wanted(
    bare: KubeClient, helm: Helm, namespace: str
) -> None:
    await install(helm, namespace, *given({"crds.keep": False}))
    await eventually(partial(is_served, bare, KIND))

    await helm.call("uninstall", namespace, "-n", namespace)

    async def gone() -> bool:
        return not await exists(bare, CRD)

    await eventually(gone)


async def test_a_second_operator_of_the_whole_cluster_is_refused(
    bare: KubeClient, helm: Helm, namespace: str
) -> None:
    """Two would undo each other's work. What they would share by name is the cluster's."""
    await install(helm, namespace, release="one")
    where: Object = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": f"{namespace}-2"},
    }
    await bare.create(where)

    with pytest.raises(HelmError, match=r"ClusterRole .*invalid ownership metadata"):
        await install(helm, f"{namespace}-2", *given({"crds.enabled": False}), release="one")

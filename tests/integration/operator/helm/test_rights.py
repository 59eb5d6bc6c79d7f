"""An operator with the account that the chart makes: no right is missing, and what is missing is named."""

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from streamset_operator import failpoints
from streamset_operator.cluster import connect
from streamset_operator.errors import MissingRights
from streamset_operator.metrics import Metrics
from streamset_operator.preflight import POD_MONITOR_RIGHTS, RIGHTS, Right, check_rights
from streamset_operator.settings import Settings
from tests.integration.operator.world import account_kubeconfig, eventually
from tests.support.helm import CHART, Helm
from tests.support.kube import ControlPlane
from tests.support.kube_client import KubeClient, Object

KINDS = {"ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"}
ALL = (*RIGHTS, *POD_MONITOR_RIGHTS)
SETTINGS = Settings()


def resource(right: Right) -> str:
    """Return what a rule names: `binancestreamsets/status`."""
    return "/".join(filter(None, (right.kind.plural, right.part)))


RULES = list(dict.fromkeys(map(resource, ALL)))


class Installation:
    """The chart's account and roles in a cluster, and what an operator finds that runs as it."""

    def __init__(self, cluster: ControlPlane, admin: KubeClient, helm: Helm, folder: Path) -> None:
        self._cluster = cluster
        self._admin = admin
        self._helm = helm
        self._folder = folder

    async def make(self, namespaces: Sequence[str], without: Mapping[str | None, str]) -> str:
        """Apply what the chart renders, less a resource in a namespace; return the namespace it is in.

        In the key's place None is the whole cluster.
        """
        place = f"ops-{uuid.uuid4().hex[:8]}"
        await self._admin.create(named("Namespace", place))
        rendered = self._helm.template(
            CHART, {"watch.namespaces": list(namespaces)}, f"--namespace={place}", release=place
        )
        for document in rendered:
            if document["kind"] in KINDS:
                less = without.get(document["metadata"].get("namespace"), "")
                for rule in document.get("rules", ()):
                    rule["resources"] = [name for name in rule["resources"] if name != less]
                if "rules" in document:
                    document["rules"] = [rule for rule in document["rules"] if rule["resources"]]
                await self._admin.create(document)
        return place

    async def kubeconfig(self, place: str) -> Path:
        """Return the path of a kubeconfig of the account."""
        account = f"{place}-binance-streamset-operator"
        return await account_kubeconfig(self._cluster, self._admin, place, account, self._folder)


@pytest.fixture
def installation(
    cluster: ControlPlane, admin: KubeClient, helm: Helm, tmp_path: Path
) -> Installation:
    """What is there to install with."""
    return Installation(cluster, admin, helm, tmp_path)


def named(kind: str, name: str) -> Object:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}}


async def lacking(namespaces: Sequence[str]) -> set[str]:
    """Return the rights that the preflight names."""
    async with connect(SETTINGS, failpoints.ignore, Metrics()) as found:
        try:
            await check_rights(found, namespaces, pod_monitors=True, wait=0.1)
        except MissingRights as missing:
            return set(missing.rights)
    return set()


async def becomes(namespaces: Sequence[str], expected: set[str]) -> None:
    """Wait until the preflight names just these: the API server learns of roles a moment later."""
    seen: list[set[str]] = []

    async def so() -> bool:
        seen.append(await lacking(namespaces))
        return seen[-1] == expected

    try:
        await eventually(so, within=20)
    except AssertionError:
        assert seen[-1] == expected


@pytest.mark.parametrize("count", [0, 2], ids=["cluster-wide", "narrowed"])
async def test_no_right_is_missing(
    installation: Installation, admin: KubeClient, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    namespaces = [f"data-{uuid.uuid4().hex[:8]}" for _ in range(count)]
    for name in namespaces:
        await admin.create(named("Namespace", name))
    place = await installation.make(namespaces, {})
    monkeypatch.setenv("KUBECONFIG", str(await installation.kubeconfig(place)))

    await becomes(namespaces, set())


@pytest.mark.parametrize("less", RULES)
async def test_a_resource_that_no_rule_grants_is_named(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, less: str
) -> None:
    place = await installation.make([], {None: less})
    monkeypatch.setenv("KUBECONFIG", str(await installation.kubeconfig(place)))

    wanted = {f"{right} in all namespaces" for right in ALL if resource(right) == less}
    assert wanted
    await becomes([], wanted)


async def test_the_namespace_that_lacks_it_is_named(
    installation: Installation, admin: KubeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (f"data-{uuid.uuid4().hex[:8]}" for _ in range(2))
    for name in (one, other):
        await admin.create(named("Namespace", name))
    place = await installation.make([one, other], {other: "events"})
    monkeypatch.setenv("KUBECONFIG", str(await installation.kubeconfig(place)))

    await becomes([one, other], {f"create events in namespace {other}"})


async def test_the_narrowed_grant_ends_at_its_namespaces(
    installation: Installation, admin: KubeClient, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = f"data-{uuid.uuid4().hex[:8]}"
    await admin.create(named("Namespace", stranger))
    place = await installation.make([namespace], {})
    monkeypatch.setenv("KUBECONFIG", str(await installation.kubeconfig(place)))

    await becomes([namespace], set())
    assert await lacking([stranger]) == {f"{right} in namespace {stranger}" for right in ALL}
    assert len(await lacking([])) == len(ALL)

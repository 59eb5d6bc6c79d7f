"""What the tests of the operator stand on: RBAC judges, tokens work, garbage is collected, data stays."""

import subprocess
from pathlib import Path

import pytest

from tests.integration.kube.sets import eventually
from tests.support.kube import ControlPlane, MissingBinaryError, binary
from tests.support.kube_client import KubeClient, KubeError, Object
from tests.unit.api.documents import manifest


def config_map(namespace: str, **metadata: object) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "majors-0", "namespace": namespace, **metadata},
    }


def rbac(kind: str, namespace: str, **fields: object) -> Object:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": "reader", "namespace": namespace},
        **fields,
    }


@pytest.fixture
def controllers(control_plane: ControlPlane, admin: KubeClient) -> None:
    """Garbage collection, started where the CRD is known already."""
    control_plane.start_controllers()


def test_what_is_missing_is_said_and_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    with pytest.raises(MissingBinaryError, match=r"^etcd is missing.*hack/kube/build\.sh.*KUBEBUI"):
        binary("etcd")


def test_what_is_given_comes_before_what_is_built(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "etcd").touch()
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))

    assert binary("etcd") == tmp_path / "etcd"


async def test_someone_has_no_rights_until_they_are_granted(
    control_plane: ControlPlane, admin: KubeClient, namespace: str
) -> None:
    await admin.create(config_map(namespace))
    async with control_plane.client("somebody") as somebody:
        with pytest.raises(KubeError) as refused:
            await somebody.get(config_map(namespace))

        read = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}
        await admin.create(rbac("Role", namespace, rules=[read]))
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
        subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "somebody"}
        await admin.create(rbac("RoleBinding", namespace, roleRef=role, subjects=[subject]))

        async def may_read() -> bool:
            try:
                return bool(await somebody.get(config_map(namespace)))
            except KubeError as error:
                if error.code != 403:  # the authoriser sees the binding a moment later
                    raise
                return False

        await eventually(may_read)

    assert refused.value.code == 403
    assert 'User "somebody" cannot get resource "configmaps"' in refused.value.message


async def test_a_service_account_can_log_in(
    control_plane: ControlPlane, admin: KubeClient, namespace: str
) -> None:
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "relay", "namespace": namespace},
    }
    await admin.create(account)
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/relay/token"
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = (await admin.request("POST", path, request))["status"]["token"]

    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    async with KubeClient(control_plane.url, control_plane.tls(), token) as relay:
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        whoami = await relay.request("POST", path, review)

    name = f"system:serviceaccount:{namespace}:relay"
    assert whoami["status"]["userInfo"]["username"] == name


@pytest.mark.usefixtures("controllers")
async def test_what_a_set_owns_goes_with_it(admin: KubeClient, namespace: str) -> None:
    document = manifest() | {"metadata": {"name": "majors", "namespace": namespace}}
    owner = await admin.create(document)
    reference = {key: owner[key] for key in ("apiVersion", "kind")}
    reference |= {key: owner["metadata"][key] for key in ("name", "uid")}
    await admin.create(config_map(namespace, ownerReferences=[reference]))
    stranger = config_map(namespace) | {"metadata": {"name": "other", "namespace": namespace}}
    await admin.create(stranger)

    await admin.delete(document)

    async def gone() -> bool:
        found = await admin.list(config_map(namespace))
        return [each["metadata"]["name"] for each in found] == ["other"]

    await eventually(gone)


async def test_the_api_can_go_away_and_come_back(
    control_plane: ControlPlane, admin: KubeClient, namespace: str
) -> None:
    await admin.create(config_map(namespace))

    control_plane.stop()
    with pytest.raises(OSError):
        await admin.get(config_map(namespace))
    control_plane.start()

    assert (await admin.get(config_map(namespace)))["metadata"]["name"] == "majors-0"


@pytest.mark.usefixtures("admin")
def test_kubectl_prints_the_columns(control_plane: ControlPlane) -> None:
    kubectl = [str(binary("kubectl")), "--kubeconfig", str(control_plane.kubeconfig)]
    apply = subprocess.run(
        [*kubectl, "apply", "-f", "-"],
        input='{"apiVersion": "streams.petrosa.io/v1alpha1", "kind": "BinanceStreamSet", '
        '"metadata": {"name": "printed"}, "spec": {"streams": ["a@trade"], '
        '"nats": {"servers": ["nats://nats"]}}}',
        check=True,
        capture_output=True,
        text=True,
    )
    shown = subprocess.run(
        [*kubectl, "get", "bss"], check=True, capture_output=True, text=True
    ).stdout.splitlines()

    assert apply.stdout == "binancestreamset.streams.petrosa.io/printed created\n"
    assert shown[0].split() == ["NAME", "READY", "STREAMS", "RELAYS", "MSG/S", "REASON", "AGE"]
    assert shown[1].startswith("printed")

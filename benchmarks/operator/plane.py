"""The API server of a run: etcd and kube-apiserver, RBAC on, with a log of what the operator asks.

No controllers run. Nothing is deleted here, so nobody misses garbage collection.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import yaml

from benchmarks.operator.manifests import NAMESPACES
from streamset_api import crd
from streamset_api.resource import KIND
from streamset_operator.preflight import RIGHTS
from tests.integration.operator.world import RBAC, eventually, is_served
from tests.support.kube import ControlPlane
from tests.support.kube_client import KubeClient

SYSTEM = "streamset-system"
ACCOUNT = "operator"
USER = f"system:serviceaccount:{SYSTEM}:{ACCOUNT}"

TOKEN_LIFE = 86_400
AUDIT_MEGABYTES = 100_000
"""Size at which the log would be rotated: never, since it is read as one file."""

POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata", "users": [USER]}, {"level": "None"}],
}


class Plane(ControlPlane):
    """A control plane with an audit log, and with addresses for more Services than tests make."""

    @property
    def audit_log(self) -> Path:
        """What the operator's account has asked, in JSON lines."""
        return self._folder / "audit.log"

    @property
    def pids(self) -> Mapping[str, int]:
        """The processes, by name."""
        return {name: process.pid for name, process in self._processes.items()}

    def _apiserver(self) -> list[str]:
        policy = self._folder / "audit-policy.json"
        policy.write_text(json.dumps(POLICY))
        return [
            *super()._apiserver(),
            "--service-cluster-ip-range=10.0.0.0/12",  # the last one counts
            *(f"--audit-policy-file={policy}", f"--audit-log-path={self.audit_log}"),
            f"--audit-log-maxsize={AUDIT_MEGABYTES}",
        ]


async def prepare(plane: Plane, admin: KubeClient, folder: Path) -> Path:
    """Install the CRD, the namespaces and the operator's rights; returns its kubeconfig."""
    await admin.apply(crd.definition(), "installer")
    await eventually(lambda: is_served(admin, KIND))
    for name in (SYSTEM, *NAMESPACES):
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        await admin.create(namespace)
    await _grant(admin)
    return await _log_in(plane, admin, folder)


async def _grant(admin: KubeClient) -> None:
    """Let the operator do in all namespaces what its preflight asks for, and nothing else."""
    rules = [
        {
            "apiGroups": [right.kind.group],
            "resources": [right.kind.plural + (f"/{right.part}" if right.part else "")],
            "verbs": [right.verb],
        }
        for right in RIGHTS
    ]
    name = {"name": ACCOUNT}
    role = {"apiVersion": RBAC, "kind": "ClusterRole", "metadata": name, "rules": rules}
    reference = {"apiGroup": RBAC.partition("/")[0], "kind": "ClusterRole", "name": ACCOUNT}
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": SYSTEM}
    binding = {"apiVersion": RBAC, "kind": "ClusterRoleBinding", "metadata": name}
    account = {"apiVersion": "v1", "kind": "ServiceAccount"}
    await admin.create(account | {"metadata": name | {"namespace": SYSTEM}})
    await admin.create(role)
    await admin.create(binding | {"roleRef": reference, "subjects": [subject]})


async def _log_in(plane: Plane, admin: KubeClient, folder: Path) -> Path:
    path = f"/api/v1/namespaces/{SYSTEM}/serviceaccounts/{ACCOUNT}/token"
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": TOKEN_LIFE},
    }
    answer = await admin.request("POST", path, request)
    config = yaml.safe_load(plane.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": answer["status"]["token"]}
    written = folder / "operator.kubeconfig"
    written.write_text(yaml.safe_dump(config))
    return written

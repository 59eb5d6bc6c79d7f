"""The container of a relay."""

from collections.abc import Iterable
from typing import Any

from streamset_api.model import Model
from streamset_api.spec import BinanceStreamSetSpec
from streamset_operator import secrets
from streamset_operator.objects.config_map import FILE

PORT = 8080
PORT_NAME = "http"
CONFIG_FOLDER = "/etc/streamset/config"
TOKEN_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - where clients look

Dict = dict[str, Any]


def container(spec: BinanceStreamSetSpec, image: str) -> Dict:
    """Return the container, which runs from the file of its ConfigMap."""
    parts: Dict = {
        "name": "relay",
        "image": image,
        "command": ["streamset", "relay", "--config", f"{CONFIG_FOLDER}/{FILE}"],
        "env": once("name", [*map(given, spec.pod.env), *_environment()]),
        "ports": [{"name": PORT_NAME, "containerPort": PORT, "protocol": "TCP"}],
        "livenessProbe": _probe("/healthz", delay=30, period=10),
        "readinessProbe": _probe("/ready", delay=5, period=5),
        "resources": given(spec.resources),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": once(
            "mountPath", [*map(given, spec.pod.extra_volume_mounts), *_mounts(spec)]
        ),
    }
    if spec.pod.env_from:
        parts["envFrom"] = list(spec.pod.env_from)
    if spec.image_pull_policy is not None:
        parts["imagePullPolicy"] = spec.image_pull_policy.value
    return parts


def _probe(path: str, *, delay: int, period: int) -> Dict:
    return {
        "httpGet": {"path": path, "port": PORT_NAME},
        "initialDelaySeconds": delay,
        "periodSeconds": period,
        "timeoutSeconds": 5,
    }


def _environment() -> list[Dict]:
    return [
        {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
        {"name": "HEALTH_PORT", "value": str(PORT)},  # probes and Service rely on it
    ]


def _mounts(spec: BinanceStreamSetSpec) -> list[Dict]:
    return [
        # The folder, not the file: the kubelet does not refresh a file that is mounted by itself.
        {"name": "config", "mountPath": CONFIG_FOLDER, "readOnly": True},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the pod's own
        {"name": "api-access", "mountPath": TOKEN_FOLDER, "readOnly": True},
        *secrets.mounts(spec),
    ]


def given(model: Model) -> Dict:
    """Return a part of the manifest as Kubernetes writes it."""
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


def once(key: str, entries: Iterable[Dict]) -> list[Dict]:
    """Return the entries with each key once; the last one counts."""
    return list({entry.get(key): entry for entry in entries}.values())

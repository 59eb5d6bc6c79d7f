"""What the relays talk to, as pods: a NATS server and the simulated exchange."""

from collections.abc import Sequence
from typing import Any

from tests.e2e.cluster import Object, images

RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
POD_SECURITY = {
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def nats(arguments: Sequence[str] = ("--jetstream", "--store_dir=/data")) -> list[Object]:
    """Return a NATS server with JetStream; its store dies with the pod."""
    [image] = images("test-nats")
    return _workload("nats", image, ["--addr=0.0.0.0", "--port=4222", *arguments], [4222])


def simulator(*arguments: str) -> list[Object]:
    """Return the simulated exchange, which sends 400 messages a second in all."""
    [image] = images("test-simulator")
    ports = ["--host=0.0.0.0", "--port=9443", "--control-port=9444"]
    return _workload("simulator", image, [*ports, *(arguments or ("--rate=400",))], [9443, 9444])


def script(name: str, text: str) -> Object:
    """Return a pod that runs a Python program once, in the relay's image, as a consumer would."""
    [image] = images("relay")
    container = _container(name, image) | {"command": ["python", "-c", text]}
    spec = _pod_spec(container) | {"restartPolicy": "Never"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def _workload(
    name: str, image: str, arguments: Sequence[str], ports: Sequence[int]
) -> list[Object]:
    labels = {"app": name}
    container = _container(name, image) | {
        "args": list(arguments),
        "readinessProbe": {"tcpSocket": {"port": ports[0]}, "periodSeconds": 1},
    }
    template = {"metadata": {"labels": labels}, "spec": _pod_spec(container)}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": labels},
            "strategy": {"type": "Recreate"},
            "template": template,
        },
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {
            "type": "NodePort",
            "selector": labels,
            "ports": [{"name": f"port-{port}", "port": port} for port in ports],
        },
    }
    return [deployment, service]


def _container(name: str, image: str) -> Object:
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "Never",
        "securityContext": RESTRICTED,
        "volumeMounts": [
            {"name": "data", "mountPath": "/data"},
            {"name": "data", "mountPath": "/tmp"},
        ],
    }


def _pod_spec(container: Object) -> dict[str, Any]:
    return {
        "containers": [container],
        "securityContext": POD_SECURITY,
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 2,
        "volumes": [{"name": "data", "emptyDir": {}}],
    }

"""A namespace with an operator, and stand-ins for what a control plane alone has not.

Nodes and the Deployment controller are played by `World.settle`: it gives each Deployment its pod
and reports both as well. Relays are played by `World.report`, with the relay's own code.
"""

import asyncio
import contextlib
import os
import sys
import time
import uuid
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from streamset_api import crd
from streamset_api.relay_config import relay_document
from streamset_api.resource import API_VERSION, KIND
from streamset_operator import app, failpoints, labels
from streamset_operator.preflight import POD_MONITOR_RIGHTS, RIGHTS
from streamset_operator.settings import Settings
from tests.support.kube import ControlPlane
from tests.support.kube_client import KubeClient, KubeError

DEADLINE = 60.0
STRATEGIC = "application/strategic-merge-patch+json"
RBAC = "rbac.authorization.k8s.io/v1"

API = {
    "ConfigMap": "v1",
    "Deployment": "apps/v1",
    "Event": "v1",
    "Pod": "v1",
    "Role": RBAC,
    "RoleBinding": RBAC,
    "Service": "v1",
    "ServiceAccount": "v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "PodMonitor": "monitoring.coreos.com/v1",
    KIND: API_VERSION,
}

POD_MONITORS: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "podmonitors.monitoring.coreos.com"},
    "spec": {
        "group": "monitoring.coreos.com",
        "scope": "Namespaced",
        "names": {"kind": "PodMonitor", "plural": "podmonitors"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "x-kubernetes-preserve-unknown-fields": True,
                            }
                        },
                    }
                },
            }
        ],
    },
}
"""Enough of the Prometheus operator's CRD; the real one has 500 kB."""

Object = dict[str, Any]


async def eventually(holds: Callable[[], Awaitable[object]], within: float = DEADLINE) -> None:
    """Poll until it is so."""
    deadline = time.monotonic() + within
    while not await holds():
        assert time.monotonic() < deadline, f"not so within {within} s"
        await asyncio.sleep(0.05)


async def install_crds(client: KubeClient) -> None:
    """Install the CRDs of sets and of PodMonitors, and wait until both are served."""
    for kind, definition in ((KIND, crd.definition()), ("PodMonitor", POD_MONITORS)):
        if not await is_served(client, kind):
            await client.apply(definition, "installer")
            await eventually(partial(is_served, client, kind))


async def is_served(client: KubeClient, kind: str) -> bool:
    """Tell whether the API server serves a kind already."""
    try:
        await client.list({"apiVersion": API[kind], "kind": kind, "metadata": {}})
    except KubeError as error:
        if error.code in {404, 429}:  # unknown, or just being set up
            return False
        raise
    return True


class World:
    """One namespace."""

    def __init__(self, admin: KubeClient, namespace: str, settings: Settings) -> None:
        self.admin = admin
        self.namespace = namespace
        self.settings = settings

    @contextlib.asynccontextmanager
    async def operator(self, passed: failpoints.Passed = failpoints.ignore) -> AsyncIterator[None]:
        """An operator in this event loop, ready."""
        stop = asyncio.Event()
        running = asyncio.create_task(app.run(self.settings, stop, passed))
        try:
            await eventually(lambda: self.is_ready(running))
            yield
            assert not running.done(), "the operator has ended"
        finally:
            stop.set()
            await running

    async def spawn(self, **environ: str) -> Process:
        """An operator as users run it; whoever spawns it ends it."""
        ports = {
            "HEALTH_PORT": str(self.settings.health_port),
            "METRICS_PORT": str(self.settings.metrics_port),
        }
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "streamset_operator"),
            env={**os.environ, "WATCH_NAMESPACES": self.namespace, **ports, **environ},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=2**24,
        )

    async def is_ready(self, running: "asyncio.Task[None] | None" = None) -> bool:
        """Tell whether the operator's readiness probe succeeds."""
        if running is not None and running.done():
            running.result()
        return await self.probe("ready") == 200

    async def probe(self, path: str) -> int:
        """Return what a probe answers, 0 for nothing."""
        url = f"http://127.0.0.1:{self.settings.health_port}/{path}"
        with contextlib.suppress(aiohttp.ClientError):
            async with aiohttp.ClientSession() as session, session.get(url) as answer:
                return answer.status
        return 0

    async def writes(self) -> float:
        """Return how many mutating requests the operator has made."""
        url = f"http://127.0.0.1:{self.settings.metrics_port}/metrics"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            lines = (await answer.text()).splitlines()
        prefix = "streamset_operator_api_requests_total"
        return sum(
            float(line.rpartition(" ")[2])
            for line in lines
            if line.startswith(prefix) and 'method="get"' not in line and "reviews" not in line
        )

    def ref(self, kind: str, name: str = "") -> Object:
        """Return what names an object of this namespace."""
        metadata = {"namespace": self.namespace, "name": name}
        return {"apiVersion": API[kind], "kind": kind, "metadata": metadata}

    async def get(self, kind: str, name: str) -> Object | None:
        """Return an object, if there is one."""
        try:
            return await self.admin.get(self.ref(kind, name))
        except KubeError as error:
            if error.code == 404:
                return None
            raise

    async def names(self, kind: str) -> list[str]:
        """Return the names of all objects of a kind that were made for sets."""
        found = await self.admin.list(self.ref(kind), labelSelector=labels.SET)
        return sorted(thing["metadata"]["name"] for thing in found)

    async def apply_set(self, name: str = "majors", **spec: Any) -> Object:
        """Apply a set as a person would."""
        full = {
            "symbols": ["btcusdt", "ethusdt"],
            "channels": ["trade"],
            "nats": {"servers": ["nats://nats:4222"]},
        } | spec
        return await self.admin.apply(self.ref(KIND, name) | {"spec": full}, "person")

    async def set(self, name: str = "majors") -> Object:
        """Return a set as it is."""
        return await self.admin.get(self.ref(KIND, name))

    async def condition(self, kind: str, name: str = "majors") -> Object:
        """Return a condition of a set; empty where it has none."""
        status = (await self.set(name)).get("status", {})
        found = (c for c in status.get("conditions", ()) if c["type"] == kind)
        return next(found, {})

    async def settles(self, name: str = "majors") -> None:
        """Wait until the operator has seen the newest generation of a set, without a failure."""

        async def seen() -> bool:
            found = await self.set(name)
            wanted = found["metadata"]["generation"]
            return bool(found["status"]["observedGeneration"] == wanted)

        await eventually(seen)

    async def becomes(self, kind: str, reason: str, name: str = "majors") -> Object:
        """Wait until a condition has the reason; return it."""

        async def has() -> bool:
            return (await self.condition(kind, name)).get("reason") == reason

        try:
            await eventually(has)
        except AssertionError:
            raise AssertionError((await self.set(name)).get("status")) from None
        return await self.condition(kind, name)

    async def streams(self) -> dict[str, list[str]]:
        """Return each relay's streams, as its ConfigMap lists them."""
        found = await self.admin.list(self.ref("ConfigMap"), labelSelector=labels.SET)
        return {
            thing["metadata"]["name"]: document(thing)["streams"]
            for thing in sorted(found, key=lambda thing: str(thing["metadata"]["name"]))
        }

    async def settle(self) -> None:
        """Play the Deployment controller and the kubelet: pods as wanted, running and ready."""
        for deployment in await self.admin.list(self.ref("Deployment"), labelSelector=labels.SET):
            await self._settle(deployment)

    async def report(self, relay: str, *, silent: int = 0, **fields: Any) -> None:
        """Play a relay that runs its newest ConfigMap and receives everything."""
        config_map = await self.admin.get(self.ref("ConfigMap", relay))
        config = document(config_map)
        count = len(config["streams"])
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        entry = {
            "name": relay,
            "pod": f"{relay}-pod",
            "setUid": config["identity"]["setUid"],
            "configHash": config_map["metadata"]["annotations"][labels.CONFIG_HASH],
            "phase": "Running",
            "lastReportTime": now,
            "webSocket": {"connected": True},
            "nats": {"connected": True},
            "streams": {"desired": count, "active": count - silent},
            "messagesPerSecond": 100,
        } | fields
        await self.write_entry(config["identity"]["set"], entry)

    async def write_entry(self, name: str, entry: Mapping[str, Any]) -> None:
        """Write a relay's entry as its own field manager."""
        body = self.ref(KIND, name) | {"status": {"relays": [dict(entry)]}}
        manager = f"streamset-relay/{entry['name']}"
        await self.admin.apply(body, manager, subresource="status")

    async def stream_all(self, name: str = "majors") -> None:
        """Play nodes and relays until the set streams."""

        async def streaming() -> bool:
            await self.settle()
            for relay in await self.names("ConfigMap"):
                if await self.get("Pod", f"{relay}-pod"):
                    await self.report(relay)
            return (await self.condition("Ready", name)).get("reason") == "Streaming"

        try:
            await eventually(streaming)
        except AssertionError:
            raise AssertionError((await self.set(name)).get("status")) from None

    async def _settle(self, deployment: Object) -> None:
        name, wanted = deployment["metadata"]["name"], deployment["spec"]["replicas"]
        pod = self.ref("Pod", f"{name}-pod")
        live = await self.get("Pod", f"{name}-pod")
        template = deployment["spec"]["template"]
        outdated = live and live["metadata"].get("annotations", {}).get(
            labels.RESTART_HASH
        ) != template["metadata"]["annotations"].get(labels.RESTART_HASH)
        if live and (outdated or not wanted):
            await self.admin.delete(pod, gracePeriodSeconds="0")
            live = None
        if wanted and not live:
            pod["metadata"] |= template["metadata"]
            await self.admin.create(pod | {"spec": template["spec"]})
            await self.admin.apply(pod_status(self.ref("Pod", f"{name}-pod")), subresource="status")
        status = {
            "observedGeneration": deployment["metadata"]["generation"],
            **({"replicas": 1, "updatedReplicas": 1} if wanted else {}),
            **({"readyReplicas": 1, "availableReplicas": 1} if wanted else {}),
        }
        if (deployment.get("status") or {}) != status:
            body = self.ref("Deployment", name) | {"status": status}
            with contextlib.suppress(KubeError):  # it may be gone by now
                await self.admin.apply(body, subresource="status")


def document(config_map: Object) -> Any:
    """Return the relay's configuration that a ConfigMap holds."""
    return relay_document(config_map["data"]["relay.yaml"])


def pod_status(pod: Object) -> Object:
    """Return a pod that runs and is ready, as a kubelet reports it."""
    container = {
        "name": "relay",
        "image": "relay",
        "imageID": "relay",
        "ready": True,
        "restartCount": 0,
        "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
    }
    conditions = [{"type": "Ready", "status": "True"}]
    return pod | {
        "status": {"phase": "Running", "conditions": conditions, "containerStatuses": [container]}
    }


async def made_namespace(admin: KubeClient) -> str:
    """Make a namespace, and return its name."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    await admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return name


async def grant_operator(
    admin: KubeClient,
    namespace: str,
    without: Collection[str] = (),
    *,
    everywhere: bool = False,
) -> None:
    """Let the account `operator` of the namespace do what the preflight asks for, in it or everywhere."""
    rules = operator_rules(without)
    metadata = {"name": "operator", "namespace": namespace}
    await admin.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    prefix, granted = "", metadata
    if everywhere:
        prefix, granted = "Cluster", {"name": f"operator-{namespace}"}
    kind = f"{prefix}Role"
    await admin.create({"apiVersion": RBAC, "kind": kind, "metadata": granted, "rules": rules})
    subject = {"kind": "ServiceAccount", "name": "operator", "namespace": namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": granted["name"]}
    binding = {"apiVersion": RBAC, "kind": f"{kind}Binding", "metadata": granted}
    await admin.create(binding | {"roleRef": role, "subjects": [subject]})


def operator_rules(without: Collection[str] = ()) -> list[Object]:
    """Return the rules of a Role of what the preflight asks for."""
    return [
        {
            "apiGroups": [right.kind.group],
            "resources": [right.kind.plural + (f"/{right.part}" if right.part else "")],
            "verbs": [right.verb],
        }
        for right in (*RIGHTS, *POD_MONITOR_RIGHTS)
        if str(right) not in without
    ]


async def account_token(admin: KubeClient, namespace: str, account: str) -> str:
    """Return a token of a service account."""
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    answer = await admin.request("POST", path, request)
    token: str = answer["status"]["token"]
    return token


async def account_kubeconfig(
    plane: ControlPlane, admin: KubeClient, namespace: str, account: str, folder: Path
) -> Path:
    """Write a kubeconfig of a service account."""
    config = yaml.safe_load(plane.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": await account_token(admin, namespace, account)}
    path = folder / f"{account}.kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path

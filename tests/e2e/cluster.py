"""The cluster under test, through kubectl and Helm as a user has them, and a namespace of a test's own."""

import asyncio
import functools
import json
import os
import subprocess
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from streamset_api.resource import API_VERSION, KIND

ROOT = Path(__file__).parents[2]
DEADLINE = 120.0
KIND_SCRIPTS = ROOT / "hack" / "kind"

Object = dict[str, Any]


class KubectlError(Exception):
    """kubectl ended with another code than 0; the message is what it said."""


async def eventually(
    holds: Callable[[], Awaitable[object]], what: str = "", within: float = DEADLINE
) -> float:
    """Poll until it is so; return the seconds that this took."""
    started = time.monotonic()
    while not await holds():
        assert time.monotonic() - started < within, f"not so within {within:g} s: {what}"
        await asyncio.sleep(0.2)
    return time.monotonic() - started


@dataclass(frozen=True)
class Cluster:
    """A running cluster. Requests go as its administrator."""

    kubeconfig: Path

    async def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Return what kubectl printed. Raises `KubectlError`."""
        process = await asyncio.create_subprocess_exec(
            *(str(kubectl()), *arguments),
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig)},
            stdin=asyncio.subprocess.PIPE if stdin is not None else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            out, err = await process.communicate(stdin.encode() if stdin is not None else None)
        except BaseException:
            process.kill()
            await process.wait()
            raise
        if process.returncode:
            raise KubectlError(f"kubectl {' '.join(arguments)}: {err.decode()}{out.decode()}")
        return out.decode()

    async def get(self, *arguments: str) -> Object | None:
        """Return an object, or a list; None where it is not there."""
        try:
            found: Object = json.loads(await self.kubectl("get", *arguments, "--output=json"))
        except KubectlError as error:
            if "NotFound" in str(error):
                return None
            raise
        return found

    async def apply(self, *documents: Object) -> None:
        """Apply as a user does."""
        await self.kubectl("apply", "--filename=-", stdin=yaml.safe_dump_all(documents))

    @functools.cached_property
    def node(self) -> str:
        """Address of the node, which this machine reaches."""
        jsonpath = "jsonpath={.items[0].status.addresses[?(@.type=='InternalIP')].address}"
        done = subprocess.run(
            [kubectl(), "get", "nodes", f"--output={jsonpath}"],
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig)},
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout


class Space:
    """A namespace that enforces the pod security level `restricted`."""

    def __init__(self, cluster: Cluster, name: str = "") -> None:
        self.cluster = cluster
        self.name = name or f"e2e-{uuid.uuid4().hex[:8]}"

    async def make(self) -> None:
        """Make the namespace."""
        level = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
        metadata = {"name": self.name, "labels": level}
        await self.cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})

    async def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl in this namespace."""
        return await self.cluster.kubectl(f"--namespace={self.name}", *arguments, stdin=stdin)

    async def get(self, *arguments: str) -> Object | None:
        """Return an object of this namespace, or a list; None where it is not there."""
        return await self.cluster.get(f"--namespace={self.name}", *arguments)

    async def items(self, kind: str, selector: str = "") -> list[Object]:
        """Return all objects of a kind."""
        found = await self.get(kind, *([f"--selector={selector}"] if selector else []))
        listed: list[Object] = (found or {})["items"]
        return listed

    async def apply(self, *documents: Object) -> None:
        """Apply documents that name no namespace."""
        await self.kubectl("apply", "--filename=-", stdin=yaml.safe_dump_all(documents))

    async def apply_set(self, name: str = "majors", **spec: Any) -> None:
        """Apply a set that streams from the simulator to NATS, both of this namespace."""
        full = {
            "symbols": ["btcusdt", "ethusdt"],
            "channels": ["trade"],
            "endpoint": "ws://simulator:9443",
            "nats": {"servers": ["nats://nats:4222"], "subject": "binance.{market}.{symbol}"},
        } | spec
        metadata = {"name": name}
        await self.apply(
            {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": full}
        )

    async def set(self, name: str = "majors") -> Object:
        """Return a set as it is."""
        found = await self.get("bss", name)
        assert found is not None, f"there is no set {name}"
        return found

    async def condition(self, kind: str, name: str = "majors") -> Object:
        """Return a condition of a set; empty where it has none."""
        conditions = (await self.set(name)).get("status", {}).get("conditions", ())
        return next((found for found in conditions if found["type"] == kind), {})

    async def becomes(
        self, kind: str, reason: str, name: str = "majors", within: float = DEADLINE
    ) -> Object:
        """Wait until a condition of the newest generation has the reason; return it."""

        async def has() -> bool:
            found = await self.set(name)
            seen = found.get("status", {}).get("observedGeneration")
            current = seen == found["metadata"]["generation"]
            return current and (await self.condition(kind, name)).get("reason") == reason

        try:
            await eventually(has, within=within)
        except AssertionError as error:
            status = (await self.set(name)).get("status")
            raise AssertionError(f"{kind} does not become {reason}: {status}") from error
        return await self.condition(kind, name)

    async def pods(self, name: str = "majors") -> list[Object]:
        """Return the pods of a set that are not on their way out."""
        found = await self.items("pods", f"streams.petrosa.io/set={name}")
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    async def events(self, name: str = "majors") -> list[Object]:
        """Return the Events of a set."""
        return (
            await self.items("events", "")
            if not name
            else [
                event
                for event in await self.items("events")
                if event["involvedObject"]["name"] == name
            ]
        )

    async def url(self, service: str, scheme: str, port: int) -> str:
        """Return where this machine reaches a port of a service of type NodePort, once it does."""
        found = await self.get("service", service)
        assert found is not None
        [node_port] = [p["nodePort"] for p in found["spec"]["ports"] if p["port"] == port]

        async def connects() -> bool:
            try:
                _, writer = await asyncio.open_connection(self.cluster.node, node_port)
            except OSError:
                return False  # kube-proxy takes its time
            writer.close()
            await writer.wait_closed()
            return True

        await eventually(connects, f"{service}:{port} is reachable", 30)
        return f"{scheme}://{self.cluster.node}:{node_port}"

    async def rollout(self, deployment: str, within: float = DEADLINE) -> None:
        """Wait until a Deployment has rolled out."""
        timeout = f"--timeout={within:g}s"
        await self.kubectl("rollout", "status", f"deployment/{deployment}", timeout)

    async def diagnose(self) -> str:
        """Return all that helps to understand a failure."""
        parts = []
        for arguments in DIAGNOSES:
            try:
                parts.append(await self.kubectl(*arguments))
            except KubectlError as error:
                parts.append(str(error))
        for pod in (await self.get("pods") or {"items": []})["items"]:
            for previous in ("true", "false"):
                name = pod["metadata"]["name"]
                try:
                    log = await self.kubectl("logs", name, "--tail=40", f"--previous={previous}")
                except KubectlError:
                    continue
                parts.append(f"log of {name} (previous: {previous})\n{log}")
        return "\n".join(parts)


DIAGNOSES: Sequence[Sequence[str]] = (
    ("get", "all,bss,configmaps,networkpolicies", "--output=wide"),
    ("get", "bss", "--output=yaml"),
    ("get", "events", "--sort-by=.lastTimestamp"),
    ("describe", "pods"),
)


@functools.cache
def kubectl() -> Path:
    """Return the path of kubectl: that of the cache."""
    return Path(_said(ROOT / "hack" / "kube" / "build.sh", "--path")) / "kubectl"


def kubeconfig() -> Path:
    """Return the path of the kubeconfig of the kind cluster."""
    return Path(_said(KIND_SCRIPTS / "up.sh", "--kubeconfig"))


def images(*names: str) -> list[str]:
    """Return the full names of this project's images."""
    return _said(KIND_SCRIPTS / "images.sh", "--names", *names).split()


def _said(script: Path, *arguments: str) -> str:
    done = subprocess.run([script, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()

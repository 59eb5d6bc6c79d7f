"""Stand-ins for kubelets, the Deployment controller and relays, as a process of its own.

Every Deployment of a set gets a pod that runs, its status, and a relay that reports at once and then
every interval, by server-side apply with a field manager of its own, as `streamset_relay` does. The
reports are spread over the interval. Ends by SIGTERM.
"""

import argparse
import asyncio
import random
import signal
import ssl
import time
from collections.abc import Mapping
from typing import Any

import aiohttp

from benchmarks.operator.follow import follow
from streamset_api.resource import API_VERSION, KIND
from streamset_api.status import Link, Phase, RelayReport, SilentStreams, StreamCount
from streamset_operator import labels
from tests.integration.operator.world import document, pod_status
from tests.support.kube import ADMIN_TOKEN
from tests.support.kube_client import MERGE, KubeClient, KubeError, path_of

AT_ONCE = 10
"""Requests under way at a time."""

AGAIN = 1.0
"""Seconds before a report that was refused for the moment is tried again."""

PASSING = frozenset({409, 429, 500, 503, 504})

Object = Mapping[str, Any]


class Relays:
    """All the relays."""

    def __init__(self, client: KubeClient, interval: float) -> None:
        self._client = client
        self._interval = interval
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._random = random.Random(1)

    async def run(self, session: aiohttp.ClientSession) -> None:
        """Give life to each Deployment that there is, and that comes."""
        seen = set()
        async with asyncio.TaskGroup() as tasks:
            deployments = follow(session, "/apis/apps/v1/deployments", labels.SET)
            async for _, found in deployments:
                if (uid := found["metadata"]["uid"]) not in seen:
                    seen.add(uid)
                    tasks.create_task(self._live(found))

    async def _live(self, deployment: Object) -> None:
        async with self._turn:
            report = await self._start(deployment)
            await self._send(deployment, report)
        await asyncio.sleep(self._random.uniform(0, self._interval))
        while True:
            async with self._turn:
                done = await self._send(deployment, report)
            await asyncio.sleep(self._interval if done else AGAIN)

    async def _start(self, deployment: Object) -> RelayReport:
        """Make the pod, and say so everywhere; return what its relay reports."""
        name, template = deployment["metadata"]["name"], deployment["spec"]["template"]
        pod = _reference(deployment, "v1", "Pod", f"{name}-pod")
        labelled = {"metadata": pod["metadata"] | template["metadata"], "spec": template["spec"]}
        await self._client.create(pod | labelled)
        await self._update_status(pod, pod_status(pod)["status"], "kubelet")
        status = {
            "observedGeneration": deployment["metadata"]["generation"],
            **dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas"), 1),
            "availableReplicas": 1,
        }
        its = _reference(deployment, "apps/v1", "Deployment", name)
        await self._update_status(its, status, "kube-controller-manager")
        return _report(await self._client.get(_reference(deployment, "v1", "ConfigMap", name)))

    async def _update_status(self, of: Object, status: Object, manager: str) -> None:
        """Write a status as controllers and kubelets do: as an update, and not by apply."""
        path, body = f"{path_of(of)}/status", {"status": status}
        await self._client.request("PATCH", path, body, content_type=MERGE, fieldManager=manager)

    async def _send(self, deployment: Object, report: RelayReport) -> bool:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        fresh = report.model_copy(update={"last_report_time": now, "last_message_time": now})
        entry = fresh.model_dump(mode="json", by_alias=True, exclude_none=True)
        body = _reference(
            deployment, API_VERSION, KIND, deployment["metadata"]["labels"][labels.SET]
        )
        manager = f"streamset-relay/{report.name}"
        try:
            await self._client.apply(
                body | {"status": {"relays": [entry]}}, manager, subresource="status"
            )
        except KubeError as error:
            if error.code not in PASSING:
                raise
            return False
        except (aiohttp.ClientError, TimeoutError):
            return False
        return True


def _report(config_map: Object) -> RelayReport:
    """Return the report of a relay that runs this ConfigMap and receives everything."""
    config = document(dict(config_map))
    name, count = config_map["metadata"]["name"], len(config["streams"])
    return RelayReport(
        name=name,
        pod=f"{name}-pod",
        set_uid=config["identity"]["setUid"],
        config_hash=config_map["metadata"]["annotations"][labels.CONFIG_HASH],
        phase=Phase.RUNNING,
        web_socket=Link(connected=True),
        nats=Link(connected=True),
        streams=StreamCount(desired=count, active=count),
        silent_streams=SilentStreams(count=0),
        messages_per_second=100.0,
        reconnects=0,
        dropped=0,
        gaps=0,
    )


def _reference(of: Object, api_version: str, kind: str, name: str) -> dict[str, Any]:
    metadata = {"namespace": of["metadata"]["namespace"], "name": name}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


async def _run(url: str, certificate: str, interval: float) -> None:
    tls = await asyncio.to_thread(_trusting, certificate)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    async with (
        KubeClient(url, tls, ADMIN_TOKEN) as client,
        aiohttp.ClientSession(
            url, headers=headers, timeout=timeout, connector=aiohttp.TCPConnector(ssl=tls)
        ) as session,
    ):
        running = asyncio.ensure_future(Relays(client, interval).run(session))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
        try:
            await running
        except asyncio.CancelledError:
            return


def _trusting(certificate: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificate)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("certificate")
    parser.add_argument("interval", type=float)
    given = parser.parse_args()
    asyncio.run(_run(given.url, given.certificate, given.interval))

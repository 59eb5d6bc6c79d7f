"""The operator's release: installed, upgraded and removed by Helm, as its users do."""

import json
from pathlib import Path
from typing import Any

from tests.e2e.cluster import Cluster, KubectlError, Object, eventually
from tests.support.helm import CHART, Helm, given

NAMESPACE = "streamset-system"
NAME = "streams"

REPORT_INTERVAL = 5
"""Seconds between two reports of a relay, so that a silent one is noticed within 15."""

VALUES: dict[str, Any] = {"reportInterval": REPORT_INTERVAL, "timing.movePatience": 10}


class Release:
    """One release of the chart. Each method returns when what it does is done."""

    def __init__(self, cluster: Cluster, home: Path, name: str = NAME) -> None:
        self.cluster = cluster
        self.name = name
        self.home = home
        self._helm = Helm(home, cluster.kubeconfig)

    @property
    def deployment(self) -> str:
        """Name of the operator's Deployment."""
        return f"{self.name}-binance-streamset-operator"

    async def ensure(self) -> None:
        """Install it unless it is there, and wait until the operator is ready."""
        await self.helm(
            *("upgrade", "--install", self.name, str(CHART), "--create-namespace"), *given(VALUES)
        )
        await self.wait()

    async def install(self, *arguments: str) -> None:
        """Install it, as one that was not there before."""
        await self.helm(
            *("install", self.name, str(CHART), "--create-namespace"), *given(VALUES), *arguments
        )

    async def helm(self, *arguments: str) -> str:
        """Run Helm in the release's namespace."""
        return await self._helm.call(*arguments, f"--namespace={NAMESPACE}")

    async def kubectl(self, *arguments: str) -> str:
        """Run kubectl in the release's namespace."""
        return await self.cluster.kubectl(f"--namespace={NAMESPACE}", *arguments)

    async def wait(self) -> None:
        """Wait until the operator is ready."""
        await self.kubectl("rollout", "status", f"deployment/{self.deployment}", "--timeout=120s")

    async def uninstall(self) -> None:
        """Remove it, and wait until its pod is gone."""
        await self.helm("uninstall", self.name, "--wait")

    async def scale(self, replicas: int) -> None:
        """Stop the operator, or start it again."""
        await self.kubectl("scale", f"deployment/{self.deployment}", f"--replicas={replicas}")
        if replicas:
            await self.wait()
        else:
            await eventually(self._is_gone, "the operator's pod is gone")

    async def pods(self) -> list[Object]:
        """Return the operator's pods."""
        labels = f"app.kubernetes.io/component=operator,app.kubernetes.io/instance={self.name}"
        selector = f"--selector={labels}"
        found = json.loads(await self.kubectl("get", "pods", selector, "--output=json"))
        items: list[Object] = found["items"]
        return items

    async def log(self, *arguments: str) -> str:
        """Return the end of the operator's log."""
        whose = f"deployment/{self.deployment}"
        try:
            return await self.kubectl("logs", whose, "--tail=100", *arguments)
        except KubectlError as error:
            return str(error)

    async def _is_gone(self) -> bool:
        return not await self.pods()

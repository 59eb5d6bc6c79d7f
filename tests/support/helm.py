"""Helm 4 for tests: the binary that hack/helm/build.sh made, or the one that HELM or PATH offers.

It gets a home of its own, so that repositories, plugins and caches of whoever runs the tests have no say.
"""

import asyncio
import functools
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "hack" / "helm" / "build.sh"
CHART = ROOT / "charts" / "binance-streamset-operator"

Object = dict[str, Any]


class HelmError(Exception):
    """Helm ended with another code than 0; the message is what it printed."""


@dataclass(frozen=True)
class Helm:
    """Runs Helm with a home, and with a kubeconfig where a cluster is needed."""

    home: Path
    kubeconfig: Path | None = None

    def run(self, *arguments: str) -> str:
        """Return what it printed. Raises `HelmError`."""
        done = subprocess.run(
            [binary(), *arguments], env=self._environ(), check=False, capture_output=True, text=True
        )
        return _printed(done.returncode, done.stdout, done.stderr)

    async def call(self, *arguments: str) -> str:
        """Return what it printed, and let the event loop run meanwhile. Raises `HelmError`."""
        process = await asyncio.create_subprocess_exec(
            *(str(binary()), *arguments),
            env=self._environ(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            out, err = await process.communicate()
        except BaseException:
            process.kill()
            await process.wait()
            raise
        return _printed(await process.wait(), out.decode(), err.decode())

    def template(
        self, chart: Path, values: Mapping[str, Any], *arguments: str, release: str = "streamset"
    ) -> list[Object]:
        """Return the objects that the chart renders, its tests too. Raises `HelmError`."""
        flags = given(values)
        printed = self.run(
            "template", release, str(chart), "--namespace", "ops", *flags, *arguments
        )
        return [document for document in yaml.safe_load_all(printed) if document]

    def _environ(self) -> dict[str, str]:
        homes = {
            f"HELM_{kind}_HOME": str(self.home / kind.lower())
            for kind in ("CACHE", "CONFIG", "DATA")
        }
        kube = {"KUBECONFIG": str(self.kubeconfig or os.devnull)}
        return {**os.environ, **homes, **kube}


def given(values: Mapping[str, Any]) -> list[str]:
    """Return flags that give values, with their types: paths such as `image.tag` → value."""
    return [f"--set-json={path}={json.dumps(value)}" for path, value in values.items()]


@functools.cache
def binary() -> Path:
    """Return the path of Helm, whether or not it is there."""
    printed = subprocess.run([str(BUILD), "--path"], check=True, capture_output=True, text=True)
    return Path(printed.stdout.strip())


def is_there() -> bool:
    """Tell whether there is a Helm."""
    return shutil.which("bash") is not None and os.access(binary(), os.X_OK)


def _printed(code: int, out: str, err: str) -> str:
    if code:
        raise HelmError(f"exit code {code}\n{err}{out}")
    return out

"""The operator has exactly the rights that it uses: without any of them it says which, and ends."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.release import Release
from tests.integration.operator.world import POD_MONITORS
from tests.support.nats_server import free_ports

READY = b"Looking after sets"


async def test_each_right_is_asked_for_by_name(release: Release, tmp_path: Path) -> None:
    role = f"clusterrole/{release.deployment}"
    found = await release.cluster.get(role)
    assert found is not None
    rules: list[Any] = found["rules"]
    assert len(rules) > 5, rules
    environ = await _account(release, tmp_path)
    await release.scale(0)
    await release.cluster.apply(POD_MONITORS)
    try:
        assert READY in await _start(environ), "with all rights it works"
        for index, rule in enumerate(rules):
            rest = rules[:index] + rules[index + 1 :]
            await _patch(release, role, rest)
            said = await _start(environ)
            for resource in rule["resources"]:
                name = resource.partition("/")[0]
                assert f" {name}".encode() in said, f"nobody misses {rule}: {said.decode()}"
            assert READY not in said
    finally:
        await _patch(release, role, rules)
        await release.cluster.kubectl("delete", "crd", POD_MONITORS["metadata"]["name"])
        await release.scale(1)


async def _account(release: Release, folder: Path) -> dict[str, str]:
    """Return the variables of an operator that runs here, as the account that the chart made."""
    config: dict[str, Any] = yaml.safe_load(release.cluster.kubeconfig.read_text())
    token = await release.kubectl("create", "token", release.deployment)
    config["users"][0]["user"] = {"token": token.strip()}
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    health, metrics = free_ports(2)
    ports = {"HEALTH_PORT": str(health), "METRICS_PORT": str(metrics)}
    return {**os.environ, "KUBECONFIG": str(path), **ports}


async def _patch(release: Release, role: str, rules: list[Any]) -> None:
    patch = json.dumps({"rules": rules})
    await release.cluster.kubectl("patch", role, "--type=merge", f"--patch={patch}")


async def _start(environ: dict[str, str]) -> bytes:
    """Start an operator, and return its log up to where it works or ends for want of a right."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "streamset_operator"),
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        limit=2**24,
    )
    assert process.stdout is not None
    said = b""
    try:
        async with asyncio.timeout(60):
            while READY not in said and (line := await process.stdout.readline()):
                said += line
            if READY not in said:
                assert await process.wait() == 3, said.decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return said

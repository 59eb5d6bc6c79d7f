"""The life of an installation: upgraded with a changed CRD, removed, and installed again."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import yaml

from tests.e2e.cluster import KubectlError, Space, eventually
from tests.e2e.release import Release
from tests.support.helm import CHART, HelmError
from tests.support.subscriber import Subscriber

CRD = "binancestreamsets.streams.petrosa.io"


@pytest_asyncio.fixture
async def restored(release: Release) -> AsyncIterator[Release]:
    """The release, which is as it was afterwards."""
    yield release
    await release.ensure()


async def test_an_upgrade_brings_the_new_field(
    restored: Release, space: Space, tmp_path: Path
) -> None:
    newer = tmp_path / "chart"
    shutil.copytree(CHART, newer)
    crd = newer / "files" / "binancestreamsets.yaml"
    document = yaml.safe_load(crd.read_text())
    spec = document["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec["properties"]["brandNew"] = {
        "type": "string",
        "description": "A field of a newer version.",
    }
    crd.write_text(yaml.safe_dump(document))

    await space.apply_set()
    await space.becomes("Ready", "Streaming")
    await restored.helm("upgrade", restored.name, str(newer), "--reuse-values")
    await restored.wait()

    async def explained() -> bool:
        try:
            return "newer version" in await space.kubectl("explain", "bss.spec.brandNew")
        except KubectlError:
            return False

    await eventually(explained, "the new field is served")
    await space.apply_set(brandNew="yes")
    assert (await space.set())["spec"]["brandNew"] == "yes"
    await space.becomes("Ready", "Streaming")


async def test_uninstalled_and_installed_again(
    restored: Release, space: Space, consumer: Subscriber
) -> None:
    await space.apply_set()
    await space.becomes("Ready", "Streaming")
    [before] = await space.pods()

    await restored.uninstall()
    assert await restored.cluster.get("crd", CRD) is not None
    await consumer.wait_for(consumer.count + 20, timeout=30)
    [running] = await space.pods()
    assert running["metadata"]["uid"] == before["metadata"]["uid"], "the data plane runs on"

    other = Release(restored.cluster, restored.home, "other")
    with pytest.raises(HelmError, match=r"(?s)ownership|owned"):
        await other.install()
    await other.install("--take-ownership")
    await other.wait()
    await other.uninstall()

    await restored.install("--take-ownership")
    await restored.wait()
    await space.apply_set(symbols=["btcusdt", "ethusdt", "solusdt"])
    await space.becomes("Ready", "Streaming")
    [after] = await space.pods()
    assert after["metadata"]["uid"] == before["metadata"]["uid"]


async def test_the_same_name_needs_no_flag(restored: Release, space: Space) -> None:
    await space.apply_set()
    await space.becomes("Ready", "Streaming")
    await restored.uninstall()
    await restored.install()
    await restored.wait()
    await space.apply_set(logLevel="DEBUG")
    await space.becomes("Ready", "Streaming")

"""`helm install --wait` of a user's chart that holds a set: it ends when the set streams, and not before.

Helm 4 waits as kstatus says: for the generation that the operator has seen, and for its conditions.
https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md
"""

import asyncio
from pathlib import Path

import pytest
import yaml

from streamset_api.resource import API_VERSION, KIND
from tests.integration.operator.world import World, eventually
from tests.support.helm import Helm, HelmError
from tests.support.kube_client import Object


def write(chart: Path, *symbols: str) -> None:
    """Write a chart as a user has it, whose only object is a set."""
    document = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": "majors"},
        "spec": {
            "symbols": list(symbols),
            "channels": ["trade"],
            "nats": {"servers": ["nats://nats:4222"]},
        },
    }
    about = {"apiVersion": "v2", "name": "markets", "version": "1.0.0"}
    (chart / "templates").mkdir(parents=True, exist_ok=True)
    (chart / "Chart.yaml").write_text(yaml.safe_dump(about))
    (chart / "templates" / "set.yaml").write_text(yaml.safe_dump(document))


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """The chart with a set of two streams."""
    write(tmp_path / "markets", "btcusdt", "ethusdt")
    return tmp_path / "markets"


async def install(helm: Helm, chart: Path, namespace: str, timeout: float) -> None:
    await helm.call(
        "install", "markets", str(chart), "-n", namespace, "--wait", f"--timeout={timeout}s"
    )


async def applied(world: World, generation: int) -> None:
    """Wait until Helm has sent the manifest."""

    async def there() -> bool:
        found = await world.get(KIND, "majors")
        return found is not None and found["metadata"]["generation"] == generation

    await eventually(there)


def written(ready: str, reconciling: str, stalled: str, generation: int) -> Object:
    """Return status as the operator writes it."""
    conditions = {"Ready": ready, "Reconciling": reconciling, "Stalled": stalled}
    common = {
        "observedGeneration": generation,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        "reason": "Written",
        "message": "by a test",
    }
    return {
        "observedGeneration": generation,
        "conditions": [{"type": t, "status": s, **common} for t, s in conditions.items()],
    }


async def test_without_an_operator_it_does_not_succeed(
    world: World, helm: Helm, chart: Path
) -> None:
    with pytest.raises(HelmError, match=r"majors not ready\. status: InProgress"):
        await install(helm, chart, world.namespace, timeout=8)


async def test_it_succeeds_once_the_set_is_ready(world: World, helm: Helm, chart: Path) -> None:
    """And not while it is Progressing, nor by what was Ready before the manifest changed."""
    installing = asyncio.create_task(install(helm, chart, world.namespace, timeout=60))

    await applied(world, generation=1)
    for status in (
        written("False", "True", "False", generation=1),
        written("True", "False", "False", generation=0),
    ):
        await world.admin.apply(
            world.ref(KIND, "majors") | {"status": status}, subresource="status"
        )
        await asyncio.wait({installing}, timeout=2)
        assert not installing.done(), installing

    ready = written("True", "False", "False", generation=1)
    await world.admin.apply(world.ref(KIND, "majors") | {"status": ready}, subresource="status")
    await installing


async def test_it_succeeds_with_the_operator_once_relays_deliver(
    world: World, helm: Helm, chart: Path
) -> None:
    async with world.operator():
        installing = asyncio.create_task(install(helm, chart, world.namespace, timeout=60))

        await applied(world, generation=1)
        await world.becomes("Ready", "Progressing")
        assert not installing.done()
        await world.stream_all()
        await installing


async def test_an_upgrade_waits_for_the_new_generation(
    world: World, helm: Helm, chart: Path
) -> None:
    """Ready of the old one is no reason to go on."""
    async with world.operator():
        installing = asyncio.create_task(install(helm, chart, world.namespace, timeout=60))
        await applied(world, generation=1)
        await world.becomes("Ready", "Progressing")
        await world.stream_all()
        await installing

    write(chart, "btcusdt")
    flags = ("-n", world.namespace, "--wait", "--timeout=60s")
    upgrading = asyncio.create_task(helm.call("upgrade", "markets", str(chart), *flags))

    await applied(world, generation=2)
    await asyncio.wait({upgrading}, timeout=2)
    assert not upgrading.done()
    async with world.operator():
        await world.settles()
        await world.stream_all()
        await upgrading

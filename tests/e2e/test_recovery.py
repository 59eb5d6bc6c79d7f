"""Something dies: everything ends where it should, and the status tells the truth meanwhile."""

import pytest

from tests.e2e.cluster import Space, eventually
from tests.e2e.release import REPORT_INTERVAL, Release
from tests.support.subscriber import Subscriber


@pytest.fixture
async def streaming(space: Space) -> Space:
    """A namespace with a set that streams."""
    await space.apply_set()
    await space.becomes("Ready", "Streaming")
    return space


async def goes_on(space: Space, consumer: Subscriber) -> None:
    """Wait until the set is Ready, and data arrives."""
    await space.becomes("Ready", "Streaming")
    await consumer.wait_for(consumer.count + 20, timeout=60)


async def leaves_ready(space: Space, within: float) -> None:
    """Wait until Ready is not True any more."""

    async def left() -> bool:
        return bool((await space.condition("Ready"))["status"] != "True")

    took = await eventually(left, "Ready leaves True", within)
    print(f"Ready left True after {took:.1f} s")


async def test_a_killed_relay_pod(streaming: Space, consumer: Subscriber) -> None:
    [pod] = await streaming.pods()
    await streaming.kubectl(
        "delete", "pod", pod["metadata"]["name"], "--grace-period=0", "--force", "--wait=false"
    )
    await leaves_ready(streaming, 3 * REPORT_INTERVAL + 5)
    await goes_on(streaming, consumer)


async def test_a_killed_operator_pod(
    streaming: Space, consumer: Subscriber, release: Release
) -> None:
    [pod] = await release.pods()
    [relay] = await streaming.pods()
    await release.kubectl("delete", "pod", pod["metadata"]["name"], "--grace-period=0", "--force")
    await streaming.apply_set(symbols=["btcusdt", "ethusdt", "solusdt"])
    await release.wait()
    await goes_on(streaming, consumer)
    [after] = await streaming.pods()
    assert after["metadata"]["uid"] == relay["metadata"]["uid"], (
        "relays run on without the operator"
    )
    assert (await streaming.set())["status"]["summary"]["streams"] == "3/3"


async def test_a_deleted_config_map(streaming: Space, consumer: Subscriber) -> None:
    before = await streaming.get("configmap", "majors-0")
    await streaming.kubectl("delete", "configmap", "majors-0")

    async def is_back() -> bool:
        found = await streaming.get("configmap", "majors-0")
        return found is not None and before is not None and found["data"] == before["data"]

    await eventually(is_back, "the ConfigMap is back", 15)
    await goes_on(streaming, consumer)


async def test_nats_restarted(streaming: Space, consumer: Subscriber) -> None:
    await streaming.kubectl("scale", "deployment/nats", "--replicas=0")
    await leaves_ready(streaming, 3 * REPORT_INTERVAL + 5)
    delivering = await streaming.becomes("Delivering", "NatsUnreachable")
    assert delivering["status"] == "False"
    await streaming.kubectl("scale", "deployment/nats", "--replicas=1")
    await streaming.rollout("nats")
    await goes_on(streaming, consumer)
    [pod] = await streaming.pods()
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 0


async def test_the_exchange_restarted(streaming: Space, consumer: Subscriber) -> None:
    await streaming.kubectl("scale", "deployment/simulator", "--replicas=0")
    await leaves_ready(streaming, 3 * REPORT_INTERVAL + 5)
    connected = await streaming.becomes("Connected", "ExchangeUnreachable")
    assert connected["status"] == "False"
    await streaming.kubectl("scale", "deployment/simulator", "--replicas=1")
    await streaming.rollout("simulator")
    await goes_on(streaming, consumer)


async def test_relays_drained_off_the_node_and_back(streaming: Space, consumer: Subscriber) -> None:
    node = (await streaming.pods())[0]["spec"]["nodeName"]
    await streaming.cluster.kubectl(
        *("drain", node, "--pod-selector=streams.petrosa.io/set", "--ignore-daemonsets"),
        "--delete-emptydir-data",
    )
    try:
        await leaves_ready(streaming, 3 * REPORT_INTERVAL + 5)
        await streaming.becomes("Ready", "Unschedulable")
    finally:
        await streaming.cluster.kubectl("uncordon", node)
    await goes_on(streaming, consumer)


async def test_a_namespace_deleted_while_the_operator_is_down(
    streaming: Space, release: Release
) -> None:
    await release.scale(0)
    try:
        await streaming.cluster.kubectl("delete", "namespace", streaming.name, "--timeout=90s")
    finally:
        await release.scale(1)
    [pod] = await release.pods()
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 0

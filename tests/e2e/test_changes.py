"""A set that is edited: streams change under way, everything else with a new pod."""

from tests.e2e.cluster import Space, eventually
from tests.integration.relay.witness import numbers
from tests.support.subscriber import Subscriber

WITHIN = 10.0
"""Seconds from the edit to the new stream's data."""


async def test_streams_change_without_a_restart(space: Space, consumer: Subscriber) -> None:
    await space.apply_set()
    await space.becomes("Ready", "Streaming")
    [before] = await space.pods()
    await consumer.wait_for(40)

    await space.apply_set(symbols=["btcusdt", "solusdt"])

    async def arrived() -> bool:
        return any(b'"solusdt@trade"' in payload[:60] for payload in consumer.payloads)

    took = await eventually(arrived, "the new stream's data", WITHIN)
    print(f"new stream after {took:.1f} s")
    await eventually(lambda: _is_complete(space), "both streams are active")
    await space.becomes("Ready", "Streaming")
    await consumer.wait_for(consumer.count + 40)
    [after] = await space.pods()

    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["status"]["containerStatuses"][0]["restartCount"] == 0
    kept = numbers(consumer.payloads, "btcusdt@trade")
    assert kept == list(range(kept[0], kept[0] + len(kept))), "a stream that stays is not disturbed"


async def _is_complete(space: Space) -> bool:
    return bool((await space.set())["status"]["summary"]["streams"] == "2/2")


async def test_any_other_change_rolls_the_pod(space: Space) -> None:
    await space.apply_set()
    await space.becomes("Ready", "Streaming")
    [before] = await space.pods()

    await space.apply_set(logLevel="DEBUG")

    async def rolled() -> bool:
        uids = [pod["metadata"]["uid"] for pod in await space.pods()]
        return len(uids) == 1 and uids != [before["metadata"]["uid"]]

    await eventually(rolled, "another pod")
    await space.becomes("Ready", "Streaming")


async def test_suspend_and_resume(space: Space) -> None:
    await space.apply_set()
    await space.becomes("Ready", "Streaming")
    await space.apply_set(suspend=True)
    await space.becomes("Ready", "Suspended")
    await eventually(lambda: _has_pods(space, 0))
    await space.apply_set()
    await space.becomes("Ready", "Streaming")


async def _has_pods(space: Space, count: int) -> bool:
    return len(await space.pods()) == count

"""A relay's pod is replaced: the new one comes first, and consumers get every event once."""

from typing import Any

import pytest

from tests.e2e.cluster import Space, eventually
from tests.integration.relay.crew import NUMBERED, Verdict, judge
from tests.support.jetstream import content
from tests.support.subscriber import Subscriber

ROLLS = 3
SUBJECT = "binance.{symbol}.{channel}"
JETSTREAM = {"jetStream": {"stream": "BINANCE", "create": {"storage": "Memory"}}}
MODES = pytest.mark.parametrize("mode", [{}, JETSTREAM], ids=["core", "jetstream"])


@MODES
async def test_rolling_replacements_lose_and_double_nothing(
    space: Space, consumer: Subscriber, mode: dict[str, Any]
) -> None:
    spec: dict[str, Any] = {
        "symbols": ["btcusdt", "ethusdt", "bnbusdt"],
        "channels": ["trade", "aggTrade"],
        "nats": {"servers": ["nats://nats:4222"], "subject": SUBJECT, **mode},
    }
    await space.apply_set(**spec)
    await space.becomes("Ready", "Streaming")
    for level in ("DEBUG", "INFO", "WARNING")[:ROLLS]:
        before = {pod["metadata"]["uid"] for pod in await space.pods()}
        await space.apply_set(**spec, logLevel=level)

        async def rolled(before: set[str] = before) -> bool:
            uids = {pod["metadata"]["uid"] for pod in await space.pods()}
            return len(uids) == 1 and not uids & before

        await eventually(rolled, "another pod alone")
        await space.becomes("Ready", "Streaming")
    await consumer.wait_for(consumer.count + 400)
    await space.apply_set(**spec, suspend=True)
    await space.becomes("Ready", "Suspended")
    seen = await _seen(space, consumer, stored=bool(mode))

    print(f"{seen.messages} messages, {ROLLS} replacements, ", end="")
    print(f"longest pause {consumer.longest_pause:.2f} s")
    assert set(seen.distinct) == set(NUMBERED)
    assert (seen.missing, seen.doubled, seen.reordered) == (0, 0, 0)


async def _seen(space: Space, consumer: Subscriber, *, stored: bool) -> Verdict:
    await consumer.settle()
    if stored:
        return judge(await content(await space.url("nats", "nats", 4222), "BINANCE"))
    return judge(consumer.messages)

"""What a relay drops before the streams are its own: told of, if no other relay has delivered it."""

import asyncio
import signal
from pathlib import Path
from typing import Any

from exchange_simulator import Simulator
from tests.integration.relay.crew import IDENTITY
from tests.integration.relay.test_events import MARKET, TRADES, Read, span, told
from tests.support.nats_server import NatsServer
from tests.support.relay import LocalRelay
from tests.support.relay_process import RelayProcess
from tests.support.subscriber import Subscriber

SMALL = 12_000
"""Bytes: some 30 trades, or a third of a second."""


def settings(exchange: str, nats: str, **buffer: Any) -> Any:
    return told(exchange, nats, TRADES, buffer=buffer, timing={"successionSilence": 1.0}) | {
        "identity": IDENTITY
    }


def missing_of(found: Read) -> set[int]:
    return {number for first, last in found.holes() for number in range(first, last + 1)}


async def test_what_expires_before_anybody_can_be_asked_is_told(nats_server: NatsServer) -> None:
    await nats_server.kill()
    async with (
        Simulator(MARKET) as exchange,
        LocalRelay(settings(exchange.url, nats_server.url, ttlSeconds=0.5)) as relay,
    ):
        await relay.until(lambda s: s.ledger.dropped.get("expired", 0) > 50)
        await nats_server.restart()
        async with Subscriber(nats_server.url, keep=True) as subscriber:
            await relay.until(lambda s: s.ledger.published > 100)
            await relay.until(lambda s: s.event_records.get("gap"))
            ledger = await relay.stop()
            await subscriber.settle()
        found = Read(subscriber.messages)

    [gap] = found.of("gap")
    assert (gap["reason"], gap["cause"]) == ("dropped", "expired")
    assert gap["missing"] == ledger.dropped["expired"] == gap["to"] - gap["from"] + 1
    assert ledger.difference == 0


async def test_a_follower_with_too_small_a_hold_tells_what_the_dead_owner_left(
    nats_server: NatsServer, subscriber: Subscriber, tmp_path: Path
) -> None:
    """While it follows it gives up many more, and says nothing: the owner delivers those."""
    async with Simulator(MARKET) as exchange:
        owner_settings = settings(exchange.url, nats_server.url)
        async with RelayProcess(tmp_path, owner_settings) as owner:
            await subscriber.wait_for(50)
            config = settings(exchange.url, nats_server.url, maxBytes=SMALL)
            async with LocalRelay(config) as follower:
                await follower.until(lambda s: s.ledger.dropped.get("hold_full", 0) > 100)
                assert follower.status.event_records == {"connect": 1}
                owner.send(signal.SIGKILL)
                await owner.wait()
                await follower.until(lambda s: s.ledger.published > 100)
                await follower.until(lambda s: s.event_records.get("gap"))
                ledger = await follower.stop()
        await subscriber.settle()
        found = Read(subscriber.messages)

    [gap] = found.of("gap")
    [hole] = found.holes()
    assert (gap["reason"], gap["cause"]) == ("dropped", "hold_full")
    assert gap["from"] <= hole[0] < hole[1] == gap["to"], "after its last word the owner sent more"
    assert gap["missing"] == gap["to"] - gap["from"] + 1 < ledger.dropped["hold_full"]
    assert ledger.difference == 0


async def test_a_handover_to_a_follower_that_has_dropped_much_is_told_to_the_message(
    nats_server: NatsServer, subscriber: Subscriber
) -> None:
    async with Simulator(MARKET) as exchange:
        async with LocalRelay(settings(exchange.url, nats_server.url)) as owner:
            await owner.until(lambda s: s.ledger.published > 50)
            config = settings(exchange.url, nats_server.url, maxBytes=SMALL)
            async with LocalRelay(config) as follower:
                await follower.until(lambda s: s.ledger.dropped.get("hold_full", 0) > 50)
                await owner.stop()
                await follower.until(lambda s: s.ledger.published > 50)
                await asyncio.sleep(1.2)  # records of what was lost are a second apart
                ledger = await follower.stop()
        await subscriber.settle()
        found = Read(subscriber.messages)

    assert [span(gap) for gap in found.of("gap")] == found.holes()
    assert ledger.difference == 0

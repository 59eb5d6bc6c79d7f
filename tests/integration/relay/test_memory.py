"""10 MB more of frames must not mean 10 MB more of memory."""

import asyncio
import statistics
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.nats_server import NatsServer
from tests.support.relay import document, info
from tests.support.relay_process import Exchange, RelayProcess, exchange_process
from tests.support.subscriber import Subscriber

MB = 1_000_000
RATE = "20000"
STEPS = (10, 15, 20, 25, 30)
"""Megabytes of frames after which memory is looked at."""
NOISE = 8 * MB
"""What a busy machine adds: frames come in larger batches when a process had to wait for its turn."""
STREAMS = ("btcusdt@trade", "btcusdt@depth20@100ms", "ethusdt@trade", "btcusdt@ticker")


@pytest.mark.parametrize("client", ["picows", "websockets"])
async def test_memory_does_not_grow_with_what_was_relayed(
    client: str, tmp_path: Path, nats_server: NatsServer
) -> None:
    async with (
        exchange_process("--rate", RATE) as exchange,
        Subscriber(nats_server.url) as subscriber,
        RelayProcess(
            tmp_path, document(exchange.url, nats_server.url, *STREAMS, transport=client)
        ) as relay,
    ):
        sizes = []
        for megabytes in STEPS:
            await _until_sent(exchange, megabytes * MB)
            sizes.append(relay.rss())
        ended = await relay.stop()
        assert await subscriber.settle() == ended.ledger["published"]

    print(f"\n{client}: RSS {', '.join(f'{size / MB:.1f}' for size in sizes)} MB")
    steps = [later - earlier for earlier, later in pairwise(sizes)]
    assert statistics.median(steps) < 1 * MB, "of 5 MB of frames each"
    assert sizes[-1] - sizes[0] < NOISE, "for 20 MB of frames"


async def test_a_full_buffer_costs_no_more_than_its_bound(tmp_path: Path) -> None:
    """NATS is away, 30 MB come, and the buffer may hold 4 MiB."""
    bound = 4 << 20
    config = document("", "nats://127.0.0.1:9", *STREAMS, timing={"gracePeriod": 6})
    config["buffer"] = {"maxMessages": 1_000_000, "maxBytes": bound}
    async with exchange_process("--rate", RATE) as exchange:
        config["endpoint"] = exchange.url
        async with RelayProcess(tmp_path, config) as relay:
            before = relay.rss()
            await _until_sent(exchange, 30 * MB)
            after = relay.rss()
            assert (await info(relay))["queue_utilization_percent"] > 95
            ended = await relay.stop()

    assert ended.ledger["difference"] == 0
    print(f"\nRSS {before / MB:.1f} MB before, {after / MB:.1f} MB with a full buffer")
    assert after - before < 2 * bound + NOISE


async def _until_sent(exchange: Exchange, count: int) -> None:
    """Wait until the exchange has sent so many bytes."""
    async with asyncio.timeout(60):
        while True:
            stats = await exchange.stats()
            if sum(connection["bytes"] for connection in stats["connections"]) >= count:
                return
            await asyncio.sleep(0.1)

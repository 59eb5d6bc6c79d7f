"""Ordered delivery: whatever is refused or lost, no message overtakes another of its stream."""

import asyncio
from random import Random

import pytest

from streamset_api.nats import Discard, JetStreamCreate
from tests.integration.jetstream.feed import NAMES, STREAM, WIDE, feeding, until
from tests.support.jetstream import administration, content
from tests.support.nats_server import NatsServer

MANY = tuple(f"s{number}usdt@trade" for number in range(40))


async def test_refusals_invert_nothing() -> None:
    """The ingest queue takes fewer messages than there are streams, so that it refuses all the time."""
    async with (
        NatsServer(jetstream="max_buffered_msgs: 5") as server,
        feeding(server.url, ordered=True, names=MANY, padding=2_000) as feed,
    ):
        for _ in range(20):
            feed.batch(200)
            await asyncio.sleep(0.02)
        await feed.drained(60)
        account = feed.sink.account.jetstream
        assert account is not None
        assert account.resent > 0, "nothing was refused: the test proves nothing"
        assert account.reordered == 0
        feed.check(await content(server.url, STREAM))
        print(f"\n{account}")


@pytest.mark.parametrize("seed", range(2))
async def test_kills_invert_nothing(seed: int) -> None:
    random = Random(seed)
    async with NatsServer(jetstream=True) as server, feeding(server.url, ordered=True) as feed:
        async with asyncio.TaskGroup() as tasks:
            flow = tasks.create_task(feed.run(6_000, 3_000))
            for _ in range(2):
                await asyncio.sleep(random.uniform(0.2, 0.6))
                await server.kill()
                await server.restart()
                await until(lambda: feed.sink.link.connected)
            await flow
        await feed.drained()
        assert feed.dropped == {}
        feed.check(await content(server.url, STREAM))


async def test_a_full_stream_takes_up_where_it_stopped() -> None:
    full = JetStreamCreate(subjects=("md.>",), discard=Discard.NEW, max_bytes=200_000)
    async with (
        NatsServer(jetstream=True) as server,
        feeding(server.url, create=full, ordered=True) as feed,
    ):
        await feed.run(1_000)
        await until(lambda: feed.sink.link.failure == "StreamFull")
        async with administration(server.url) as js:
            await js.update_stream(
                name=STREAM, subjects=["md.>"], discard="new", max_bytes=50_000_000
            )
        await feed.drained()
        feed.check(await content(server.url, STREAM))


async def test_a_burst_of_one_stream_waits_and_the_others_do_not() -> None:
    """One message of a stream is under way at a time, so that never more are than there are streams."""
    async with NatsServer(jetstream=True) as server, feeding(server.url, ordered=True) as feed:
        await until(lambda: feed.sink.ready)
        most = 0
        for _ in range(20):
            feed.batch(300)
            account = feed.sink.account.jetstream
            assert account is not None
            most = max(most, account.in_window)
            await asyncio.sleep(0)
        await feed.drained()
        assert most == len(NAMES)
        feed.check(await content(server.url, STREAM))


async def test_what_waits_for_its_turn_too_long_expires() -> None:
    limits = WIDE._replace(ttl=0.5)
    async with (
        NatsServer(jetstream=True) as server,
        feeding(server.url, ordered=True, limits=limits) as feed,
    ):
        await feed.run(300)
        await feed.drained()
        server.pause()
        feed.batch(300)
        await until(lambda: feed.dropped.get("expired", 0) > 0)
        server.resume()
        await feed.drained()
        assert feed.dropped["expired"] >= 300 - len(NAMES)
        feed.check(await content(server.url, STREAM), missing=feed.dropped["expired"])

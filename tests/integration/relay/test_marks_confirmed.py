"""What an owner says to be confirmed is in the stream, whatever order JetStream takes messages in."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import NoRespondersError
from nats.js.api import DiscardPolicy, StreamConfig

from streamset_api.relay_config import BufferConfig
from streamset_relay.core.batch import Batch
from streamset_relay.core.buffer import Buffer
from streamset_relay.core.classify import classify
from streamset_relay.core.marks import Mark, Marks
from streamset_relay.core.ownership import Bounds, Ownership, State
from streamset_relay.core.succession import Ask, Rank, Stand, Word, read, write
from streamset_relay.pipeline import Pipeline, deliver, publish
from streamset_relay.sink import CoreSink
from streamset_relay.succession import Succession
from streamset_relay.tail import Tail
from tests.integration.jetstream.feed import STREAM, Timing, make, until
from tests.support.jetstream import administration, content
from tests.support.nats_server import NatsServer

SUBJECT = "streamset.relay.1.2"
SLOW = "btcusdt@trade"
OTHERS = tuple(f"s{number}usdt@trade" for number in range(60))
LIMIT = 10
"""Messages of each subject that the stream takes at first."""


@dataclass(frozen=True)
class Spoken(Timing):
    """The times of a relay that speaks with others."""

    succession_interval: float = 0.1
    succession_silence: float = 1.0


@dataclass
class Relay:
    """A relay's stages behind the socket, and another one that speaks with it."""

    pipeline: Pipeline
    ownership: Ownership
    client: Client
    numbers: dict[str, int] = field(default_factory=dict)

    def receive(self, *names: str) -> None:
        """One event of each of these streams, in one read."""
        now = asyncio.get_running_loop().time()
        frames = []
        for name in names:
            number = self.numbers[name] = self.numbers.get(name, 0) + 1
            frames.append(b'{"stream":"%b","data":{"t":%d}}' % (name.encode(), number))
        found = classify(frames, self.pipeline.streams)
        deliver(Batch(time.time_ns(), now, found.messages, found.size), self.pipeline, now)

    async def owning(self) -> None:
        """Wait until it owns the streams, can publish, and answers."""
        await until(lambda: self.ownership.state is State.OWNING)
        await until(lambda: self.pipeline.sink.ready)
        async with asyncio.timeout(20):
            while True:
                with contextlib.suppress(NoRespondersError):
                    await self.confirmed()
                    return

    async def confirmed(self) -> Mapping[str, int]:
        """Ask as a follower does: the number of each stream's last confirmed event."""
        answer = await self.client.request(SUBJECT, write(Ask(Rank(0, "follower"), False)))
        word = read(answer.data)
        assert isinstance(word, Word)
        return {name: mark.identity for name, mark in word.marks.items()}


@asynccontextmanager
async def relay(
    url: str, *names: str, ordered: bool = False, core: bool = False
) -> AsyncIterator[Relay]:
    """All of it runs. On core NATS nothing is confirmed before the sink drains."""
    timing = Spoken(confirm_interval=3600.0 if core else 0.05)
    jetstream, session, streams = make(
        url, create=None, ordered=ordered, names=names, timing=timing
    )
    sink = CoreSink(session) if core else jetstream
    ownership = Ownership(streams, Bounds(1 << 20, 60.0))
    pipeline = Pipeline(streams, Buffer(BufferConfig()), sink, ownership=ownership)
    tail = None if core else Tail(STREAM, streams)
    succession = Succession(session, pipeline, ownership, timing, subject=SUBJECT, tail=tail)
    client = await nats.connect(url, allow_reconnect=False)
    running = asyncio.create_task(sink.run())
    talking = [asyncio.create_task(work) for work in (succession.run(), publish(pipeline))]
    try:
        yield Relay(pipeline, ownership, client)
    finally:
        await client.close()
        for task in talking:
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)
        await sink.stop(5)
        await running


@asynccontextmanager
async def owner(url: str, marks: Marks) -> AsyncIterator[None]:
    """One that answers every ask with the same marks, until it is gone."""
    word = write(Word(Rank(1, "owner"), Stand.OWNS, marks))

    async def answer(ask: Msg) -> None:
        await ask.respond(word)

    client = await nats.connect(url, allow_reconnect=False)
    try:
        await client.subscribe(SUBJECT, cb=answer)
        await client.flush()
        yield
    finally:
        await client.close()


@pytest.mark.parametrize("ordered", [False, True])
async def test_a_stream_that_others_overtake_is_not_confirmed(*, ordered: bool) -> None:
    """Ninety of its hundred messages are refused, while three hundred of others are taken."""
    config = StreamConfig(
        name=STREAM,
        subjects=["md.>"],
        duplicate_window=120,
        discard=DiscardPolicy.NEW,
        discard_new_per_subject=True,
        max_msgs_per_subject=LIMIT,
    )
    async with NatsServer(jetstream=True) as server, administration(server.url) as js:
        await js.add_stream(config)
        async with relay(server.url, SLOW, *OTHERS, ordered=ordered) as asked:
            await asked.owning()
            asked.receive(*[SLOW] * 100)
            heard = [await asked.confirmed()]
            for _ in range(5):
                asked.receive(*OTHERS)
            async with asyncio.timeout(20):
                while (await js.stream_info(STREAM)).state.messages < LIMIT + 300:
                    await asyncio.sleep(0.02)
            heard += [await asked.confirmed() for _ in range(3)]
            stored = await numbers(server.url)
            print(f"\n{asked.pipeline.sink.account}")
            assert len(stored[SLOW]) == LIMIT
            for marks in heard:
                for name, number in marks.items():
                    missing = set(range(1, number + 1)) - set(stored[name])
                    assert not missing, f"{name} was said to be confirmed up to {number}"

            config.max_msgs_per_subject = -1
            config.discard_new_per_subject = False
            await js.update_stream(config)
            async with asyncio.timeout(20):
                while await asked.confirmed() != asked.numbers:
                    await asyncio.sleep(0.1)
            assert asked.pipeline.sink.account.pending == 0


async def test_what_was_overtaken_when_the_owner_died_is_delivered() -> None:
    """The eleventh event was refused, and the twelfth is stored: the stream's end says too much."""
    async with NatsServer(jetstream=True) as server, administration(server.url) as js:
        await js.add_stream(name=STREAM, subjects=["md.>"], duplicate_window=120)
        async with relay(server.url, SLOW) as dead:
            await dead.owning()
            dead.receive(*[SLOW] * 10)
            dead.numbers[SLOW] += 1
            dead.receive(SLOW)
            assert await dead.pipeline.sink.drain(20)
        assert await numbers(server.url) == {SLOW: [*range(1, 11), 12]}

        async with contextlib.AsyncExitStack() as living:
            await living.enter_async_context(owner(server.url, {SLOW: Mark(10)}))
            async with relay(server.url, SLOW) as heir:
                heir.receive(*[SLOW] * 13)
                await until(lambda: heir.ownership.held == 3)
                await living.aclose()
                await heir.owning()
                assert await heir.pipeline.sink.drain(20)
        assert await numbers(server.url) == {SLOW: [*range(1, 11), 12, 11, 13]}


async def test_on_core_nats_only_a_pong_confirms() -> None:
    async with NatsServer() as server, relay(server.url, SLOW, core=True) as asked:
        await asked.owning()
        sink = asked.pipeline.sink
        asked.receive(SLOW, SLOW)
        oldest = sink.oldest_pending
        for _ in range(10):
            asked.receive(SLOW, SLOW)
            assert SLOW not in await asked.confirmed()
        assert sink.oldest_pending == oldest is not None
        assert await sink.drain(5)
        assert (sink.account.pending, sink.oldest_pending) == (0, None)
        assert await asked.confirmed() == {SLOW: 22}


async def numbers(url: str) -> Mapping[str, Sequence[int]]:
    """What the stream holds, in the order in which it is stored."""
    found: dict[str, list[int]] = {}
    for message in await content(url, STREAM):
        envelope = json.loads(message.payload)
        found.setdefault(envelope["stream"], []).append(envelope["data"]["t"])
    return found

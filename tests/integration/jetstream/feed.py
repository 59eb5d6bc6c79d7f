"""Numbered messages, straight into the pipeline behind the socket, and what the stream then holds.

async with feeding(server.url) as feed:
    await feed.run(3_000, rate=5_000)
    await feed.drained()
feed.check(await content(server.url, "S"))
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from streamset_api.nats import JetStreamCreate
from streamset_api.relay_config import BufferConfig, RelayConfig
from streamset_relay.core.batch import Batch
from streamset_relay.core.buffer import Buffer
from streamset_relay.core.stream import Streams
from streamset_relay.core.stream_info import Wanted
from streamset_relay.core.window import Limits
from streamset_relay.jetstream_sink import JetStreamSink
from streamset_relay.nats_session import NatsSession
from streamset_relay.pipeline import Pipeline, publish, send
from tests.support.subscriber import Received

NAMES = ("btcusdt@trade", "ethusdt@trade", "bnbusdt@aggTrade")
STREAM = "TRADES"
CREATE = JetStreamCreate(subjects=("md.>",))
WIDE = Limits(messages=4096, bytes=8 << 20, timeout=2.0, lifetime=110.0, ttl=60.0)
_NUMBER = re.compile(rb'"stream":"([^"]+)","data":\{"n":(\d+)')


@dataclass(frozen=True)
class Timing:
    nats_ping_timeout: float = 1.0
    nats_backoff_max: float = 0.2
    confirm_interval: float = 0.05
    ack_timeout: float = 1.0


@dataclass
class Feed:
    """Puts messages into a pipeline, stream by stream in turn, and remembers how many of each."""

    pipeline: Pipeline
    sink: JetStreamSink
    session: NatsSession
    streams: Streams
    names: Sequence[str] = NAMES
    padding: int = 100
    put: int = 0
    sent: dict[str, int] = field(default_factory=dict)

    def batch(self, count: int) -> None:
        """Put so many messages at once, as one read of the socket would."""
        now = asyncio.get_running_loop().time()
        messages = []
        for _ in range(count):
            name = self.names[self.put % len(self.names)]
            number = self.sent[name] = self.sent.get(name, 0) + 1
            payload = b'{"n":%d,"x":"%b"}' % (number, b"x" * self.padding)
            messages.append((self.streams.get(name), payload, number))
            self.put += 1
        size = sum(len(message[1]) for message in messages)
        self.pipeline.buffer.put(Batch(time.time_ns(), now, messages, size))
        send(self.pipeline, now)

    async def run(self, count: int, rate: int = 5_000) -> None:
        """Put `count` messages at `rate` per second, a few at a time."""
        clock = asyncio.get_running_loop().time
        started, goal = clock(), self.put + count
        begin = self.put
        while self.put < goal:
            due = begin + int((clock() - started) * rate) - self.put
            if due > 0:
                self.batch(min(due, goal - self.put, 500))
            await asyncio.sleep(0.001)

    async def drained(self, timeout: float = 30.0) -> None:
        """Wait until everything has had its last word."""
        async with asyncio.timeout(timeout):
            while self.pipeline.buffer.messages or self.sink.account.pending:
                await asyncio.sleep(0.01)

    async def more_sent_off(self) -> None:
        """Wait until something has been written that was not even put when this was called."""
        put = self.put
        await until(lambda: self.sent_off > put)

    @property
    def server(self) -> str:
        """The server in use."""
        return self.session.server

    @property
    def dropped(self) -> dict[str, int]:
        return dict(self.sink.account.dropped + self.pipeline.buffer.dropped)

    @property
    def sent_off(self) -> int:
        """Messages written to the server at least once, answered or not."""
        account = self.sink.account.jetstream
        assert account is not None
        return account.acked + account.duplicate + account.in_window

    @property
    def accounted(self) -> int:
        """Messages with or without their last word, by the pipeline's own account."""
        account = self.sink.account
        assert account.jetstream is not None
        return (
            account.jetstream.acked
            + account.jetstream.duplicate
            + sum(self.dropped.values())
            + account.pending
            + self.pipeline.buffer.messages
        )

    def check(self, stored: Sequence[Received], *, missing: int = 0, in_order: bool = True) -> None:
        """The stream has each message once, in order, but for as many as are missing."""
        account = self.sink.account.jetstream
        assert account is not None
        for name, numbers in _numbers(stored).items():
            assert len(numbers) == len(set(numbers)), f"doubled in {name}"
            assert set(numbers) <= set(range(1, self.sent[name] + 1))
            if in_order:
                assert numbers == sorted(numbers), f"out of order: {name}"
        assert len(stored) == self.put - missing == account.acked
        assert self.accounted == self.put
        assert account.reordered == 0 or not in_order

    @staticmethod
    def inverted(stored: Sequence[Received]) -> int:
        """Messages that lie behind a later one of their stream."""
        inversions = 0
        for numbers in _numbers(stored).values():
            latest = 0
            for number in numbers:
                inversions += number < latest
                latest = max(latest, number)
        return inversions


def make(
    *servers: str,
    create: JetStreamCreate | None = CREATE,
    ordered: bool = False,
    limits: Limits = WIDE,
    timing: Timing | None = None,
    names: Sequence[str] = NAMES,
) -> tuple[JetStreamSink, NatsSession, Streams]:
    """A sink, its session, and the streams that it delivers."""
    timing = timing or Timing()
    nats = {"servers": servers, "subject": "md.{symbol}.{channel}"}
    streams = Streams(RelayConfig.model_validate({"streams": names, "nats": nats}))
    streams.plan(names)
    session = NatsSession(servers, name="test", timing=timing, rng=Random(7))
    wanted = Wanted(STREAM, 120.0, "md.*.*", create)
    sink = JetStreamSink(session, wanted, streams, limits, timing, Random(7), ordered=ordered)
    return sink, session, streams


@asynccontextmanager
async def feeding(
    *servers: str, names: Sequence[str] = NAMES, padding: int = 100, **options: Any
) -> AsyncIterator[Feed]:
    """A pipeline with a sink that runs; `options` are those of `make`."""
    sink, session, streams = make(*servers, names=names, **options)
    pipeline = Pipeline(streams, Buffer(BufferConfig(max_messages=200_000)), sink)
    feed = Feed(pipeline, sink, session, streams, names, padding)
    running = asyncio.create_task(sink.run())
    publishing = asyncio.create_task(publish(pipeline))
    try:
        yield feed
    finally:
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)
        await sink.stop(5)
        await running
        assert sink.account.pending == 0
        assert feed.accounted == feed.put


def _numbers(stored: Sequence[Received]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for message in stored:
        match = _NUMBER.search(message.payload)
        assert match is not None, message.payload
        found.setdefault(match[1].decode(), []).append(int(match[2]))
    return found


async def until(condition: Callable[[], object], timeout: float = 20.0, what: str = "") -> None:
    """Wait until the condition holds."""
    try:
        async with asyncio.timeout(timeout):
            while not condition():
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"not in {timeout:g} s: {what}") from None

"""The path of a frame: read → classify → buffer → envelope and publish (`sink`), a batch at a time.

What one read of a socket brought is one chunk. It goes through in slices, each of them one batch and, while NATS
has room, one write: a slice fits the processor's cache, and a burst that fits NATS never waits in the buffer.
Nothing is made per message but the message itself.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from .connection import Connection
from .core.batch import Batch
from .core.buffer import Buffer
from .core.classify import classify
from .core.events import Journal
from .core.ownership import Ownership
from .core.stream import Streams
from .core.tally import Tally
from .sink import Sink

#: Messages that go through together.
SLICE = 500


@dataclass
class Pipeline:
    """What the stages of one relay share."""

    streams: Streams
    buffer: Buffer
    sink: Sink
    tally: Tally = field(default_factory=Tally)
    ownership: Ownership | None = None
    """Whether another relay publishes the streams; None for a relay that has no others."""
    journal: Journal = field(default_factory=Journal)
    """Records of events; they go ahead of what waits in the buffer."""
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _ended: bool = False

    def wake(self) -> None:
        """Something stays in the buffer: `publish` is to send it when NATS can take it."""
        self._arrived.set()

    def end(self) -> None:
        """Nothing more will come: `publish` returns when the buffer is empty."""
        self._ended = True
        self._arrived.set()

    def drop_all(self, reason: str) -> None:
        """Give up what has found no way out. An heir may hold the same."""
        self.buffer.drop_all(reason)
        self.journal.drop_all(reason)

    def tell(self, now: float, wall: int, *, last: bool = False) -> None:
        """Now and then: sum up what was lost, and have records sent that no message takes along."""
        if last or self.sink.ready:
            self.journal.sum_up(now, wall, last=last)
        if self.journal.waiting:
            self.wake()

    async def waiting(self) -> bool:
        """Wait until there is something to send; False when there is nothing for good."""
        while not self._pending:
            if self._ended:
                return False
            self._arrived.clear()
            await self._arrived.wait()
        return True

    @property
    def _pending(self) -> bool:
        """Records of a relay whose streams another one publishes wait until they are its own."""
        if self.buffer.messages:
            return True
        return bool(self.journal.waiting) and (self.ownership is None or self.ownership.owns)


async def receive(connection: Connection, pipeline: Pipeline) -> None:
    """Read until the connection is stopped; never wait for NATS."""
    clock = asyncio.get_running_loop().time
    size = min(SLICE, pipeline.buffer.capacity)
    async for chunk in connection.chunks():
        now = clock()
        pipeline.tally.drop_binary(chunk.binary)
        for start in range(0, len(chunk.frames), size):
            side = connection.side
            streams = pipeline.streams if side is None else side.streams
            found = classify(chunk.frames[start : start + size], streams)
            pipeline.tally.add(chunk.received_at, found, now)
            connection.take(found, now)
            if found.messages:
                batch = Batch(chunk.received_at, now, found.messages, found.size, found.notes)
                if side is None:
                    deliver(batch, pipeline, now)
                else:
                    store(side.take(batch), pipeline, now)


def store(batches: Iterable[Batch], pipeline: Pipeline, now: float) -> None:
    """Deliver what a handover lets go on."""
    for batch in batches:
        deliver(batch, pipeline, now)


def deliver(batch: Batch, pipeline: Pipeline, now: float) -> None:
    """Put what is this relay's to publish into the buffer, and write what NATS can take at once."""
    if pipeline.ownership is not None:
        going, gaps = pipeline.ownership.take(batch)
        if gaps:
            pipeline.tally.count_gaps(gaps)
        if going is None:
            return
        pipeline.journal.take_over(gaps, going)
        batch = going
    if batch.notes:
        pipeline.journal.note(batch)
    pipeline.buffer.put(batch)
    send(pipeline, now)


async def let_out(pipeline: Pipeline, ownership: Ownership) -> None:
    """After a takeover: deliver what was held, no faster than NATS takes it."""
    clock = asyncio.get_running_loop().time
    for batch, gaps in ownership.let_out():
        pipeline.tally.count_gaps(gaps)
        pipeline.journal.take_over(gaps, batch)
        pipeline.journal.note(batch)
        pipeline.buffer.put(batch)
        send(pipeline, clock())
        while pipeline.buffer.messages:
            await pipeline.sink.wait_ready()
            send(pipeline, clock())
            await asyncio.sleep(0)
        await asyncio.sleep(0)  # the socket must be read meanwhile


async def publish(pipeline: Pipeline) -> None:
    """Send what had to wait, once NATS can take it; return when all has been sent and no more will come."""
    clock = asyncio.get_running_loop().time
    while await pipeline.waiting():
        await pipeline.sink.wait_ready()
        send(pipeline, clock())
        await asyncio.sleep(0)  # a long backlog must not keep the socket from being read


def send(pipeline: Pipeline, now: float) -> None:
    """Write what waits, oldest first, as far as NATS can take it at once."""
    buffer, sink, journal = pipeline.buffer, pipeline.sink, pipeline.journal
    while journal.waiting and sink.ready:
        sink.send(journal.take(now, sink.room), now)
    while buffer.messages and sink.ready:
        sink.send(buffer.take(now, sink.room), now)
    if buffer.messages or journal.waiting:
        pipeline.wake()

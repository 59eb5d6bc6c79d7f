"""The path of a frame: read → classify → buffer → envelope → publish, a batch at a time.

What one read of a socket brought is one chunk, its messages are one batch, and what waits in the buffer leaves
in one write. Nothing is made per message but the message itself.
"""

import asyncio
from dataclasses import dataclass, field

from .connection import Connection
from .core.batch import Batch
from .core.buffer import Buffer
from .core.classify import classify
from .core.envelope import encode
from .core.stream import Streams
from .core.tally import OVERSIZE, Tally
from .sink import CoreSink

#: Messages that one write to NATS may carry, give or take a batch.
WRITE_LIMIT = 2_000


@dataclass
class Pipeline:
    """What the stages of one relay share."""

    streams: Streams
    buffer: Buffer
    sink: CoreSink
    tally: Tally = field(default_factory=Tally)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _ended: bool = False

    def put(self, batch: Batch) -> None:
        """Hand a batch to the publisher; the buffer's policy decides what happens when there is no room."""
        self.buffer.put(batch)
        self._arrived.set()

    def end(self) -> None:
        """Nothing more will come: `publish` returns when the buffer is empty."""
        self._ended = True
        self._arrived.set()

    async def waiting(self) -> bool:
        """Wait until something is in the buffer; False when it is empty for good."""
        while not self.buffer.messages:
            if self._ended:
                return False
            self._arrived.clear()
            await self._arrived.wait()
        return True


async def receive(connection: Connection, pipeline: Pipeline) -> None:
    """Read until the connection is stopped; never wait for NATS."""
    clock = asyncio.get_running_loop().time
    async for chunk in connection.chunks():
        now = clock()
        found = classify(chunk.frames, pipeline.streams)
        pipeline.tally.add(chunk.received_at, chunk.binary, found, now)
        connection.take(found, now)
        if found.messages:
            pipeline.put(Batch(chunk.received_at, now, found.messages, found.size))


async def publish(pipeline: Pipeline) -> None:
    """Send what waits, whenever NATS can take it; return when all has been sent and no more will come."""
    clock = asyncio.get_running_loop().time
    buffer, sink = pipeline.buffer, pipeline.sink
    while await pipeline.waiting():
        await sink.wait_ready()
        encoded = encode(buffer.take(clock(), WRITE_LIMIT), sink.max_payload)
        if encoded.messages:
            sink.write(encoded.wire, encoded.messages)
        if encoded.oversize:
            pipeline.tally.dropped[OVERSIZE] += encoded.oversize
        await asyncio.sleep(0)  # a long backlog must not keep the socket from being read

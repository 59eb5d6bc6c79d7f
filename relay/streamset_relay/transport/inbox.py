"""Where a client puts what came off the socket until the reader takes it.

The hand-over is batched. A client appends message after message to `frames` and calls `wake` once,
when one read of the socket is used up; only then does the future of a waiting reader resolve. A
future, or a turn of the event loop, per message would cost more than receiving it.

A reader that comes late finds several reads of the socket in one chunk: batches grow exactly when
larger batches are needed. They do not grow without end: beyond `TURN` messages the socket is left alone
until the reader, which waits for nobody else, has had its turn. Some event loops would otherwise bring
many MB in one.
"""

import asyncio
import time
from typing import Final

from .interface import Chunk

TURN: Final = 2_000
"""Messages after which the reader has its turn, give or take one read of the socket."""


class Inbox:
    """Messages that wait for the reader, and the end of the connection behind them."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []  # always this one list: a client keeps its bound `append`
        self.binary = 0
        self.taken = 0
        self._received_at = 0
        self.socket: asyncio.ReadTransport | None = None  # once the connection is open
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None
        self._end: Exception | None = None

    def stamp(self) -> None:
        """Read the clock for the next chunk, unless its first message is already here.

        To be called before the first message of each read of the socket is added.
        """
        if not self.frames and not self.binary:
            self._received_at = time.time_ns()

    def wake(self) -> None:
        """Let the reader go on. To be called once, at the end of each read of the socket."""
        if self._waiter is not None and (self.frames or self.binary):
            self._release(self._waiter)
        if len(self.frames) >= TURN and not self._paused and self.socket is not None:
            self._paused = True
            self.socket.pause_reading()

    def look_anew(self) -> None:
        """Have the event loop watch the socket as if it were new.

        libuv, and so uvloop, tells of a reset once and watches no longer (`uv__poll_io`, on POLLERR). When messages
        had come with it, that once brings these, and nobody would ever hear of the end.
        """
        if self.socket is not None and not self._paused and not self.ended:
            self.socket.pause_reading()
            self.socket.resume_reading()

    @property
    def ended(self) -> bool:
        """Whether `end` was called. Nothing may be added after that."""
        return self._end is not None

    def end(self, why: Exception) -> bool:
        """Nothing more will come: `read` raises `why` once everything is taken.

        The first end counts. Returns whether this was it.
        """
        if self._end is not None:
            return False
        self._end = why
        self._resume()  # the closing handshake is to be seen
        if self._waiter is not None:
            self._release(self._waiter)
        return True

    async def read(self) -> Chunk:
        """See `streamset_relay.transport.interface.Transport.read`."""
        if self._waiter is not None:
            raise RuntimeError("a transport has one reader")
        while not self.frames and not self.binary:
            if self._end is not None:
                raise self._end.with_traceback(None)  # else it would grow call by call
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        chunk = Chunk(self._received_at, self.frames.copy(), self.binary)
        self.taken += len(chunk.frames)
        self.frames.clear()
        self.binary = 0
        self._resume()
        return chunk

    def _resume(self) -> None:
        if self._paused and self.socket is not None:
            self._paused = False
            self.socket.resume_reading()

    @staticmethod
    def _release(waiter: asyncio.Future[None]) -> None:
        if not waiter.done():  # done: cancelled, or woken already in this turn of the loop
            waiter.set_result(None)

"""Generated events: every stream runs by the clock, whether anybody listens or not.

Event `n` of a stream is due at a fixed moment and looks the same for every connection. A subscriber sees
what happens while it is subscribed; what happens meanwhile is missing from its ids, as on the exchange.
"""

import math
from dataclasses import dataclass, replace

from exchange_simulator.core.frames import text_frames
from exchange_simulator.sources.layout import Layout
from exchange_simulator.sources.pool import BLOCK, Pool


@dataclass(frozen=True)
class Clock:
    """Ties the caller's monotonic seconds to the exchange's own time."""

    start: float
    """Monotonic seconds at which `start_us` was the time."""
    start_us: int
    """Microseconds since the epoch."""

    def time_us(self, moment: float) -> int:
        """The exchange's time at a moment."""
        return self.start_us + round((moment - self.start) * 1_000_000)


@dataclass(frozen=True)
class GeneratedBatch:
    """Events `first` up to but without `end`, one every `interval_us` from `start_us` on."""

    stream: str
    layout: Layout
    prefix: bytes
    first: int
    end: int
    start_us: int
    interval_us: float
    step_us: int
    pools: dict[tuple[bool, bool], Pool] | None = None
    """Pre-encoded blocks by form, if this is a block that they can make."""

    @property
    def count(self) -> int:
        """How many events."""
        return self.end - self.first

    @property
    def numbers(self) -> tuple[int, int]:
        """First and last number."""
        return self.first, self.end - 1

    @property
    def identities(self) -> tuple[int, int]:
        """First and last identity."""
        identity = self.layout.identity
        last = self.end - 1
        return (
            identity(self.first, self._time_us(self.first) // 1000),
            identity(last, self._time_us(last) // 1000),
        )

    def payloads(self, *, combined: bool, microseconds: bool) -> list[bytes]:
        """Encode the messages."""
        templates, numbers = self.layout.templates, self.layout.numbers
        ring = len(templates)
        divide, scale = (1, 1000) if microseconds else (1000, 1)
        step = self.step_us // divide
        first, start, interval = self.first, self.start_us, self.interval_us
        bare = [
            templates[n % ring]
            % numbers(n, int(start + (n - first) * interval) // divide, step, scale)
            for n in range(first, self.end)
        ]
        if not combined:
            return bare
        prefix = self.prefix
        return [b"%b%b}" % (prefix, payload) for payload in bare]

    def frames(self, *, combined: bool, microseconds: bool) -> bytes:
        """Encode the messages as joined WebSocket frames."""
        if self.pools is not None:
            form = (combined, microseconds)
            time, scale = (self.start_us, 1000) if microseconds else (self.start_us // 1000, 1)
            if form not in self.pools:
                prefix = self.prefix if combined else b""
                self.pools[form] = Pool(self.layout, self.first, time, scale, prefix)
            if (frames := self.pools[form].frames(self.first, time)) is not None:
                return frames
            del self.pools[form]
        return text_frames(self.payloads(combined=combined, microseconds=microseconds))

    def _time_us(self, number: int) -> int:
        return int(self.start_us + (number - self.first) * self.interval_us)


class GeneratedStream:
    """The course of one stream: event `n + k` is due `k / rate` seconds after event `n`."""

    def __init__(self, name: str, layout: Layout, rate: float, clock: Clock) -> None:
        self.name = name
        self.layout = layout
        self.rate = rate
        self.next = 0  # number of the event that comes next
        self._clock = clock
        self._prefix = f'{{"stream":"{name}","data":'.encode()
        self._anchor = clock.start  # event `_anchored` is due one interval after this moment
        self._anchored = 0
        self._pools: dict[tuple[bool, bool], Pool] = {}

    def due(self, number: int | None = None) -> float:
        """When an event happens; the next one unless told."""
        number = self.next if number is None else number
        return self._anchor + (number - self._anchored + 1) / self.rate

    def pass_to(self, now: float, most: float = math.inf) -> GeneratedBatch | None:
        """Move on to `now`, by at most so many events, and give what happened since."""
        if self.due() > now:
            return None
        happened = self._anchored + math.floor((now - self._anchor) * self.rate)
        happened = int(min(max(happened, self.next + 1), self.next + most))
        first, self.next = self.next, happened
        interval = 1_000_000 / self.rate
        return self._batch(first, self._clock.time_us(self.due(first)), interval)

    def burst(self, events: int, now: float) -> GeneratedBatch:
        """Let so many events happen at once; the one after follows in the usual interval."""
        first = self.next
        self.skip(events, now)
        return self._batch(first, self._clock.time_us(now), 0.0)

    def block(self, most: float, now: float) -> GeneratedBatch | None:
        """Let up to `BLOCK` events happen at once, so that the ones after them begin a new block."""
        whole = BLOCK - self.next % BLOCK
        events = int(min(whole, most))
        if events <= 0:
            return None
        batch = self.burst(events, now)
        if events < BLOCK or not self.layout.steady:
            return batch
        return replace(batch, pools=self._pools)

    def skip(self, events: int, now: float) -> None:
        """Let so many events happen unseen."""
        self.next += events
        self._anchor, self._anchored = now, self.next

    def change_rate(self, rate: float, now: float) -> None:
        """Go on at another rate from `now`."""
        if rate != self.rate:
            self._anchor, self._anchored, self.rate = now, self.next, rate

    def restart(self, now: float) -> None:
        """Begin again with the first ids."""
        self.next = 0
        self._anchor, self._anchored = now, 0

    def _batch(self, first: int, start_us: int, interval_us: float) -> GeneratedBatch:
        return GeneratedBatch(
            stream=self.name,
            layout=self.layout,
            prefix=self._prefix,
            first=first,
            end=self.next,
            start_us=start_us,
            interval_us=interval_us,
            step_us=int(1_000_000 / self.rate),
        )

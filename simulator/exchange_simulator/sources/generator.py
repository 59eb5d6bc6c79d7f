"""All generated streams of one exchange, and which of them somebody listens to."""

import heapq
import math
from collections import deque
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from fnmatch import fnmatchcase

from exchange_simulator.sources.catalog import Listing
from exchange_simulator.sources.generated import Clock, GeneratedBatch, GeneratedStream
from exchange_simulator.sources.prices import SYMBOLS
from exchange_simulator.sources.subject import Subject


@dataclass(frozen=True)
class Course:
    """How generated streams run.

    `total_rate` is divided equally over the streams that somebody is subscribed to. Without it a stream
    has the rate of the first pattern of `rates` that it matches, or else the usual one of its channel.
    """

    first_id: int
    seed: int = 0
    futures: bool = False
    symbols: tuple[str, ...] = SYMBOLS
    rates: Mapping[str, float] | None = None
    total_rate: float | None = None
    by_clock: bool = True
    """Streams run on while nobody listens; otherwise they wait."""
    limit: int | None = None
    """Events after which the market stands still."""


class Generator:
    """The generated part of the market."""

    def __init__(self, course: Course, clock: Clock) -> None:
        self.course = course
        self.left = math.inf if course.limit is None else course.limit
        """Events left until the market stands still."""
        self._clock = clock
        self._streams: dict[str, GeneratedStream] = {}
        self._active: frozenset[str] = frozenset()
        self._turn: deque[str] = deque()  # active streams, the next to flood first
        self._due: list[
            tuple[float, str]
        ] = []  # heap: when the next event of an active stream is due

    def stream(self, listing: Listing) -> GeneratedStream:
        """The stream of that name, begun at the start of the exchange."""
        stream = self._streams.get(listing.name)
        if stream is None:
            subject = Subject(
                stream=listing.name,
                symbol=listing.symbol,
                first_id=self.course.first_id,
                seed=self.course.seed,
                futures=self.course.futures,
                symbols=() if listing.symbol else self.course.symbols,
            )
            rate = self._rate(listing.name, listing.rate)
            stream = GeneratedStream(listing.name, listing.build(subject), rate, self._clock)
            self._streams[listing.name] = stream
        return stream

    def listen(self, listings: Set[Listing], now: float) -> None:
        """Somebody is subscribed to these, and nobody to any other."""
        for listing in listings:
            stream = self.stream(listing)
            if listing.name not in self._active and self.course.by_clock:
                stream.pass_to(now)  # nobody saw these
            if self.course.total_rate is not None:
                stream.change_rate(self.course.total_rate / len(listings), now)
        self._active = frozenset(listing.name for listing in listings)
        self._turn = deque(sorted(self._active))
        self._due = [(self._streams[name].due(), name) for name in sorted(self._active)]
        heapq.heapify(self._due)

    def next_due(self) -> float:
        """When the next event happens."""
        return self._due[0][0] if self._due and self.left > 0 else math.inf

    def advance(self, now: float) -> Iterator[GeneratedBatch]:
        """What happened up to `now`, in the order in which the streams were due."""
        due = self._due
        while due and due[0][0] <= now and self.left > 0:
            stream = self._streams[due[0][1]]
            batch = stream.pass_to(now, self.left)
            heapq.heapreplace(due, (stream.due(), stream.name))
            if batch is not None:
                self.left -= batch.count
                yield batch

    def flood(self, events: int, now: float) -> Iterator[GeneratedBatch]:
        """So many events at once and a few more, from the streams somebody listens to in turn."""
        while events > 0 and self._turn:
            batch = self._streams[self._turn[0]].block(self.left, now)
            if batch is None:
                return
            self._turn.rotate(-1)
            self.left -= batch.count
            events -= batch.count
            yield batch

    def burst(self, listing: Listing, events: int, now: float) -> GeneratedBatch:
        """So many events of one stream at once."""
        return self.stream(listing).burst(events, now)

    def skip(self, listing: Listing, events: int, now: float) -> None:
        """So many events of one stream that nobody gets to see."""
        self.stream(listing).skip(events, now)

    def restart(self, names: Set[str] | None, now: float) -> None:
        """Begin again with the first ids, in these streams or in all."""
        for name, stream in self._streams.items():
            if names is None or name in names:
                stream.restart(now)

    def _rate(self, name: str, usual: float) -> float:
        rates = self.course.rates or {}
        return next((rate for like, rate in rates.items() if fnmatchcase(name, like)), usual)

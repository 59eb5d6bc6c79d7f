"""The market behind the exchange: recorded and generated streams, and who is subscribed to them."""

import math
from collections.abc import Collection, Iterable

from exchange_simulator.client import Client
from exchange_simulator.config import SimulatorConfig
from exchange_simulator.core.ledger import StreamCount, StreamLedger
from exchange_simulator.sources.batch import Batch
from exchange_simulator.sources.catalog import Listing, find
from exchange_simulator.sources.generated import Clock
from exchange_simulator.sources.generator import Course, Generator
from exchange_simulator.sources.prices import SYMBOLS
from exchange_simulator.sources.recording import Recording
from exchange_simulator.sources.replay import Replay

FLOOD = 2000
"""Events of one write when clients are served as fast as they read."""


class Market:
    """All streams, their subscribers, and the ledger of what was sent.

    A recorded stream is replayed, any other that the catalog knows is generated, the rest stays silent.
    """

    def __init__(self, config: SimulatorConfig, recording: Recording | None, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._routed = config.rules.routed
        self._replay = (
            Replay(
                recording,
                speed=config.speed,
                loop=config.loop,
                renumber=config.renumber,
                clock=clock if config.today else None,
            )
            if recording
            else None
        )
        self._generator = Generator(_course(config, clock), clock)
        self._subscribers: dict[str, dict[Client, None]] = {}
        self._changed = False  # subscriptions changed since the sources were told
        self._ledger: dict[str, StreamLedger] = {}

    # Subscriptions

    def subscribe(self, client: Client, streams: Iterable[str]) -> None:
        """Deliver these streams to the client from now on, where its route serves them."""
        for name in streams:
            if self._served(name, client):
                self._subscribers.setdefault(name, {})[client] = None
                self._changed = True

    def unsubscribe(self, client: Client, streams: Iterable[str]) -> None:
        """Deliver these streams to the client no longer."""
        for name in streams:
            subscribers = self._subscribers.get(name, {})
            if client in subscribers:
                del subscribers[client]
                self._changed = True
                if not subscribers:
                    del self._subscribers[name]

    def subscribers(self, stream: str) -> Collection[Client]:
        """The clients that get this stream."""
        return self._subscribers.get(stream, ())

    def _served(self, name: str, client: Client) -> bool:
        listing = self._find(name)
        if listing is None:
            return self._replayed(name)
        return not self._routed or listing.route == (client.target.route or "public")

    def _find(self, name: str) -> Listing | None:
        return find(name, self._config.market, self._config.symbols)

    def _replayed(self, name: str) -> bool:
        return self._replay is not None and name in self._replay.streams

    # The course of the market

    def advance(self, now: float) -> list[Batch]:
        """What happened up to `now`."""
        self._tell_sources(now)
        replayed: Iterable[Batch] = self._replay.advance(now) if self._replay else ()
        return [*replayed, *self._generator.advance(now)]

    def flood(self, now: float) -> list[Batch]:
        """What happens next, however early. Only subscribed streams move."""
        self._tell_sources(now)
        replayed: Iterable[Batch] = (
            self._replay.flood(FLOOD)
            if self._replay and any(map(self._replayed, self._subscribers))
            else ()
        )
        return [*replayed, *self._generator.flood(FLOOD, now)]

    def next_due(self) -> float:
        """When the next event happens, as far as the sources know their subscribers."""
        if self._changed:
            return -math.inf
        replay = self._replay.next_due() if self._replay else math.inf
        return min(replay, self._generator.next_due())

    def burst(self, stream: str, events: int, now: float) -> list[Batch]:
        """So many events at once: of this stream if it is generated, of the recording otherwise.

        Raises:
            ValueError: the exchange has no such stream, or `events` is not above 0.
        """
        if events < 1:
            raise ValueError(f"events: {events} is not above 0")
        self._tell_sources(now)
        if self._replay is not None and self._replayed(stream):
            return list(self._replay.burst(events, now))
        listing = self._find(stream)
        if listing is None:
            raise ValueError(f"the exchange has no stream {stream!r}")
        return [self._generator.burst(listing, events, now)]

    def restart(self, stream: str | None, now: float) -> None:
        """Let ids begin again: of one stream, or of all and of the recording.

        Raises:
            ValueError: the exchange has no such stream.
        """
        if stream is not None and not self._replayed(stream) and self._find(stream) is None:
            raise ValueError(f"the exchange has no stream {stream!r}")
        if self._replay is not None and (stream is None or self._replayed(stream)):
            self._replay.restart(now)
        self._generator.restart(None if stream is None else frozenset((stream,)), now)

    def _tell_sources(self, now: float) -> None:
        if not self._changed:
            return
        self._changed = False
        replayed = set(filter(self._replayed, self._subscribers))
        if self._replay is not None and replayed:
            self._replay.listen(now)
        listings = filter(None, map(self._find, self._subscribers.keys() - replayed))
        self._generator.listen(frozenset(listings), now)

    # The ledger

    def record(self, batch: Batch, receivers: int) -> None:
        """A batch went to so many clients."""
        ledger = self._ledger.get(batch.stream)
        if ledger is None:
            ledger = self._ledger[batch.stream] = StreamLedger(self._config.ledger_runs)
        ledger.sent(batch.numbers, batch.identities, receivers)

    def counts(self) -> dict[str, StreamCount]:
        """What was sent, by stream."""
        return {name: ledger.snapshot() for name, ledger in sorted(self._ledger.items())}

    @property
    def replay_passes(self) -> int:
        """Passes of the replay that are over."""
        return self._replay.passes if self._replay else 0


def _course(config: SimulatorConfig, clock: Clock) -> Course:
    return Course(
        first_id=_first_id(clock) if config.first_id is None else config.first_id,
        seed=config.seed,
        futures=config.rules.futures,
        symbols=SYMBOLS if config.symbols is None else config.symbols,
        rates=config.rates,
        total_rate=config.rate,
        by_clock=config.pace == "clock",
        limit=config.limit,
    )


def _first_id(clock: Clock) -> int:
    """Ids that a later start never falls behind, up to 10,000 ids per second and stream."""
    return (clock.start_us // 1_000_000 - 1_600_000_000) * 10_000

"""A WebSocket connection through all its reconnects: performs what the session machine decides.

`chunks` yields what was read; `tend` does what the passing of time asks for (control messages, pings, a look at
silence). Both run as tasks of the relay. The decisions are in `core.session`, `core.subscription`, `core.silence`.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterable

from streamset_api.relay_config import RelayConfig

from . import transport
from .core.channel import channel_of
from .core.classify import Control, ServerShutdown, Sorted
from .core.events import Journal, Seat
from .core.handover import LEADS, Handover, Side
from .core.plan import Planned
from .core.sequence import Cut
from .core.session import (
    ENDS,
    LASTS,
    OPEN,
    WAITS,
    Action,
    Close,
    DataSeen,
    Dial,
    Failed,
    GiveUp,
    Opened,
    Promoted,
    Session,
    ShutdownAnnounced,
    Stalled,
    State,
    Stop,
    Subscribe,
    Tick,
)
from .core.silence import NOTHING_SEEN, Silence
from .core.stream import Streams
from .core.subscription import Refusal, Subscriptions
from .core.tally import Tally
from .errors import AttemptsExhausted, ConnectionLost, ConnectionStalled, ExchangeError

log = logging.getLogger(__name__)


class Connection:
    """Dials, subscribes, reads, and starts over until `stop`; one that leaves does not start over.

    `gave_up` is set when the attempts are exhausted; `observation` is the last look at the streams. While there is
    a `side`, another connection has the same streams: frames are classified and go on as it says.
    """

    def __init__(
        self,
        planned: Planned,
        config: RelayConfig,
        streams: Streams,
        session: Session,
        tally: Tally,
        journal: Journal,
        succeeds: Handover | None = None,
    ) -> None:
        timing = config.timing
        self.planned = planned
        self.url = config.url_of(planned.route)
        self.session = session
        self.side: Side | None = None if succeeds is None else succeeds.new
        self.leaves = False  # its time is up: another one is to take over
        self.outgoing = asyncio.Event()  # it leaves, or has ended
        self.ended = asyncio.Event()
        self.subscriptions = Subscriptions(planned.streams, timing.control_per_second)
        self.observation = NOTHING_SEEN
        self.gave_up: AttemptsExhausted | None = None
        self.last_ping_at: float | None = None
        self.heard_at = 0  # when something was read last, or it was opened; wall clock, ns
        self.down_since: int | None = None  # since when its streams have had no connection
        self._config = config
        self._succeeds = succeeds
        self._streams = streams
        self._counted = streams if self.side is None else self.side.streams
        self._tally = tally
        self._journal = journal
        self._dials = 0  # up to the one that opened it last
        self._silence = Silence(timing.silence_floor, timing.silence_factor, timing.no_data_after)
        self._transport: transport.Transport | None = None
        self._stalled: ConnectionStalled | None = None  # why we are closing the transport
        self._stopping = asyncio.Event()
        self._clock = asyncio.get_running_loop().time
        self._pings = 0
        self._ping_at = 0.0
        self._look_at = 0.0
        self._retry_at = 0.0
        self._events = 0

    @property
    def open(self) -> bool:
        """Connected and not about to be closed."""
        return self.session.state in OPEN

    @property
    def no_data(self) -> bool:
        """Open, but nothing has come yet where something ticks by the clock, or nothing comes any more.

        Nor will anything come where the exchange refused every stream, be they driven by events or not.
        """
        seen = self.observation
        if not seen.active and self.subscriptions.refused.keys() >= set(self.planned.streams):
            return True
        flowing = len(seen.silent) + len(seen.quiet) < len(self.planned.streams)
        waiting = self.session.state is State.SUBSCRIBING
        return (bool(seen.silent) and not flowing) or (waiting and flowing)

    async def chunks(self) -> AsyncIterator[transport.Chunk]:
        """Everything read, over all reconnects; ends after `stop`, or when no attempt is left."""
        try:
            while self.session.state not in ENDS:
                if self.session.state in WAITS:
                    await self._wait()
                    await self._perform(self.session.step(Tick(), self._clock()))
                elif self._transport is not None:
                    try:
                        chunk = await self._transport.read()
                    except ConnectionLost as lost:
                        await self._fail(self._stalled or lost)
                    else:
                        self.heard_at = chunk.received_at
                        yield chunk
        finally:
            self._end()
            if self._transport is not None:
                await self._transport.close()

    def take(self, found: Sorted, now: float) -> None:
        """Hear what a chunk said about this connection: answers, notices, and that data flows."""
        for control in found.controls:
            match control:
                case Control(request, error):
                    if refusal := self.subscriptions.answer(request, error):
                        self._refused(refusal, now)
                case ServerShutdown():
                    self._tally.shutdown_notices += 1
                    if not self.session.told:
                        log.warning("Binance announced a shutdown", extra=self._context())
                    self._age(ShutdownAnnounced(), now)
        if found.messages and self.session.state is State.SUBSCRIBING:
            self.session.step(DataSeen(), now)

    def want(self, planned: Planned) -> None:
        """Change the streams of this connection; those that stay are not disturbed."""
        self.planned = planned
        self.subscriptions.want(planned.streams)
        if self.open:
            self._watch(self._clock())

    async def tend(self) -> None:
        """Send what is due, ping, look for silence; until the session ends."""
        timing = self._config.timing
        interval = min(1 / timing.control_per_second, timing.silence_floor / 4)
        while self.session.state not in ENDS:
            await asyncio.sleep(interval)
            if self.open and self._transport is not None:
                now = self._clock()
                self._age(Tick(), now)
                self._send_due(self._transport, now)
                if self.subscriptions.refused and now >= self._retry_at:
                    self._retry_at = now + timing.rate_limited_delay
                    self.subscriptions.retry()
                if now >= self._look_at:
                    self._look_at = now + min(1.0, timing.silence_floor / 4)
                    await self._look(self._transport, now)

    def promote(self) -> None:
        """The connection that this one succeeds is gone: from now on this is the one that counts."""
        self._age(Promoted(), self._clock())

    def settle(self) -> None:
        """The handover is done: frames go the ordinary way."""
        self.side = self._succeeds = None
        self._counted = self._streams
        counts = self._counts()
        self._silence.recount(counts)
        self._events = sum(counts.values())

    async def replace(self, reason: str) -> None:
        """Close this connection, which is of no use, and try another one after the backoff."""
        await self._perform(self.session.step(Stalled(reason), self._clock()))

    async def stop(self, reason: str = "stopping") -> None:
        """Close for good. What was read before can still be taken from `chunks`, which then ends."""
        self._stopping.set()
        await self._perform(self.session.step(Stop(reason), self._clock()))

    def _age(self, event: Tick | ShutdownAnnounced | Promoted, now: float) -> None:
        """Take an event that may say that this connection's time is up."""
        self.session.step(event, now)
        if self.session.state is State.LEAVING:
            self.leaves = True
            self.outgoing.set()

    async def _perform(self, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Dial():
                    await self._dial()
                case Subscribe():
                    self._subscribe()
                case Close(reason) if self._transport is not None:
                    if not self._stopping.is_set():
                        self._stalled = ConnectionStalled(reason)
                    log.info("Closing the connection", extra={"reason": reason, **self._context()})
                    await self._transport.close()
                case GiveUp(error):
                    self.gave_up = error

    async def _wait(self) -> None:
        now = self._clock()
        delay = self.session.wake_at(now) - now
        if delay > 0:
            try:
                async with asyncio.timeout(delay):
                    await self._stopping.wait()
            except TimeoutError:
                pass

    async def _dial(self) -> None:
        if self.session.connects > 1:
            self._tally.reconnects += 1
        dial = asyncio.create_task(
            transport.connect(
                self.url,
                client=self._config.transport.value,
                open_timeout=self._config.timing.open_timeout,
            )
        )
        stop = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({dial, stop}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            dial.cancel()
            stop.cancel()
            outcome, _ = await asyncio.gather(dial, stop, return_exceptions=True)
        if isinstance(outcome, ExchangeError):
            await self._fail(outcome)
            return
        if isinstance(outcome, asyncio.CancelledError):
            return
        if isinstance(outcome, BaseException):
            raise outcome
        self._transport = outcome
        if self._stopping.is_set():
            await self._transport.close()
            return
        log.info(
            "Connected to Binance WebSocket",
            extra={"client": self._transport.name, **self._context()},
        )
        await self._perform(self.session.step(Opened(), self._clock()))

    def _subscribe(self) -> None:
        now, wall = self._clock(), time.time_ns()
        if self._leads:
            attempts = self.session.connects - self._dials
            self._journal.connect(self._seat(), attempts, self.down_since, wall)
        self.heard_at, self.down_since, self._dials = wall, None, self.session.connects
        self._pings = 0
        self._ping_at = now + self._config.reconnect.ping_interval_seconds
        if self._succeeds is not None:
            self._succeeds.begin(now, wall)
        self.subscriptions.reset()
        self._silence.start(now)
        self._watch(now)
        if self._transport is not None:
            self._send_due(self._transport, now)

    async def _fail(self, error: ExchangeError) -> None:
        ended, self._transport, self._stalled = self._transport, None, None
        expected = self.session.state in LASTS | ENDS
        actions = self.session.step(Failed(error), self._clock())
        if not self._stopping.is_set():
            self._tally.losses[error.kind] += 1
            self._log_failure(error, expected)
            if ended is not None and not expected and self._leads:
                self._lapse(error)
            if self._succeeds is not None:
                self._succeeds.lost()
        self.observation = NOTHING_SEEN
        if self.session.state in ENDS:
            self._end()
        await self._perform(actions)
        if ended is not None:
            await ended.close()  # frees the socket of a peer that does not read

    @property
    def _leads(self) -> bool:
        """Whether its messages go on, and no other connection has the streams."""
        return self._succeeds is None or self._succeeds.phase not in LEADS

    def _lapse(self, error: ExchangeError) -> None:
        """The streams have no connection: what comes next may not follow what came last."""
        self._streams.interrupt(self.planned.streams, Cut.DISCONNECTED, self.heard_at)
        self._journal.disconnect(self._seat(), error, self.heard_at, time.time_ns())
        if self.down_since is None:
            self.down_since = self.heard_at

    def _end(self) -> None:
        """Nothing more will come."""
        self.outgoing.set()
        self.ended.set()

    def _log_failure(self, error: ExchangeError, expected: bool) -> None:
        if expected:
            log.info("Binance closed a connection that was about to leave", extra=self._context())
            return
        log.warning(
            "Binance connection failed",
            extra={
                "error": str(error),
                "failures": self.session.failures,
                "breaker": self.session.breaker,
                "retry_in_seconds": round(self.session.retry_at - self._clock(), 3),
                **self._context(),
            },
        )

    def _send_due(self, open_transport: transport.Transport, now: float) -> None:
        if (text := self.subscriptions.due(now)) is not None:
            open_transport.send(text)
        elif now >= self._ping_at:
            open_transport.ping()
            self.subscriptions.spend(now)
            self._ping_at = now + self._config.reconnect.ping_interval_seconds
        if open_transport.pings != self._pings:
            self._pings, self.last_ping_at = open_transport.pings, now

    def _watch(self, now: float) -> None:
        market = self._config.market
        periods = {name: channel_of(market, name).period for name in self.planned.streams}
        counts = self._counts()
        self._silence.watch(periods, counts, now)
        self._events = sum(counts.values())  # what came before is no news of this connection

    def _refused(self, refusal: Refusal, now: float) -> None:
        """Count it, ask again later, and log it if it answers us: anything else may come in any number."""
        self._tally.refusals += 1
        self._retry_at = now + self._config.timing.rate_limited_delay
        if refusal.streams:
            log.warning(
                "Binance refused a request",
                extra={
                    "method": refusal.method,
                    "streams": refusal.streams[:20],
                    "code": refusal.code,
                    "reason": refusal.message,
                    **self._context(),
                },
            )

    async def _look(self, open_transport: transport.Transport, now: float) -> None:
        counts = self._counts()
        seen = self._silence.look(counts, open_transport.heard, now)
        self.observation = seen
        if seen.fell_silent:
            log.warning(
                "Streams fell silent; subscribing to them again",
                extra={"streams": sorted(seen.fell_silent)[:20], **self._context()},
            )
            self.subscriptions.renew(sorted(seen.fell_silent))
        if seen.resumed:
            log.info(
                "Streams resumed", extra={"streams": sorted(seen.resumed)[:20], **self._context()}
            )
        if (events := sum(counts.values())) != self._events:
            self._events = events
            self.session.step(DataSeen(), now)
        if seen.stalled:
            await self._perform(self.session.step(Stalled(seen.stalled), now))

    def _counts(self) -> dict[str, int]:
        return {name: self._counted.get(name).received for name in self.planned.streams}

    def _seat(self) -> Seat:
        return Seat(self.planned.number, self.url, self.planned.streams)

    def _context(self) -> dict[str, object]:
        spare = {"successor": True} if self.session.spare else {}
        return {"connection": self.planned.number, "url": self.url, **spare}

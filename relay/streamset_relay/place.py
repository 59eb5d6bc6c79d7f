"""A place of the plan: the connection that fills it, and the one that takes over when its time is up.

A connection leaves when it is almost 24 hours old or when the exchange announces its end. Its successor dials and
subscribes while it still delivers; which messages go on meanwhile is decided in `core.handover`. When the leaving
one ends too early, the successor has the place as it is, be it connecting or waiting for its next attempt.
"""

import asyncio
import contextlib
import logging
import time
from random import Random

from streamset_api.relay_config import RelayConfig

from .connection import Connection
from .core.backoff import ConnectBudget
from .core.events import Seat
from .core.handover import LEADS, Bounds, Handover, Phase, Trigger
from .core.plan import Planned
from .core.sequence import Cut
from .core.session import Policy, Session
from .errors import AttemptsExhausted
from .pipeline import Pipeline, receive, store

log = logging.getLogger(__name__)

#: Seconds between two looks at a handover.
LOOK = 0.05


class Place:
    """Keeps its streams flowing until `stop`, or until the attempts are exhausted (`gave_up`).

    `connection` is the one that counts; `successor` is there while it leaves.
    """

    def __init__(
        self,
        planned: Planned,
        config: RelayConfig,
        pipeline: Pipeline,
        budget: ConnectBudget,
        random: Random,
    ) -> None:
        self.planned = planned
        self.successor: Connection | None = None
        self._config = config
        self._pipeline = pipeline
        self._stopping = False
        self._clock = asyncio.get_running_loop().time
        self.connection = self._open(Session(_policy(config), budget, random))

    @property
    def connections(self) -> list[Connection]:
        """One, or two."""
        return [self.connection] if self.successor is None else [self.connection, self.successor]

    @property
    def gave_up(self) -> AttemptsExhausted | None:
        """Why it ended by itself."""
        return self.connection.gave_up

    def want(self, planned: Planned) -> None:
        """Change the streams; those that stay are not disturbed."""
        self.planned = planned
        for connection in self.connections:
            connection.want(planned)

    async def stop(self) -> None:
        """Close for good; `run` returns when all that was read has been passed on."""
        self._stopping = True
        await asyncio.gather(*(connection.stop() for connection in self.connections))

    async def run(self) -> None:
        """Read, one connection after the other."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._carry(self.connection))
            while await self._outgoing():
                await self._hand_over(tasks)

    async def _outgoing(self) -> bool:
        """Wait until the connection leaves; False when it has ended for another reason."""
        await self.connection.outgoing.wait()
        return self.connection.leaves and not self._stopping

    async def _carry(self, connection: Connection) -> None:
        """One connection from its first dial to its end."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(connection.tend())
            await receive(connection, self._pipeline)

    async def _hand_over(self, tasks: asyncio.TaskGroup) -> None:
        """Replace the connection that leaves."""
        old, began, wall = self.connection, self._clock(), time.time_ns()
        handover = Handover(self._pipeline.streams, self._pipeline.tally, self._bounds())
        new = self.successor = self._open(old.session.successor(began), handover)
        old.side = handover.old
        reason = "shutdown announced" if old.session.told else "age"
        log.info("Replacing the connection", extra={"reason": reason, **self._context()})
        tasks.create_task(self._carry(new))
        try:
            await self._overlap(handover, old, new, tasks)
        finally:  # what is held is not lost when the relay has to hurry
            self._switch(handover, Trigger.STOPPED)
        self.connection, self.successor = new, None
        new.promote()
        tasks.create_task(old.stop("replaced"))
        self._tell(handover, reason, began, wall)
        while handover.phase is Phase.SWITCHED and not new.outgoing.is_set():
            await _pause(new.outgoing)
            handover.look(self.planned.streams, True, self._clock())
        handover.finish()
        new.settle()

    async def _overlap(
        self, handover: Handover, old: Connection, new: Connection, tasks: asyncio.TaskGroup
    ) -> None:
        """Let both deliver until it is time to switch."""
        while handover.phase in LEADS:
            if old.ended.is_set():
                self._switch(handover, Trigger.STOPPED if self._stopping else Trigger.ENDED)
                return
            now = self._clock()
            due = handover.look(self.planned.streams, _subscribed(new, old), now)
            if due is Trigger.MISSING:
                self._pipeline.tally.handovers["missing"] += 1
                log.warning("The new connection lacks streams", extra=self._context())
                tasks.create_task(new.replace("streams are missing"))
            elif due is not None:
                self._switch(handover, due)
                return
            await _pause(old.ended)

    def _switch(self, handover: Handover, why: Trigger) -> None:
        now = self._clock()
        if (
            handover.phase is Phase.PREPARING
            and why is Trigger.ENDED
            and self.successor is not None
        ):
            heard_at = self.successor.down_since = self.connection.heard_at
            self._pipeline.streams.interrupt(self.planned.streams, Cut.ROTATION, heard_at)
        store(handover.switch(why, now), self._pipeline, now)

    def _open(self, session: Session, succeeds: Handover | None = None) -> Connection:
        pipeline = self._pipeline
        return Connection(
            self.planned,
            self._config,
            pipeline.streams,
            session,
            pipeline.tally,
            pipeline.journal,
            succeeds,
        )

    def _bounds(self) -> Bounds:
        """As much is held as the buffer may hold, and not so long that it would expire there."""
        buffer = self._config.buffer
        timeout = min(self._config.timing.handover_timeout, buffer.ttl_seconds / 2)
        return Bounds(timeout, buffer.max_messages, buffer.max_bytes)

    def _tell(self, handover: Handover, reason: str, began: float, wall: int) -> None:
        """Count how it went, log it, and write it down."""
        if handover.why is None or handover.why is Trigger.STOPPED:
            return
        outcome = "late" if handover.late else handover.why.name.lower()
        self._pipeline.tally.handovers[outcome] += 1
        seat = Seat(self.planned.number, self.connection.url, self.planned.streams)
        self._pipeline.journal.rotation(
            seat, reason, outcome, handover.unaligned, wall, time.time_ns()
        )
        log.log(
            logging.WARNING if handover.late or handover.unaligned else logging.INFO,
            "Replaced the connection",
            extra={
                "outcome": outcome,
                "seconds": round(self._clock() - began, 3),
                "unaligned": handover.unaligned[:20],
                **self._context(),
            },
        )

    def _context(self) -> dict[str, object]:
        return {"connection": self.planned.number, "url": self.connection.url}


def _subscribed(new: Connection, old: Connection) -> bool:
    """Whether the exchange confirmed all that it had confirmed before."""
    refused = new.subscriptions.refused.keys() - old.subscriptions.refused.keys()
    return new.subscriptions.settled and not refused


async def _pause(event: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LOOK):
            await event.wait()


def _policy(config: RelayConfig) -> Policy:
    """The session's times and limits out of the relay's configuration."""
    reconnect, timing = config.reconnect, config.timing
    return Policy(
        initial_delay=reconnect.initial_delay_seconds,
        max_delay=reconnect.max_delay_seconds,
        max_attempts=reconnect.max_attempts,
        healthy_after=timing.healthy_after,
        breaker_failures=timing.breaker_failures,
        breaker_open=timing.breaker_open,
        forbidden_delay=timing.forbidden_delay,
        rate_limited_delay=timing.rate_limited_delay,
        lifetime=timing.connection_lifetime,
        lifetime_jitter=timing.lifetime_jitter,
    )

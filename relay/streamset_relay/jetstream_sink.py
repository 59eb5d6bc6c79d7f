"""Into a JetStream stream: every message is acknowledged, and sent again until it is.

`run` performs the activity of each state of `core.delivery`, on the connection that the session keeps.
`core.outbox` holds what is on its way, and says what is to be written; answers come in bulk, `ack_inbox`.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Final, Protocol

from .ack_inbox import AckInbox, Reply
from .core import puback
from .core.account import Account
from .core.batch import Batch, Room
from .core.delivery import Delivery, State, Trigger
from .core.envelope import HpubEncoder
from .core.losses import Losses
from .core.nats_link import LinkStatus
from .core.outbox import Outbox
from .core.puback import Refusal, Stored
from .core.stream import Streams
from .core.stream_info import Right, Wanted, Wrong
from .core.trouble import Trouble
from .core.window import Limits
from .errors import NatsLost
from .jetstream_api import JetStreamApi
from .nats_connection import NatsConnection
from .nats_session import QUIET_FOR, NatsSession

LOOK_AGAIN: Final = 1.0
"""Seconds between two looks for messages that grow too old while there is no connection."""

_log = logging.getLogger(__name__)


class DeliveryTiming(Protocol):
    """The times of delivery, in seconds."""

    @property
    def nats_backoff_max(self) -> float:
        """The longest pause before the stream is tried again."""

    @property
    def ack_timeout(self) -> float:
        """How long the server's answer to a request may take."""


class JetStreamSink:
    """See `sink.Sink`. Each message ends as acked, as another relay's duplicate, or as a counted drop."""

    def __init__(
        self,
        session: NatsSession,
        wanted: Wanted,
        streams: Streams,
        limits: Limits,
        timing: DeliveryTiming,
        rng: Random,
        *,
        ordered: bool = False,
        losses: Losses | None = None,
    ) -> None:
        self._session = session
        self._wanted = wanted
        self._streams = streams
        self._limits = limits
        self._inbox = AckInbox()
        encoder = HpubEncoder(self._inbox.prefix, wanted.name)
        self._outbox = Outbox(limits, encoder, ordered=ordered, losses=losses)
        self._delivery = Delivery(timing.nats_backoff_max, rng)
        self._connection: NatsConnection | None = None
        self._api = JetStreamApi(self._inbox, timing.ack_timeout)
        self._refusal: Refusal | None = None  # the last one since messages flowed
        self._denied = 0  # of the connection's refusals, those seen
        self._watched = False  # the current activity knows of a deadline
        self._verified = False  # the stream was right when this connection was checked
        self._found: Wrong | None = None  # by the last check of the stream
        self._told: Wrong | None = None  # by answers to messages, until one is positive
        self._denied_at = -QUIET_FOR
        self._next_log = 0.0
        self._stirred = asyncio.Event()  # there is something new for the current activity
        self._answered = asyncio.Event()  # messages have had their last word
        self._has_room = asyncio.Event()
        self._ended = asyncio.Event()
        self._ended.set()

    async def run(self) -> None:
        """See `Sink`. What is left at the end counts as dropped."""
        self._ended.clear()
        try:
            async with asyncio.TaskGroup() as tasks:
                working = [tasks.create_task(self._deliver()), tasks.create_task(self._listen())]
                await self._session.run()
                for task in working:
                    task.cancel()
        finally:
            self._move(Trigger.STOP)
            self._outbox.drop_all()
            self._ended.set()

    async def stop(self, timeout: float) -> None:
        """See `Sink`."""
        await self._session.stop(timeout)
        await self._ended.wait()

    async def drain(self, timeout: float) -> bool:
        """See `Sink`: wait until every message has had its last word."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while self._outbox.messages:
                    self._answered.clear()
                    await self._answered.wait()
        return not self._outbox.messages

    @property
    def ready(self) -> bool:
        """See `Sink`: the stream is right, the window has room, and so has the transport."""
        connection = self._connection
        return self._open and connection is not None and connection.writable

    @property
    def room(self) -> Room:
        """See `Sink`."""
        return self._outbox.room

    async def wait_ready(self) -> None:
        """See `Sink`."""
        while not self.ready:
            self._has_room.clear()
            if self._open and self._connection is not None:
                with contextlib.suppress(NatsLost):
                    await self._connection.wait_writable()
                    await asyncio.sleep(0)
                    continue
            await self._has_room.wait()

    def send(self, batches: Sequence[Batch], now: float) -> None:
        """See `Sink`. What does not fit into the window at once waits in it."""
        self._outbox.put(batches, now)
        self._write(now)
        self._outbox.tell_losses(self._streams)

    @property
    def account(self) -> Account:
        """See `Sink`."""
        return self._outbox.account

    @property
    def oldest_pending(self) -> float | None:
        """See `Sink`."""
        return self._outbox.oldest

    @property
    def link(self) -> LinkStatus:
        """See `Sink`: connected when the stream takes messages, or is only asked to wait a little."""
        link = self._session.link
        if not link.connected:
            return link
        wrong = self._found or self._told
        return link._replace(
            connected=self._verified and wrong is None,
            breaker=self._delivery.breaker,
            failure=None if wrong is None else wrong.trouble.value,
            last_error=link.last_error if wrong is None else wrong.text,
        )

    @property
    def _open(self) -> bool:
        """Whether messages flow, and more would be welcome."""
        return self._flows and self._outbox.room.messages > 0

    @property
    def _flows(self) -> bool:
        return self._delivery.state is State.OPEN and self._refusal is None

    async def _deliver(self) -> None:
        activities: dict[State, Callable[[NatsConnection], Awaitable[Trigger]]] = {
            State.CHECKING: self._check,
            State.OPEN: self._flow,
            State.SETTLING: self._settle,
            State.PAUSED: self._pause,
        }
        while True:
            if self._delivery.state is State.AWAY:
                self._connection = await self._connect()
                self._move(Trigger.UP)
            elif self._connection is not None:
                self._move(await activities[self._delivery.state](self._connection))

    async def _connect(self) -> NatsConnection:
        """Wait for a connection, and listen on it for answers."""
        while True:
            with contextlib.suppress(TimeoutError, NatsLost):
                async with asyncio.timeout(LOOK_AGAIN):
                    connection = await self._session.up()
                connection.listen(self._inbox)
                connection.lost.add_done_callback(lambda _: self._stirred.set())
                self._denied = connection.denied
                return connection
            self._expire()

    async def _check(self, connection: NatsConnection) -> Trigger:
        """Ask whether the stream is as it should be; create it where that is wanted."""
        subjects = self._streams.subjects()
        try:
            verdict = await self._api.check(connection, self._wanted, subjects)
        except NatsLost:
            return Trigger.DOWN
        if isinstance(verdict, Wrong):
            self._complain(verdict)
            self._found = verdict
            return Trigger.WRONG
        self._accept(verdict, connection)
        return Trigger.RIGHT

    async def _flow(self, connection: NatsConnection) -> Trigger:
        """Write what is due, as answers make room, until something is wrong."""
        while True:
            try:
                await connection.wait_writable()
            except NatsLost:
                return Trigger.DOWN
            self._write(_now())
            self._announce()
            trigger = await self._rest(connection)
            if trigger is not None:
                return trigger
            if self._refusal is not None:
                return Trigger.REFUSED

    async def _settle(self, connection: NatsConnection) -> Trigger:
        """Something was refused: wait for the answers to everything that followed it."""
        while self._outbox.window.in_flight:
            trigger = await self._rest(connection)
            if trigger is not None:
                return trigger
        return Trigger.SETTLED

    async def _pause(self, connection: NatsConnection) -> Trigger:
        left = self._delivery.retry_at - _now()
        await asyncio.wait({connection.lost}, timeout=max(0.0, left))
        self._expire()
        return Trigger.DOWN if connection.lost.done() else Trigger.DUE

    async def _rest(self, connection: NatsConnection) -> Trigger | None:
        """Wait for answers, at most until the oldest is overdue; what that means, if anything."""
        self._watched = self._outbox.window.deadline is not None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(self._outbox.window.deadline):
                await self._stirred.wait()
        self._stirred.clear()
        if connection.lost.done():
            return Trigger.DOWN
        deadline = self._outbox.window.deadline
        if deadline is None or deadline > _now():
            return None
        if connection.denied == self._denied:
            if self._delivery.stuck:
                text = f"no answer in {_now() - deadline + self._limits.timeout:.1f} s"
                self._hear(Wrong(Trouble.UNAVAILABLE, text))
            return Trigger.OVERDUE
        # The server tells of a denied message without its number: those are it that nobody answered.
        self._denied, self._denied_at = connection.denied, _now()
        self._hear(Wrong(Trouble.DENIED, connection.denial))
        self._outbox.window.refuse_all(puback.DENIED)
        self._refusal = Refusal(puback.DENIED, True, connection.denial)
        return None

    async def _listen(self) -> None:
        """Take in answers as they come, whatever else goes on."""
        while True:
            await self._inbox.arrived.wait()
            numbers, replies = self._inbox.take()
            now = _now()
            self._outbox.ack(numbers, now)
            for reply in replies:
                self._take(reply, now)
            if numbers:
                self._succeeded()
            self._outbox.tell_losses(self._streams)
            self._stirred.set()
            self._answered.set()
            self._announce()

    def _take(self, reply: Reply, now: float) -> None:
        """Take in one answer that is no plain "stored", or the reply to a request."""
        if self._api.take(reply):
            return
        number = int(reply.token)
        match puback.read(reply.headers, reply.payload):
            case Stored(duplicate=False):
                self._outbox.ack([number], now)
                self._succeeded()
            case Stored():
                self._outbox.ack_duplicate(number, now)
                self._succeeded()
            case Refusal(reason, again=False) as refusal:
                self._outbox.drop(number, reason, now)
                if refusal.trouble is not None:
                    self._refused(refusal)
            case Refusal(reason) as refusal:
                self._outbox.window.refuse(number, reason)
                self._refused(refusal)

    def _accept(self, verdict: Right, connection: NatsConnection) -> None:
        """The stream is right: everything without a last word may be written again."""
        self._verified = True
        sizes = (connection.max_payload, verdict.max_size or connection.max_payload)
        self._outbox.max_payload = min(sizes)
        self._outbox.drop_unbound(verdict.bound.fullmatch, _now())
        self._answered.set()
        self._outbox.window.rewind()
        if self._found is not None:
            self._found = None
            self._say_recovered()

    def _write(self, now: float) -> None:
        """Write what is due, if messages flow."""
        connection = self._connection
        if not self._flows or connection is None or connection.lost.done():
            return
        if wire := self._outbox.due(now):
            with contextlib.suppress(NatsLost):  # then it is written again
                connection.write(wire)
            if not self._watched:
                self._stirred.set()
        self._answered.set()  # what was too old to be written has had its last word

    def _expire(self) -> None:
        self._outbox.expire(_now())
        self._outbox.tell_losses(self._streams)
        self._answered.set()

    def _announce(self) -> None:
        if self._open:
            self._has_room.set()

    def _succeeded(self) -> None:
        """The stream has taken something."""
        self._delivery.succeeded()
        # Denied subjects show only when their messages are overdue, while others are taken.
        if self._told is not None and _now() >= self._denied_at + QUIET_FOR:
            self._told = None
            self._say_recovered()

    def _refused(self, refusal: Refusal) -> None:
        self._refusal = refusal
        trouble = refusal.trouble or (Trouble.UNAVAILABLE if self._delivery.stuck else None)
        if trouble is not None:
            self._hear(Wrong(trouble, refusal.text))

    def _hear(self, wrong: Wrong) -> None:
        self._complain(wrong)
        self._told = wrong

    def _complain(self, wrong: Wrong) -> None:
        """Log what is wrong: at once when it is new, and now and then while it lasts."""
        known = {each.trouble for each in (self._found, self._told) if each is not None}
        if wrong.trouble not in known or _now() >= self._next_log:
            self._next_log = _now() + QUIET_FOR
            extra = {
                "stream": self._wanted.name,
                "trouble": wrong.trouble.value,
                "reason": wrong.text,
            }
            _log.warning("JetStream does not take messages", extra=extra)

    def _say_recovered(self) -> None:
        if self._found is None and self._told is None:
            _log.info("JetStream takes messages again", extra={"stream": self._wanted.name})

    def _move(self, trigger: Trigger) -> None:
        state = self._delivery.step(trigger, _now())
        if trigger is Trigger.REFUSED:
            self._outbox.window.shrink()
        if state is State.OPEN:
            self._refusal = None
        elif state is State.AWAY:
            self._verified = False
            self._outbox.window.rewind()  # no answer is to be expected
        self._announce()


def _now() -> float:
    return asyncio.get_running_loop().time()

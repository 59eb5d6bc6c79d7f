"""The session with NATS: one connection after the other, and what their PONGs confirm.

`run` performs the activity of each state of `core.nats_link`, so the table there is the order of
events here. Between two PONGs it holds no list of messages, only numbers: what had been written when
a PING went out has reached the server when its PONG comes.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Any, Final, Protocol

from .cancellation import end_tasks
from .core.nats_link import Breaker, LinkStatus, NatsLink, State, Trigger
from .errors import NatsError, NatsLost
from .nats_connection import NatsConnection
from .nats_credentials import CredentialFiles

DEFAULT_MAX_PAYLOAD: Final = 1024 * 1024
"""What nats-server allows unless configured otherwise; the truth comes with the connection."""

QUIET_FOR: Final = 10.0
"""Seconds between two log lines about the same trouble."""

_log = logging.getLogger(__name__)


class SessionTiming(Protocol):
    """The times of a session, in seconds."""

    @property
    def nats_ping_timeout(self) -> float:
        """How long a PONG, and each server's part in connecting, may take."""

    @property
    def nats_backoff_max(self) -> float:
        """The longest wait between two attempts to connect."""

    @property
    def confirm_interval(self) -> float:
        """A PING goes out this often, busy or idle."""


class NatsSession:
    """Keeps a connection to NATS, writes to it, and says what became of it.

    ``written == published + unconfirmed + pending`` at any time:

    * `written`: messages handed to `write`;
    * `published`: written, and a later PING was answered;
    * `unconfirmed`: the connection ended before the next PONG, or the server refused the message
      (`denied` counts those).

    A user with receipts of its own, JetStream's, writes to the connection itself (`up`); the account
    then stays empty.
    """

    def __init__(
        self,
        servers: Sequence[str],
        *,
        name: str,
        timing: SessionTiming,
        rng: Random,
        files: CredentialFiles | None = None,
    ) -> None:
        self._servers = list(servers)
        self._files = files or CredentialFiles()
        self._name = name
        self._timing = timing
        self._rng = rng
        self._link = NatsLink(timing.nats_backoff_max, rng)
        self._connection: NatsConnection | None = None
        self._successor: NatsConnection | None = None
        self._open = asyncio.Event()  # messages may be written
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()
        self._running = False
        self._pinged_at = 0.0
        self._denied_before = 0
        self._denied_at = 0.0
        self._next_log = dict.fromkeys(("failed", "denied"), 0.0)
        self.written = 0
        self.published = 0
        self.unconfirmed = 0
        self.denied = 0
        self.connects = 0
        self.max_payload = DEFAULT_MAX_PAYLOAD
        self.last_error: str | None = None
        self.failure: str | None = None  # the `kind` of the last error; `denied` while messages are
        self.server = ""
        self.rtt: float | None = None
        self.last_confirmed_at: float | None = None

    @property
    def pending(self) -> int:
        """Messages written and not yet confirmed."""
        return self.written - self.published - self.unconfirmed

    @property
    def connected(self) -> bool:
        """Whether the last PING was answered and the connection is up."""
        return self._link.publishes

    @property
    def breaker(self) -> Breaker:
        """`closed` lets messages out; `half_open` while a connection is tried; `open` otherwise."""
        return self._link.breaker

    @property
    def reconnects(self) -> int:
        """Connections made after the first."""
        return max(0, self.connects - 1)

    @property
    def link(self) -> LinkStatus:
        """The session as one value."""
        return LinkStatus(
            self.connected, self.breaker, self.reconnects, self.failure, self.last_error
        )

    async def run(self) -> None:
        """Keep the link up until `stop`. Failures of NATS are retried for ever; others end it."""
        self._running = True
        supervision = asyncio.create_task(self._supervise())
        stop = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({supervision, stop}, return_when=asyncio.FIRST_COMPLETED)
            if supervision.done():
                supervision.result()
        finally:
            await end_tasks(supervision, stop)
            await self._close()
            self._move(Trigger.STOP)
            self._running = False
            self._ended.set()

    async def stop(self, timeout: float) -> None:
        """End `run` and the connection; what is still unconfirmed stays so. Call `drain` before.

        After `timeout` seconds the connection is cut, whatever it holds.
        """
        self._stopping.set()
        if not self._running:
            return
        try:
            await asyncio.wait_for(self._ended.wait(), timeout)
        except TimeoutError:
            if self._connection is not None:
                self._connection.abort("stop took too long")
            await self._ended.wait()

    @property
    def ready(self) -> bool:
        """Whether a message may be written right now; `wait_ready` waits for it."""
        connection = self._connection
        return self._open.is_set() and connection is not None and connection.writable

    async def wait_ready(self) -> None:
        """Wait until a message may be written: connected, breaker closed, room in the transport.

        That may be never. Does not yield when it is so already.
        """
        while True:
            await self._open.wait()
            connection = self._live
            try:
                await connection.wait_writable()
            except NatsLost:
                if connection is self._connection:
                    self._open.clear()  # a little ahead of the supervisor, which opens it again
                continue
            if self._open.is_set() and connection is self._connection:
                return

    def write(self, wire: bytes, messages: int) -> None:
        """Write `messages` messages, encoded as protocol lines, and count them.

        Right after `wait_ready`, with no other await between. Raises NatsLost when the connection
        ended all the same: nothing was written or counted.
        """
        self._live.write(wire)
        self.written += messages

    async def up(self) -> NatsConnection:
        """Wait until messages may be written, whatever the transport holds; the connection."""
        while True:
            await self._open.wait()
            if not self._live.lost.done():
                return self._live
            self._open.clear()  # a little ahead of the supervisor, which opens it again

    async def drain(self, timeout: float) -> bool:
        """Have everything written confirmed, after the last `write`; whether it all was.

        After `timeout` seconds, or when the connection ends, the rest becomes `unconfirmed`.
        """
        before = self.unconfirmed
        if self.pending:
            connection, written = self._live, self.written
            with contextlib.suppress(TimeoutError, NatsLost):
                await connection.ping(timeout)
                self._settle(connection, written)
        self._give_up()
        return self.unconfirmed == before

    @property
    def _live(self) -> NatsConnection:
        if self._connection is None:
            raise NatsLost("there is no connection")
        return self._connection

    async def _supervise(self) -> None:
        activities: dict[State, Callable[[], Awaitable[Trigger]]] = {
            State.CONNECTING: self._connect,
            State.PROBING: self._confirm,
            State.CONNECTED: self._beat,
            State.LEAVING: self._leave,
            State.SUSPECT: self._cut,
            State.WAITING: self._wait,
        }
        while True:
            self._move(await activities[self._link.state]())

    async def _connect(self) -> Trigger:
        connection, self._successor = self._successor, None
        try:
            self._install(connection or await self._dial())
        except NatsError as error:
            self.failure = error.kind
            self._complain("failed", "Cannot connect to NATS", str(error))
            return Trigger.FAILED
        return Trigger.OPENED

    async def _confirm(self) -> Trigger:
        """Send a PING; with its PONG, count as published what had been written before."""
        connection, written = self._live, self.written
        self._pinged_at = _now()
        try:
            self.rtt = await connection.ping(self._timing.nats_ping_timeout)
        except TimeoutError:
            return Trigger.UNANSWERED
        except NatsLost:
            return Trigger.LOST
        self._settle(connection, written)
        return Trigger.PONG

    async def _beat(self) -> Trigger:
        """Wait until the next PING is due, then confirm."""
        connection = self._live
        await self._rest({connection.lost, connection.lame_duck})
        if connection.lost.done():
            return Trigger.LOST
        if connection.lame_duck.done():
            return Trigger.LAME_DUCK
        if await self._files.changed(_now()):
            return Trigger.ROTATED
        return await self._confirm()

    async def _leave(self) -> Trigger:
        """Find a successor while this connection still takes messages; confirm, and change over.

        A single server that restarts is thus used until it closes the connection, and so is one
        that refuses the new credentials.
        """
        old = self._live
        seeking = asyncio.create_task(self._seek())
        try:
            while not seeking.done():
                await self._rest({old.lost, seeking})
                if (trigger := await self._confirm()) is not Trigger.PONG:
                    return trigger
            seeking.result()
        finally:
            await end_tasks(seeking)
        self._open.clear()
        await self._confirm()
        self._give_up()
        await old.close()
        return Trigger.REPLACED

    async def _cut(self) -> Trigger:
        """Cut a connection that does not answer: closing would wait for it to take the rest."""
        self._live.abort(f"no PONG in {self._timing.nats_ping_timeout:g} s")
        return Trigger.LOST

    async def _wait(self) -> Trigger:
        await self._close()
        await asyncio.sleep(self._link.retry_at - _now())
        return Trigger.DUE

    async def _dial(self) -> NatsConnection:
        servers = self._rng.sample(self._servers, len(self._servers))
        timeout = self._timing.nats_ping_timeout
        credentials = await self._files.read()
        return await NatsConnection.open(
            servers, name=self._name, timeout=timeout, credentials=credentials
        )

    async def _seek(self) -> None:
        """Connect anew. A server that is about to end has closed its port."""
        while True:
            try:
                self._successor = await self._dial()
            except NatsError as error:
                self._complain("failed", "Cannot replace the connection to NATS", str(error))
            else:
                return
            await asyncio.sleep(self._timing.nats_backoff_max)

    async def _rest(self, events: set[asyncio.Future[Any]]) -> None:
        """Wait for one of `events`, at most until the next PING is due."""
        left = self._pinged_at + self._timing.confirm_interval - _now()
        await asyncio.wait(events, timeout=max(0.0, left), return_when=asyncio.FIRST_COMPLETED)

    def _install(self, connection: NatsConnection) -> None:
        self._connection = connection
        self._denied_before = 0
        self.connects += 1
        self.max_payload = connection.max_payload
        self.server = connection.url

    def _settle(self, connection: NatsConnection, written: int) -> None:
        """A PONG came for a PING that had been sent after `written` messages."""
        self.last_confirmed_at = _now()
        answered = max(0, written - self.published - self.unconfirmed)
        # Refusals come ahead of the PONG. Some may belong to messages behind the PING: then this
        # says too little about `published` until the next PONG, and never too much.
        denied = min(answered, connection.denied - self._denied_before)
        self._denied_before += denied
        self.denied += denied
        self.unconfirmed += denied
        self.published += answered - denied
        if denied:
            self.failure, self._denied_at = "denied", _now()
            self._complain("denied", "NATS refused messages", connection.denial)
        elif self.failure == "denied" and _now() - self._denied_at > QUIET_FOR:
            self.failure = None

    def _give_up(self) -> None:
        """No PONG will come for what is pending."""
        self.unconfirmed += self.pending

    def _move(self, trigger: Trigger) -> None:
        before = self._link.state
        after = self._link.step(trigger, _now())
        if self._link.publishes:
            self._open.set()
        else:
            self._open.clear()
        if after in (State.WAITING, State.STOPPED):
            lost = self.pending
            self._give_up()
            if trigger is Trigger.LOST:
                self._log_loss(lost)
        elif trigger is Trigger.LAME_DUCK:
            _log.warning("NATS server is about to end", extra={"server": self.server})
        elif trigger is Trigger.ROTATED:
            _log.info("NATS credentials changed", extra={"server": self.server})
        elif after is State.CONNECTED and before is not after:
            self._next_log["failed"] = 0.0
            _log.info("Connected to NATS", extra={"server": self.server, "rtt": self.rtt})

    def _log_loss(self, unconfirmed: int) -> None:
        error = self._live.lost.result()
        self.last_error, self.failure = str(error), "lost"
        _log.warning(
            "Lost the connection to NATS",
            extra={"server": self.server, "reason": error.cause, "unconfirmed": unconfirmed},
        )

    def _complain(self, kind: str, message: str, reason: str) -> None:
        """Log a repeating trouble now and then."""
        self.last_error = reason
        if _now() >= self._next_log[kind]:
            self._next_log[kind] = _now() + QUIET_FOR
            _log.warning(message, extra={"reason": reason})

    async def _close(self) -> None:
        connections = (self._connection, self._successor)
        await asyncio.gather(*(each.close() for each in connections if each is not None))
        self._connection = self._successor = None


def _now() -> float:
    return asyncio.get_running_loop().time()

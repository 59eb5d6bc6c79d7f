"""Who publishes the streams, this relay or another one: keeps `core.ownership` up to date over NATS.

Runs beside the pipeline, on the connection that the sink uses. Asks for the owner, answers as owner, lets out what
was held after a takeover, and hands over at the end. What is said, `core.succession` has.
"""

import asyncio
import contextlib
import logging
import math
import secrets
from collections import deque
from typing import Final, NamedTuple, Protocol

from .core import succession
from .core.marks import Marks
from .core.ownership import Ownership, State, Trigger
from .core.succession import Ask, Rank, Stand, Word
from .core.tally import SHUTDOWN
from .errors import NatsLost
from .mailbox import Letter, Mailbox, message
from .nats_connection import NatsConnection
from .nats_session import NatsSession
from .pipeline import Pipeline, let_out
from .tail import Tail

#: Bytes of marks in one message.
WORD_LIMIT: Final = 256 * 1024

#: Asks that a follower may leave out before it is no heir any more.
MISSED: Final = 4

#: Snapshots that wait for NATS to confirm them. When it confirms nothing, no more are needed.
SNAPSHOTS: Final = 8

log = logging.getLogger(__name__)


class SuccessionTiming(Protocol):
    """The times of succession, in seconds."""

    @property
    def succession_interval(self) -> float:
        """Between two asks."""

    @property
    def succession_silence(self) -> float:
        """An owner that says nothing for so long has none of the streams any more."""


class _Follower(NamedTuple):
    since: float
    asked_at: float
    reply: str


class _Snapshot(NamedTuple):
    """Marks, and when they were taken. What had been passed on by then had arrived by then."""

    taken: float
    marks: Marks


class Succession:
    """See above. `subject` is None for a relay that has no others."""

    def __init__(
        self,
        session: NatsSession,
        pipeline: Pipeline,
        ownership: Ownership,
        timing: SuccessionTiming,
        *,
        subject: str | None,
        tail: Tail | None,
    ) -> None:
        self._session = session
        self._pipeline = pipeline
        self._ownership = ownership
        self._timing = timing
        self._subject = subject
        self._tail = tail
        self._rank = Rank(0, secrets.token_hex(6))
        self._highest = 0  # term heard of
        self._heard_at: float | None = (
            None  # the owner; or when this was first asked for, on this connection
        )
        self._known: set[str] = set()  # streams that the owner has said something of
        self._followers: dict[str, _Follower] = {}
        self._snapshots: deque[_Snapshot] = deque()
        self._final: Word | None = None
        self._leaving = False
        self._connection: NatsConnection | None = None
        self._took_over = asyncio.Event()
        self._emptied = asyncio.Event()

    async def run(self) -> None:
        """Talk to other relays and let out what was held, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._converse())
            tasks.create_task(self._let_out())

    async def settle(self) -> None:
        """Wait until nothing is left of a takeover, while `run` does."""
        while self._ownership.state is State.TAKING_OVER:
            self._emptied.clear()
            await self._emptied.wait()

    def leave(self) -> None:
        """The relay is about to end: be nobody's heir any more, and tell the owner. An owner goes on until `end`."""
        self._leaving = True
        if self._subject is None or self._connection is None or self._ownership.owns:
            return
        ask = succession.write(Ask(self._rank, owns=False, leaves=True))
        with contextlib.suppress(NatsLost):
            self._connection.write(message(self._subject, ask))

    async def end(self, timeout: float) -> None:
        """Own nothing any more: leave the streams to the relay that has followed for longest, if any.

        It is left whatever still waits as well, in the pipeline or for NATS: give that up afterwards, or the last
        word would cover it. Cancelled, it says its last word without waiting for NATS to have it.
        """
        try:
            if self._ownership.owns:
                await self._hand_over(timeout)
        finally:
            self._ownership.end(SHUTDOWN)

    async def _converse(self) -> None:
        """On one connection after the other."""
        while True:
            self._connection = await self._session.up()
            mailbox = Mailbox()
            self._connection.receive(mailbox)
            self._heard_at = None
            try:
                self._connection.write(mailbox.subscription)
                await self._talk(self._connection, mailbox)
            except NatsLost:
                await asyncio.sleep(0)

    async def _let_out(self) -> None:
        while True:
            await self._took_over.wait()
            self._took_over.clear()
            await let_out(self._pipeline, self._ownership)
            self._emptied.set()

    async def _hand_over(self, timeout: float) -> None:
        connection, heir = self._connection, self._heir()
        if heir is None or connection is None:
            return
        name, follower = heir
        marks = self._confirmed()
        *parts, last = succession.split(marks, WORD_LIMIT)
        words = [Word(self._rank, Stand.OWNS, part) for part in parts]
        self._final = Word(self._rank, Stand.HANDS_OVER, last, name)
        try:
            self._send(connection, follower.reply, *words, self._final)
            await connection.ping(timeout)
        except (NatsLost, TimeoutError):
            return
        log.info("Handed over", extra={"to": name, "streams": len(marks)})

    async def _talk(self, connection: NatsConnection, mailbox: Mailbox) -> None:
        listening, ask_at = False, 0.0
        while not connection.lost.done():
            now = _now()
            if self._subject is None and self._ownership.state is State.ASKING:
                await self._take_over(connection, mailbox, Trigger.NOBODY)
            if self._subject is not None:
                if listening is not self._ownership.owns:
                    listening = self._ownership.owns
                    line = mailbox.listening(self._subject) if listening else mailbox.deaf
                    connection.write(line)
                if now >= ask_at:
                    self._ask(self._subject, connection, mailbox)
                    ask_at = now + self._timing.succession_interval
            await _arrival(mailbox, ask_at - now if self._subject is not None else None)
            for letter in mailbox.take():
                await self._hear(letter, connection, mailbox)
            await self._look(connection, mailbox)

    def _ask(self, subject: str, connection: NatsConnection, mailbox: Mailbox) -> None:
        owns = self._ownership.owns
        if owns or not self._leaving:
            ask = succession.write(Ask(self._rank, owns))
            connection.write(mailbox.request(subject, "ask", ask))
            self._heard_at = self._heard_at or _now()

    async def _hear(self, letter: Letter, connection: NatsConnection, mailbox: Mailbox) -> None:
        if letter.no_responders:
            if self._ownership.state is State.ASKING:
                await self._take_over(connection, mailbox, Trigger.NOBODY)
            return
        match succession.read(letter.payload):
            case Ask() as ask if ask.rank.relay != self._rank.relay:
                self._asked(ask, letter.reply, connection)
            case Word() as word if word.rank.relay != self._rank.relay:
                await self._told(word, connection, mailbox)

    def _asked(self, ask: Ask, reply: str, connection: NatsConnection) -> None:
        """Another relay asks: a follower, or somebody who thinks to be the owner."""
        ownership, now = self._ownership, _now()
        if not ownership.owns:
            return
        if ask.owns and ask.rank > self._rank:
            self._yield(ask.rank)
            return
        if ask.leaves:
            self._followers.pop(ask.rank.relay, None)
            return
        if not ask.owns:
            known = self._followers.get(ask.rank.relay)
            since = now if known is None else known.since
            self._followers[ask.rank.relay] = _Follower(since, now, reply)
        if self._final is not None:
            self._send(connection, reply, self._final)
        else:
            parts = succession.split(self._confirmed(), WORD_LIMIT)
            self._send(connection, reply, *(Word(self._rank, Stand.OWNS, part) for part in parts))

    async def _told(self, word: Word, connection: NatsConnection, mailbox: Mailbox) -> None:
        """An owner answers."""
        ownership = self._ownership
        self._highest = max(self._highest, word.rank.term)
        if ownership.owns:
            if word.rank > self._rank:
                self._yield(word.rank)
            return
        if ownership.state not in (State.ASKING, State.FOLLOWING):
            return
        self._heard_at = _now()
        self._known |= word.marks.keys()
        if ownership.state is State.ASKING:
            log.info(
                "Following another relay until it hands over", extra={"owner": word.rank.relay}
            )
        if word.stand is Stand.HANDS_OVER and word.heir == self._rank.relay:
            await self._take_over(connection, mailbox, Trigger.HANDED_OVER, word.marks)
        else:
            ownership.follow(word.marks)

    async def _look(self, connection: NatsConnection, mailbox: Mailbox) -> None:
        """Whether the owner is silent, and whether followers have gone."""
        now, ownership = _now(), self._ownership
        silent = (
            not self._leaving
            and self._heard_at is not None
            and now - self._heard_at > self._timing.succession_silence
        )
        if ownership.state in (State.ASKING, State.FOLLOWING) and silent:
            await self._take_over(connection, mailbox, Trigger.SILENT)
        patience = MISSED * self._timing.succession_interval
        for name, follower in list(self._followers.items()):
            if now - follower.asked_at > patience:
                del self._followers[name]
        if not self._followers:
            self._snapshots.clear()

    async def _take_over(
        self,
        connection: NatsConnection,
        mailbox: Mailbox,
        why: Trigger,
        marks: Marks | None = None,
    ) -> None:
        """Own the streams; those that no owner has said anything of from where they end in JetStream.

        Of the others the end says too much: before it may be something that was refused and overtaken, and that
        is held here. What the stream has of what is held, it knows by the ids.
        """
        origin = "word" if marks is not None else "unknown"
        if marks is None:
            marks = {}
            if self._tail is not None:
                found = await self._tail.read(connection, mailbox)
                origin = "stream" if found else origin
                marks = {name: mark for name, mark in found.items() if name not in self._known}
            if self._ownership.state is State.ENDED:  # meanwhile
                return
        self._known.clear()
        held = self._ownership.held
        self._ownership.take_over(why, marks, _now())
        self._rank = Rank(max(self._highest, self._rank.term) + 1, self._rank.relay)
        self._took_over.set()
        log.log(
            logging.WARNING if why is Trigger.SILENT else logging.INFO,
            "Took over the streams",
            extra={"reason": why.value, "held": held, "marks": len(marks), "from": origin},
        )

    def _yield(self, rank: Rank) -> None:
        log.warning("Another relay has taken over", extra={"owner": rank.relay})
        self._highest = max(self._highest, rank.term)
        self._heard_at = _now()
        self._followers.clear()
        self._snapshots.clear()
        self._ownership.follow({})

    def _confirmed(self) -> Marks:
        """The latest marks of which NATS has confirmed everything, or whose last word is another one.

        JetStream does not settle messages in order, so a count of them would not do.
        """
        times = (self._pipeline.buffer.oldest, self._pipeline.sink.oldest_pending)
        oldest = min((time for time in times if time is not None), default=math.inf)
        snapshots = self._snapshots
        if oldest == math.inf:
            snapshots.clear()  # these are the latest
        if len(snapshots) < SNAPSHOTS:
            snapshots.append(_Snapshot(_now(), self._ownership.marks()))
        while len(snapshots) > 1 and snapshots[1].taken < oldest:
            snapshots.popleft()
        return snapshots[0].marks if snapshots[0].taken < oldest else {}

    def _heir(self) -> tuple[str, _Follower] | None:
        recent = _now() - MISSED * self._timing.succession_interval
        heirs = [each for each in self._followers.items() if each[1].asked_at >= recent]
        return min(heirs, key=lambda each: each[1].since, default=None)

    @staticmethod
    def _send(connection: NatsConnection, reply: str, *words: Word) -> None:
        connection.write(b"".join(message(reply, succession.write(word)) for word in words))


async def _arrival(mailbox: Mailbox, timeout: float | None) -> None:
    """Wait for a letter, or the end of the connection."""
    try:
        async with asyncio.timeout(timeout):
            await mailbox.arrived.wait()
    except TimeoutError:
        pass


def _now() -> float:
    return asyncio.get_running_loop().time()

"""What really happened, told by two that know nothing of the relay: the exchange, and the JetStream stream.

The exchange numbers every event it makes of a stream, and keeps the stretches that it sent to somebody
(`exchange_simulator.core.ledger`). The stream holds what was delivered. Between the two::

    generated = sent + hole            hole: made while nobody was connected
    generated = stored + missing       counted event by event, from the numbers
    lost      = missing - dropped - reported

where `dropped` and `reported` are the relay's own words: messages it gave up for a reason, and events whose
absence it noticed in the numbers of what it did receive. So an event is lost that is not stored and that the
relay never spoke of. What was sent and reported all the same broke off with a connection (`cut`).

Nothing here imports the relay.
"""

import asyncio
import secrets
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from tests.support.jetstream import administration
from tests.support.subscriber import Subscriber

NUMBERED = {"trade": b'"t":', "aggTrade": b'"a":'}
"""Channels whose numbers are contiguous, and the field that holds them."""
_ID = b"Nats-Msg-Id: "

Span = tuple[int, int]
"""First and last number."""


@dataclass
class Numbers:
    """The numbers of one stream in the order in which they are stored.

    `runs` grow and never overlap; `late` are those that came behind a later one, or again.
    """

    runs: list[list[int]] = field(default_factory=list)
    late: list[int] = field(default_factory=list)

    def add(self, number: int) -> None:
        """Take the next one."""
        runs = self.runs
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        elif not runs or number > runs[-1][1]:
            runs.append([number, number])
        else:
            self.late.append(number)

    @property
    def count(self) -> int:
        """All of them, also those that are there twice."""
        return sum(last - first + 1 for first, last in self.runs) + len(self.late)

    @property
    def doubled(self) -> int:
        """Those that are there already."""
        return len(self.late) - len(self._behind)

    @property
    def reordered(self) -> int:
        """Those that are stored behind a later one, and are there once."""
        return len(self._behind)

    def spans(self) -> list[Span]:
        """What is there, as stretches without a hole, in order."""
        return merged([(first, last) for first, last in self.runs] + [(n, n) for n in self._behind])

    @property
    def _behind(self) -> set[int]:
        firsts = [first for first, _ in self.runs]
        return {
            number
            for number in self.late
            if not (at := bisect_right(firsts, number)) or number > self.runs[at - 1][1]
        }


def merged(spans: Sequence[Span]) -> list[Span]:
    """The same numbers in as few stretches as possible."""
    found: list[Span] = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


def size(spans: Sequence[Span]) -> int:
    """How many numbers."""
    return sum(last - first + 1 for first, last in spans)


def common(left: Sequence[Span], right: Sequence[Span]) -> int:
    """How many numbers are in both; each is what `merged` gives."""
    found = at = 0
    for first, last in left:
        while at < len(right) and right[at][1] < first:
            at += 1
        beyond = at
        while beyond < len(right) and right[beyond][0] <= last:
            found += min(last, right[beyond][1]) - max(first, right[beyond][0]) + 1
            beyond += 1
    return found


@dataclass
class Content:
    """What a JetStream stream holds, by stream of the exchange; read bit by bit, or at once."""

    numbers: dict[str, Numbers] = field(default_factory=dict)
    ids: dict[str, set[bytes]] = field(default_factory=dict)
    """Ids of the messages of streams without contiguous numbers, and of messages that lack theirs."""
    doubled_ids: int = 0
    count: int = 0
    next_sequence: int = 1

    def take(self, payload: bytes, headers: bytes) -> None:
        """Take the next message. It reads no more of it than it needs."""
        self.count += 1
        name = payload[11 : payload.index(b'"', 11)].decode()
        key = NUMBERED.get(name.partition("@")[2])
        start = payload.find(key) + 4 if key else 3
        if start > 3:
            number = int(payload[start : payload.index(b",", start)])
            numbers = self.numbers.get(name)
            if numbers is None:
                numbers = self.numbers[name] = Numbers()
            numbers.add(number)
            return
        at = headers.index(_ID) + len(_ID)
        known = self.ids.setdefault(name, set())
        before = len(known)
        known.add(headers[at : headers.index(b"\r\n", at)])
        self.doubled_ids += before == len(known)

    async def read(self, url: str, stream: str) -> None:
        """Take in what has been stored since the last call, or the start."""
        async with administration(url) as js:
            await self.read_with(js, url, stream)

    async def read_with(self, js: JetStreamContext, url: str, stream: str) -> None:
        """As `read`, with a connection of one's own. Single messages were deleted of the unread ones, if any."""
        state = (await js.stream_info(stream)).state
        first = max(self.next_sequence, state.first_seq)
        gone = state.num_deleted or 0
        expected = state.last_seq - first + 1 - gone
        if expected <= 0:
            return
        subject = f"oracle.{secrets.token_hex(4)}"
        config = ConsumerConfig(
            deliver_subject=subject,
            ack_policy=AckPolicy.NONE,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=self.next_sequence,
        )
        async with _reading(url, subject, self.take) as reader:
            consumer = await js.add_consumer(stream, config)
            await reader.wait_for(expected, 60 + expected / 10_000)
            await js.delete_consumer(stream, consumer.name)
            await reader.settle()
            self.next_sequence = first + gone + reader.count

    async def read_as(self, client: Client, stream: str) -> None:
        """As `read`, all at once and with nats-py, for servers that ask for more than a password."""
        js = client.jetstream()
        count = (await js.stream_info(stream)).state.messages
        subject = f"oracle.{secrets.token_hex(4)}"
        coming = await client.subscribe(subject, pending_msgs_limit=-1, pending_bytes_limit=-1)
        config = ConsumerConfig(deliver_subject=subject, ack_policy=AckPolicy.NONE)
        await js.add_consumer(stream, config)
        for _ in range(count):
            message = await coming.next_msg(timeout=30)
            identity = (message.headers or {})["Nats-Msg-Id"]
            self.take(message.data, b"%b%b\r\n" % (_ID, identity.encode()))


class _Reader(Subscriber):
    """Hands on what comes and keeps nothing."""

    def __init__(self, url: str, subject: str, take: Callable[[bytes, bytes], None]) -> None:
        super().__init__(url, subject)
        self._take = take

    def _received(self, subject: bytes, headers: bytes, payload: bytes) -> None:
        super()._received(subject, headers, payload)
        self._take(payload, headers)


@asynccontextmanager
async def _reading(
    url: str, subject: str, take: Callable[[bytes, bytes], None]
) -> AsyncIterator[Subscriber]:
    async with _Reader(url, subject, take) as reader, asyncio.timeout(600):
        yield reader


@dataclass(frozen=True)
class Verdict:
    """See the top of this module. `foreign`: stored, and the exchange never sent it."""

    generated: int
    sent: int
    stored: int
    hole: int
    cut: int
    lost: int
    doubled: int
    reordered: int
    foreign: int


def judge(
    streams: Mapping[str, Mapping[str, Any]],
    content: Content,
    *,
    dropped: int,
    reported: int,
    open_end: bool = False,
) -> Verdict:
    """Hold what was stored against what was sent: `streams` of the exchange's stats, as JSON.

    With `open_end` the exchange went on after the relay had stopped reading, and each stream is looked at up to
    the last event that is stored. Streams without contiguous numbers are compared by count: what was made and
    not sent of them nobody can tell.
    """
    generated = sent = stored = 0
    foreign = 0
    for name, count in streams.items():
        if name.partition("@")[2] not in NUMBERED:
            found = len(content.ids.get(name, ()))
            events = found if open_end else count["count"]
            generated, sent, stored = generated + events, sent + events, stored + found
            continue
        assert not count["forgotten_runs"], "the exchange was interrupted too often to remember"
        spans = content.numbers.get(name, Numbers()).spans()
        last = spans[-1][1] if open_end and spans else count["last"]
        runs = merged([(run["first"], min(run["last"], last)) for run in count["runs"]])
        runs = [(first, end) for first, end in runs if first <= end]
        generated += max(0, last - count["first"] + 1)
        sent += size(runs)
        stored += size(spans)
        foreign += size(spans) - common(spans, runs)
    hole = generated - sent
    return Verdict(
        generated=generated,
        sent=sent,
        stored=stored,
        hole=hole,
        cut=reported - hole,
        lost=generated - stored - dropped - reported,
        doubled=content.doubled_ids + sum(n.doubled for n in content.numbers.values()),
        reordered=sum(n.reordered for n in content.numbers.values()),
        foreign=foreign,
    )

"""The outbox against a stream that stores, refuses, or is cut off from it; the wire is read as a server reads it."""

import json
from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamset_api.enums import Overflow
from streamset_api.market import Market
from streamset_relay.core.batch import NO_ROOM, Batch
from streamset_relay.core.envelope import HpubEncoder
from streamset_relay.core.losses import Losses, Record
from streamset_relay.core.outbox import Outbox
from streamset_relay.core.stream import Stream, record_stream
from streamset_relay.core.window import Limits

from .hpub import Hpub, parse

STREAMS = [
    Stream(f"{name}@trade", Market.SPOT, f"md.{name}", Overflow.DROP_NEWEST) for name in "abc"
]
LIMITS = Limits(messages=16, bytes=20_000, timeout=5.0, lifetime=100.0, ttl=60.0)


class World:
    """An outbox, and the stream on the other side."""

    def __init__(self, seed: int, *, ordered: bool, limits: Limits = LIMITS) -> None:
        self.random = Random(seed)
        self.losses = Losses()
        encoder = HpubEncoder("_INBOX.x.", "S")
        self.outbox = Outbox(limits, encoder, ordered=ordered, losses=self.losses)
        self.now = 0.0
        self.put = 0
        self.next = Counter[str]()
        self.stored: dict[str, str] = {}  # message id → stream and number, in order of storage
        self.wire: list[Hpub] = []

    def feed(self, count: int) -> None:
        messages = []
        for _ in range(count):
            stream = self.random.choice(STREAMS)
            self.next[stream.name] += 1
            number = self.next[stream.name]
            messages.append((stream, b"%d" % number, number))
        self.put += count
        self.outbox.put([Batch(0, self.now, messages, count)], self.now)

    def write(self) -> None:
        self.wire += parse(self.outbox.due(self.now))

    def serve(self, refuse: float) -> None:
        """Answer everything on the wire; a part of it is refused."""
        refused = False
        for frame in self.wire:
            message_id = frame.headers["Nats-Msg-Id"]
            if message_id in self.stored:
                self.outbox.ack_duplicate(frame.number, self.now)
            elif self.random.random() < refuse:
                self.outbox.window.refuse(frame.number, "overloaded")
                refused = True
            else:
                body = json.loads(frame.body)
                self.stored[message_id] = f"{body['stream']} {body['data']}"
                self.outbox.ack([frame.number], self.now)
        self.wire = []
        if refused:
            self.outbox.window.rewind()

    def lose(self) -> None:
        """The server handles a part of what is on the wire; no answer comes."""
        for frame in self.wire[: self.random.randint(0, len(self.wire))]:
            body = json.loads(frame.body)
            self.stored.setdefault(frame.headers["Nats-Msg-Id"], f"{body['stream']} {body['data']}")
        self.wire = []
        self.outbox.window.rewind()

    def numbers(self, stream: Stream) -> list[int]:
        """What is stored of a stream, in order of storage."""
        words = [text.split() for text in self.stored.values()]
        return [int(number) for name, number in words if name == stream.name]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.booleans())
def test_every_message_is_stored_once_whatever_is_refused_or_lost(seed: int, ordered: bool) -> None:
    world = World(seed, ordered=ordered)
    for _ in range(30):
        if world.outbox.room.messages:
            world.feed(world.random.randint(1, 12))
        world.write()
        if world.random.random() < 0.3:
            world.lose()
        else:
            world.serve(refuse=world.random.choice([0.0, 0.0, 0.3]))
        account = world.outbox.account
        assert account.jetstream is not None
        assert world.put == account.pending + account.jetstream.acked
        assert account.jetstream.in_window <= LIMITS.messages
    while world.outbox.messages:
        world.write()
        world.serve(refuse=0.0)

    assert len(world.stored) == world.put
    if ordered:
        for stream in STREAMS:
            assert world.numbers(stream) == list(range(1, world.next[stream.name] + 1))
        account = world.outbox.account
        assert account.jetstream is not None
        assert account.jetstream.reordered == 0


def test_in_ordered_delivery_one_message_of_a_stream_is_in_flight() -> None:
    world = World(1, ordered=True)
    for _ in range(5):
        world.feed(10)
        world.write()
        in_flight = [frame.subject for frame in world.wire]
        assert len(in_flight) == len(set(in_flight))
        world.serve(refuse=0.2)


@pytest.mark.parametrize("ordered", [False, True])
def test_what_is_too_large_is_left_out_and_holds_nobody_up(ordered: bool) -> None:
    world = World(1, ordered=ordered)
    world.outbox.max_payload = 500
    stream = STREAMS[0]
    payloads = [b"1", b"2" * 500, b"3" * 500, b"4"]
    messages = [(stream, payload, number) for number, payload in enumerate(payloads)]
    world.outbox.put([Batch(0, 0.0, messages, 1002)], 0.0)
    for _ in range(4):
        world.write()
        world.serve(refuse=0.0)

    assert world.outbox.account.dropped == {"oversize": 2}
    assert world.numbers(stream) == [1, 4]
    assert world.outbox.messages == 0


@pytest.mark.parametrize("ordered", [False, True])
def test_a_message_that_is_given_up_holds_nobody_up(ordered: bool) -> None:
    world = World(1, ordered=ordered)
    messages = [(STREAMS[0], b"%d" % number, number) for number in range(3)]
    world.outbox.put([Batch(0, 0.0, messages, 3)], 0.0)
    world.write()
    world.wire = [frame for frame in world.wire if frame.body.find(b'"data":0,') < 0]
    world.outbox.drop(0, "wrong_stream", 0.0)
    for _ in range(3):
        world.write()
        world.serve(refuse=0.0)

    assert world.outbox.account.dropped == {"wrong_stream": 1}
    assert world.numbers(STREAMS[0]) == [1, 2]


@pytest.mark.parametrize("ordered", [False, True])
def test_what_the_stream_does_not_listen_to_is_given_up_after_a_refusal(ordered: bool) -> None:
    world = World(1, ordered=ordered)
    world.outbox.put([Batch(0, 0.0, [(stream, b"1", 1) for stream in STREAMS], 3)], 0.0)
    world.write()
    for frame in world.wire:
        world.outbox.window.refuse(frame.number, "unavailable")
    world.outbox.drop_unbound(lambda subject: subject != "md.b", 0.0)

    assert world.outbox.account.dropped == {"subject_unbound": 1}
    assert world.outbox.messages == 2


@pytest.mark.parametrize("ordered", [False, True])
def test_the_end_gives_up_what_is_left_and_says_how_much(ordered: bool) -> None:
    world = World(1, ordered=ordered)
    world.feed(12)
    world.write()
    world.outbox.drop_all()
    account = world.outbox.account

    assert account.pending == 0
    assert account.dropped.keys() <= {"unacked_shutdown", "shutdown"}
    assert account.dropped.total() == 12
    assert account.dropped["unacked_shutdown"] == len(world.wire)


def test_what_waits_for_its_turn_expires_with_the_buffers_time() -> None:
    world = World(1, ordered=True)
    messages = [(STREAMS[0], b"%d" % number, number) for number in range(4)]
    world.outbox.put([Batch(0, 0.0, messages, 4)], 0.0)
    world.write()
    world.outbox.expire(61.0)

    assert world.outbox.account.dropped == {"expired": 3}
    assert world.outbox.messages == 1, "the one in flight may yet be answered"


@pytest.mark.parametrize("ordered", [False, True])
def test_the_oldest_stays_the_oldest_while_others_overtake_it(ordered: bool) -> None:
    """As many answers as messages that came before say nothing of those messages."""
    limits = LIMITS._replace(messages=1_000, bytes=1 << 20)
    world = World(1, ordered=ordered, limits=limits)
    slow, quick = STREAMS[:2]
    late = [(slow, b"%d" % number, number) for number in range(1, 101)]
    world.outbox.put([Batch(0, 1.0, late, 200)], 1.0)
    for number in range(300):
        arrived = 2.0 + number
        world.outbox.put([Batch(0, arrived, [(quick, b"%d" % number, number)], 3)], arrived)
        world.write()
        for frame in world.wire:
            if frame.subject == "md.b":
                world.outbox.ack([frame.number], arrived)
        world.wire = [frame for frame in world.wire if frame.subject != "md.b"]
        assert world.outbox.oldest == 1.0

    account = world.outbox.account
    assert account.jetstream is not None
    assert (account.jetstream.acked, account.pending) == (300, 100)
    while world.wire:
        world.serve(refuse=0.0)
        world.write()
    assert world.outbox.oldest is None


def test_a_line_of_large_messages_is_bounded_in_bytes() -> None:
    world = World(1, ordered=True)
    payload = b"1" * 9_000
    for _ in range(4):
        assert world.outbox.room.messages
        world.outbox.put([Batch(0, 0.0, [(STREAMS[0], payload, world.put)], 9_000)], 0.0)
        world.put += 1
        world.write()
    assert world.outbox.room == NO_ROOM, "three of four wait, with 27 kB of 20 kB"


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.booleans())
def test_whatever_is_given_up_is_told_of(seed: int, ordered: bool) -> None:
    world = World(seed, ordered=ordered, limits=LIMITS._replace(ttl=8.0, lifetime=20.0))
    told = []
    for _ in range(30):
        world.feed(world.random.randint(0, 12))
        world.write()
        if world.random.random() < 0.3:
            world.lose()
            world.outbox.window.rewind()
        else:
            world.serve(0.2)
        world.now += world.random.choice([0.1, 2.0, 9.0])
        world.outbox.expire(world.now)
        world.outbox.tell_losses(STREAMS)
        told += world.losses.take()

    account = world.outbox.account
    assert sum(loss.missing or 0 for loss in told) == account.dropped.total()
    causes = Counter[str]()
    for loss in told:
        assert loss.cause is not None
        causes[loss.cause] += loss.missing or 0
    assert causes == account.dropped
    for stream in STREAMS:
        ranges = [(loss.first, loss.last) for loss in told if loss.stream == stream.name]
        covered = {n for first, last in ranges for n in range(first or 0, (last or 0) + 1)}
        stored = {int(v.split()[1]) for v in world.stored.values() if v.split()[0] == stream.name}
        waiting = set(range(1, world.next[stream.name] + 1)) - covered - stored
        assert len(waiting) <= account.pending


def test_a_message_too_large_is_told_of() -> None:
    world = World(1, ordered=False)
    world.outbox.max_payload = 500
    world.outbox.put([Batch(7_000, 0.0, [(STREAMS[0], b"1" * 900, 5)], 900)], 0.0)

    (loss,) = world.losses.take()
    assert (loss.stream, loss.first, loss.cause, loss.since) == ("a@trade", 5, "oversize", 7_000)


@pytest.mark.parametrize(("reason", "again"), [("unavailable", True), ("denied", False)])
def test_a_record_is_sent_again_unless_it_was_refused_for_good(reason: str, again: bool) -> None:
    world = World(1, ordered=False)
    about = record_stream("a@trade", Market.SPOT, "events")
    world.outbox.put([Batch(7_000, 0.0, [(about, b'{"type":"gap"', 77)], 13)], 0.0)
    world.write()
    world.outbox.window.drop(world.wire[0].number, reason)
    world.outbox.tell_losses(STREAMS)

    wanted = [Record("a@trade", b'{"type":"gap"', 77, 7_000)] if again else []
    assert world.losses.take_records() == wanted
    assert world.losses.take() == []


def test_in_ordered_delivery_a_message_waits_for_the_record_ahead_of_it() -> None:
    world = World(1, ordered=True)
    about = record_stream("a@trade", Market.SPOT, "events")
    world.outbox.put([Batch(0, 0.0, [(about, b'{"type":"gap"', 77)], 13)], 0.0)
    world.outbox.put([Batch(0, 0.0, [(STREAMS[0], b"1", 1), (STREAMS[1], b"1", 1)], 2)], 0.0)
    world.write()

    assert [frame.subject for frame in world.wire] == ["events", "md.b"]
    world.outbox.ack([world.wire[0].number], 0.0)
    world.write()
    assert [frame.subject for frame in world.wire] == ["events", "md.b", "md.a"]

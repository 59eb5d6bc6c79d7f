"""The window against a model of a JetStream server behind a connection that may break.

The model handles single messages: it stores, refuses or recognises each in the order of the connection, and its
answers come in that order, or are lost with the connection.
"""

from collections import Counter, deque
from dataclasses import dataclass, field
from random import Random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from streamset_relay.core.window import EXPIRED, UNACKED, Limits, Window

TIMEOUT, LIFETIME, TTL = 2.0, 8.0, 4.0
MESSAGES = st.lists(st.tuples(st.sampled_from(b"ab"), st.integers(0, 30)), max_size=8)
ACK, DUPLICATE, REFUSE, FINAL = "ack", "duplicate", "refuse", "final"
OUTCOMES = st.lists(st.sampled_from([ACK, ACK, REFUSE]), min_size=6, max_size=10)


@dataclass
class Message:
    """One message as the test knows it."""

    number: int
    part: bytes
    arrived: float
    first_sent: float | None = None
    sent: float | None = None
    refused: bool = False
    """Its last answer was a refusal."""


@dataclass
class Server:
    """The stream, what is on its way to it, and its answers."""

    stored: list[int] = field(default_factory=list)
    socket: deque[int] = field(default_factory=deque)
    answers: deque[tuple[int, str]] = field(default_factory=deque)


class WindowModel(RuleBasedStateMachine):
    @initialize(messages=st.integers(1, 12), size=st.integers(20, 400))
    def configure(self, messages: int, size: int) -> None:
        self.limits = Limits(messages, size, TIMEOUT, LIFETIME, TTL)
        self.window = Window(self.limits, lambda part: part[:1])
        self.server = Server()
        self.now = 0.0
        self.next = 0
        self.parts: dict[int, bytes] = {}
        self.open: dict[int, Message] = {}
        self.flying: set[int] = set()
        self.waiting: set[int] = set()
        self.foreign: set[int] = set()
        self.taken_back: set[int] = set()
        self.given_up: set[int] = set()
        self.sends: Counter[int] = Counter()
        self.acked = self.duplicate = self.duplicate_answers = 0
        self.dropped: Counter[str] = Counter()
        self.blurred = False
        """An answer was lost or late after a refusal: the window cannot know every inversion."""

    @rule(messages=MESSAGES)
    def add(self, messages: list[tuple[int, int]]) -> None:
        parts = [bytes([stream]) + b"x" * size for stream, size in messages]
        self.window.add(parts, self.now)
        for part in parts:
            self.open[self.next] = Message(self.next, part, self.now)
            self.parts[self.next] = part
            self.waiting.add(self.next)
            self.next += 1

    @rule(seconds=st.sampled_from([0.125, 0.5, 2.0, 4.125]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def write(self) -> None:
        """The window's choice goes over the wire: in order, within the bounds, nothing too old."""
        before = set(self.flying)
        self.expire_model()
        parts = self.window.due(self.now)
        assert parts == [] or sum(map(len, parts)) > 0
        sent = sorted(self.waiting)[: len(parts)]
        assert [self.open[number].part for number in sent] == parts
        for number in sent:
            message = self.open[number]
            self.waiting.discard(number)
            self.flying.add(number)
            self.server.socket.append(number)
            self.sends[number] += 1
            if message.first_sent is None:
                assert self.now - message.arrived <= TTL
                message.first_sent = self.now
            assert self.now - message.first_sent <= LIFETIME
            message.sent, message.refused = self.now, False
        if sent:
            assert max(sent) - min(self.open) < self.window.limit
            size = sum(len(self.parts[number]) for number in self.flying)
            bound = self.limits.bytes * self.window.limit // self.limits.messages
            assert size <= bound or (not before and len(sent) == 1)
        elif self.waiting and not before and not any(m.refused for m in self.open.values()):
            raise AssertionError("nothing in flight, something waits, and nothing is due")

    def expire_model(self) -> None:
        for number in sorted(self.waiting):
            message = self.open[number]
            if message.first_sent is None:
                late, reason = self.now - message.arrived > TTL, EXPIRED
            else:
                late, reason = self.now - message.first_sent > LIFETIME, UNACKED
            if late:
                self.leave(number, dropped=REFUSE if message.refused else reason)

    @rule(outcomes=st.lists(st.sampled_from([ACK, ACK, ACK, REFUSE, FINAL]), max_size=10))
    def serve(self, outcomes: list[str]) -> None:
        """The server handles some messages of the connection, and takes or refuses each."""
        server = self.server
        for outcome in outcomes[: len(server.socket)]:
            number = server.socket.popleft()
            if number in server.stored:
                outcome = DUPLICATE
            elif outcome == ACK:
                server.stored.append(number)
            server.answers.append((number, outcome))

    @rule(count=st.integers(1, 12))
    def hear(self, count: int) -> None:
        """Answers come; positive ones in a row as one report."""
        answers = self.server.answers
        acks: list[int] = []
        for number, outcome in [answers.popleft() for _ in range(min(count, len(answers)))]:
            if outcome == ACK:
                acks.append(number)
                continue
            self.window.ack(acks)
            self.take(acks, ACK)
            acks = []
            match outcome:
                case "duplicate":
                    self.duplicate_answers += 1
                    self.window.ack_duplicate(number)
                case "refuse":
                    self.window.refuse(number, REFUSE)
                    if number in self.flying:
                        self.flying.discard(number)
                        self.open[number].refused = True
                case "final":
                    self.window.drop(number, FINAL)
            if outcome != REFUSE:
                self.take([number], outcome)
        self.window.ack(acks)
        self.take(acks, ACK)

    def take(self, numbers: list[int], outcome: str) -> None:
        for number in numbers:
            if number not in self.open:
                continue
            if outcome == FINAL:
                self.leave(number, dropped=FINAL)
            else:
                twin = outcome == DUPLICATE and number not in self.taken_back
                assert not twin or number in self.foreign
                self.leave(number)
                self.acked += not twin
                self.duplicate += twin

    def leave(self, number: int, dropped: str | None = None) -> None:
        del self.open[number]
        self.flying.discard(number)
        self.waiting.discard(number)
        if dropped is not None:
            self.dropped[dropped] += 1
            self.given_up.add(number)

    @rule(messages=MESSAGES, outcomes=OUTCOMES)
    def round_trip(self, messages: list[tuple[int, int]], outcomes: list[str]) -> None:
        """New messages, if there is room, and all that is due: written, and answered."""
        if self.window.room.messages:
            self.add(messages)
        self.write()
        self.serve(outcomes + [ACK] * len(self.server.socket))
        self.hear(len(self.server.answers))
        if any(message.refused for message in self.open.values()):
            self.resume_after_refusals()

    @rule(random=st.randoms(use_true_random=True), lossy=st.booleans())
    def a_busy_while(self, random: Random, lossy: bool) -> None:
        """Many steps in one, so that every run goes deep."""
        for _ in range(20):
            messages = [(random.choice(b"ab"), random.randint(0, 30)) for _ in range(8)]
            outcomes = random.choices([ACK, REFUSE, FINAL], [6, 2, 1], k=10)
            if lossy and random.random() < 0.3:
                self.write()
                self.serve(outcomes[: random.randint(0, 10)])
                self.hear(random.randint(0, 10))
                self.lose_the_connection()
            else:
                self.round_trip(messages, outcomes)
            self.wait(random.choice([0.0, 0.0, 0.5, 0.5, TTL / 2, LIFETIME]))
            self.accounts_for_every_message()
            self.knows_what_was_overtaken()

    @rule()
    def lose_the_connection(self) -> None:
        """Whatever is under way, either way, is gone."""
        refused = any(outcome in (REFUSE, FINAL) for _, outcome in self.server.answers)
        unsettled = any(message.refused for message in self.open.values()) and self.flying
        self.blurred |= bool(refused or unsettled)
        self.server.socket.clear()
        self.server.answers.clear()
        self.rewind()

    @precondition(lambda self: not self.flying and any(m.refused for m in self.open.values()))
    @rule()
    def resume_after_refusals(self) -> None:
        before = self.window.limit
        self.rewind()
        self.window.shrink()
        assert self.window.limit == max(1, before // 2)

    @precondition(lambda self: self.window.deadline is not None)
    @rule()
    def overdue(self) -> None:
        """The connection lives, but the server is slow: its answers come yet."""
        deadline = self.window.deadline
        assert deadline is not None
        self.now = max(self.now, deadline)
        self.blurred = True
        self.rewind()

    def rewind(self) -> None:
        self.window.rewind()
        self.taken_back |= {number for number in self.open if self.sends[number]}
        self.waiting = set(self.open)
        self.flying = set()

    @rule(data=st.data())
    def another_relay_is_quicker(self, data: st.DataObject) -> None:
        unsent = [number for number in self.open if not self.sends[number]]
        if unsent:
            number = data.draw(st.sampled_from(unsent))
            self.foreign.add(number)
            self.server.stored.append(number)
            self.blurred = True

    @precondition(lambda self: self.next > 40)
    @rule()
    def end(self) -> None:
        self.window.drop_all()
        for number in sorted(self.open):
            message = self.open[number]
            reason = "shutdown" if message.first_sent is None else "unacked_shutdown"
            self.leave(number, dropped=REFUSE if message.refused else reason)
        self.server.socket.clear()
        self.server.answers.clear()
        self.blurred = True

    @invariant()
    def accounts_for_every_message(self) -> None:
        window = self.window
        assert window.messages == len(self.open)
        assert window.in_flight == len(self.flying)
        assert +window.dropped == +self.dropped
        assert (window.acked, window.duplicate) == (self.acked, self.duplicate)
        assert window.duplicate_answers == self.duplicate_answers
        assert self.next == window.acked + window.duplicate + window.dropped.total() + len(
            self.open
        )
        assert window.resent == sum(count - 1 for count in self.sends.values())
        assert 1 <= window.limit <= self.limits.messages

    @invariant()
    def knows_the_oldest_message_without_a_last_word(self) -> None:
        oldest = min((message.arrived for message in self.open.values()), default=None)
        assert self.window.oldest == oldest

    @invariant()
    def watches_the_oldest_message_in_flight(self) -> None:
        oldest = min(self.flying, default=None)
        if oldest is None:
            assert self.window.deadline is None
        else:
            sent = self.open[oldest].sent
            assert sent is not None
            assert self.window.deadline == sent + TIMEOUT

    @invariant()
    def room_is_for_new_messages_only(self) -> None:
        room = self.window.room
        if room.messages:
            assert not self.waiting
            assert room.messages + len(self.flying) <= self.window.limit

    @invariant()
    def knows_what_was_overtaken(self) -> None:
        stored = self.server.stored
        known = [number for number in stored if number not in self.open.keys() | self.given_up]
        inverted = sum(
            any(
                later > number and self.parts[later][:1] == self.parts[number][:1]
                for later in stored[: stored.index(number)]
            )
            for number in known
        )
        assert self.window.reordered <= inverted
        assert self.window.reordered == inverted or self.blurred


TestWindowModel = WindowModel.TestCase
TestWindowModel.settings = settings(deadline=None, max_examples=60, stateful_step_count=25)

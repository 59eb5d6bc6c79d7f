"""The buffer against a model that knows single messages only."""

from collections import Counter, deque
from typing import NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from streamset_api.buffer import ChannelOverflow
from streamset_api.enums import Overflow
from streamset_api.market import Market
from streamset_api.relay_config import BufferConfig
from streamset_relay.core.batch import Batch, Room
from streamset_relay.core.buffer import EXPIRED, MESSAGE_OVERHEAD, OVERFLOW, Buffer
from streamset_relay.core.stream import Stream

TTL = 10.0


class Waiting(NamedTuple):
    """One message in the model."""

    identity: int
    stream: str
    arrived: float
    cost: int


class BufferModel(RuleBasedStateMachine):
    """Puts, takes and lets time pass. Two lanes of messages stand for what must be inside."""

    @initialize(
        overflow=st.sampled_from(Overflow),
        mixed=st.sampled_from([False, True, True]),
        max_messages=st.integers(1, 12),
        max_bytes=st.integers(1_024, 6_000),
    )
    def configure(self, overflow: Overflow, mixed: bool, max_messages: int, max_bytes: int) -> None:
        (other,) = {*Overflow} - {overflow}
        channels = (ChannelOverflow(channel="trade", overflow=other),) if mixed else ()
        config = BufferConfig(
            max_messages=max_messages,
            max_bytes=max_bytes,
            ttl_seconds=TTL,
            overflow=overflow,
            channels=channels,
        )
        self.buffer = Buffer(config)
        self.bounds = (max_messages, max_bytes)
        self.streams = [
            Stream(f"{symbol}@{channel}", Market.SPOT, "s", config.overflow_of(channel))
            for symbol in "ab"
            for channel in ("trade", "depth")
        ]
        self.now = 0.0
        self.next = self.put = self.taken = 0
        self.lanes: dict[Overflow, deque[Waiting]] = {policy: deque() for policy in Overflow}
        self.dropped: Counter[str] = Counter()

    @rule(
        channels=st.sampled_from([(0, 1), (0, 0), (1, 1)]),
        messages=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1_200)), max_size=8),
        copies=st.integers(1, 3),
        pause=st.integers(0, 3),
    )
    def put_batch(
        self, channels: tuple[int, int], messages: list[tuple[int, int]], copies: int, pause: int
    ) -> None:
        self.now += pause / 8
        chosen = [
            (self.streams[at & 2 | channels[at & 1]], b"x" * size, self.next + number)
            for number, (at, size) in enumerate(messages * copies)
        ]
        self.next += len(chosen)
        self.put += len(chosen)
        self.buffer.put(Batch(0, self.now, chosen, sum(len(m[1]) for m in chosen)))
        for policy in (Overflow.DROP_NEWEST, Overflow.DROP_OLDEST):
            part = [
                Waiting(identity, stream.name, self.now, len(payload) + MESSAGE_OVERHEAD)
                for stream, payload, identity in chosen
                if stream.overflow is policy
            ]
            if policy is Overflow.DROP_NEWEST:
                self._keep(part)
            else:
                self._evict(part)

    def _keep(self, part: list[Waiting]) -> None:
        """Take messages while there is room; from the first that has none, the batch is lost."""
        for at, message in enumerate(part):
            if not self._fits(message):
                self.dropped[OVERFLOW] += len(part) - at
                return
            self.lanes[Overflow.DROP_NEWEST].append(message)

    def _evict(self, part: list[Waiting]) -> None:
        """Take every message; whatever is oldest in this lane makes room."""
        lane = self.lanes[Overflow.DROP_OLDEST]
        lane.extend(part)
        while lane and not self._fits():
            lane.popleft()
            self.dropped[OVERFLOW] += 1

    def _fits(self, *more: Waiting) -> bool:
        inside = [*self._waiting(), *more]
        max_messages, max_bytes = self.bounds
        return len(inside) <= max_messages and sum(m.cost for m in inside) <= max_bytes

    def _waiting(self) -> list[Waiting]:
        return [message for lane in self.lanes.values() for message in lane]

    @rule(limit=st.integers(0, 10), size=st.integers(0, 3_000))
    def take(self, limit: int, size: int) -> None:
        self._expire_model()
        order: dict[str, list[int]] = {}
        for message in self._waiting():
            order.setdefault(message.stream, []).append(message.identity)

        batches = self.buffer.take(self.now, Room(limit, size))

        counts = [len(batch.messages) for batch in batches]
        sizes = [batch.size for batch in batches]
        assert sum(counts[:-1]) < max(limit, 1)
        assert sum(sizes[:-1]) < max(size, 1)
        assert sum(counts) >= limit or sum(sizes) >= size or not self.buffer.messages
        assert all(counts)
        arrivals = [batch.arrived for batch in batches]
        assert arrivals == sorted(arrivals)
        for batch in batches:
            assert batch.size == sum(len(payload) for _, payload, _ in batch.messages)
            for stream, payload, identity in batch.messages:
                expected = self.lanes[stream.overflow].popleft()
                assert expected == Waiting(
                    identity, stream.name, batch.arrived, len(payload) + MESSAGE_OVERHEAD
                )
                assert order[stream.name].pop(0) == identity
        self.taken += sum(counts)
        if arrivals:
            assert all(message.arrived >= arrivals[-1] for message in self._waiting())

    @rule()
    def expire(self) -> None:
        self.buffer.expire(self.now)
        self._expire_model()

    def _expire_model(self) -> None:
        for lane in self.lanes.values():
            while lane and self.now - lane[0].arrived > TTL:
                lane.popleft()
                self.dropped[EXPIRED] += 1

    @rule(seconds=st.sampled_from([0.125, 1.0, 9.875, 10.0, 10.125]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.put > 60)
    @rule()
    def drop_all(self) -> None:
        self.buffer.drop_all("shutdown")
        self.dropped["shutdown"] += len(self._waiting())
        for lane in self.lanes.values():
            lane.clear()

    @invariant()
    def holds_what_the_model_holds_within_the_bounds(self) -> None:
        waiting = self._waiting()
        assert self.buffer.messages == len(waiting) <= self.bounds[0]
        assert self.buffer.size == sum(message.cost for message in waiting) <= self.bounds[1]
        assert +self.buffer.dropped == +self.dropped
        assert self.put == self.taken + self.buffer.dropped.total() + self.buffer.messages
        assert self.buffer.oldest == min((each.arrived for each in waiting), default=None)
        oldest = min((message.arrived for message in waiting), default=self.now)
        assert self.buffer.oldest_age(self.now) == self.now - oldest
        assert 0 <= self.buffer.utilization <= 1


TestBufferModel = BufferModel.TestCase
TestBufferModel.settings = settings(deadline=None, max_examples=60, stateful_step_count=30)

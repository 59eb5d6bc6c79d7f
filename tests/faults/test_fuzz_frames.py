"""Half a million mutated messages through every stage between the two sockets: each has the one right fate.

What is right says `fates`, which knows nothing of the relay. Another `--seed` gives other messages.
"""

import os
from collections import Counter
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from streamset_api.enums import Overflow
from streamset_api.market import Market
from streamset_api.relay_config import BufferConfig, NatsConfig, RelayConfig
from streamset_relay.core.account import OVERSIZE
from streamset_relay.core.batch import Batch
from streamset_relay.core.buffer import EXPIRED, OVERFLOW, Buffer
from streamset_relay.core.classify import BINARY, ServerShutdown, Sorted, classify
from streamset_relay.core.ledger import Ledger
from streamset_relay.core.stream import UNPLANNED_LIMIT, Streams
from streamset_relay.pipeline import SLICE, Pipeline, send
from streamset_relay.status import observe
from tests.faults.fates import CONTROL, FAULTS, MESSAGE, SHUTDOWN, Fate, fate_of
from tests.faults.mutation import STREAMS, messages
from tests.faults.reading_sink import ReadingSink

FRAMES = 500_000
MEMORY = 64 << 20
"""What nine tenths of the frames, 170 MB, may add: the enormous ones leave a heap with holes."""


class World:
    """The stages of a relay without its sockets, on a clock of their own. NATS is away now and then."""

    def __init__(self, random: Random, market: Market, overflow: Overflow) -> None:
        subject = "fuzz.{market}.{symbol}.{channel}.{stream}"
        buffer = BufferConfig(
            max_messages=2_000, max_bytes=8 << 20, ttl_seconds=3, overflow=overflow
        )
        config = RelayConfig(
            market=market, streams=STREAMS, nats=NatsConfig(subject=subject), buffer=buffer
        )
        self.sink = ReadingSink()
        self.pipeline = Pipeline(Streams(config), Buffer(buffer), self.sink)
        self.pipeline.streams.plan(STREAMS)
        self.fates: Counter[str] = Counter()
        self.binary = 0
        self._random = random
        self._now = 1_000.0

    def receive(self, frames: list[bytes]) -> None:
        """Take what one read of the socket brought, as `pipeline.receive` does."""
        pipeline, random = self.pipeline, self._random
        fates = [fate_of(frame) for frame in frames]
        self.fates.update(fate.kind for fate in fates)
        self.sink.expected.extend(fate for fate in fates if fate.kind == MESSAGE)
        if random.random() < 0.05:
            self.sink.ready = not self.sink.ready
        self._now += random.uniform(0.0, 0.5)
        received_at = int(self._now * 1e9)

        binary = random.choice((0, 0, 0, 3))
        self.binary += binary
        pipeline.tally.drop_binary(binary)
        found = classify(frames, pipeline.streams)
        hold(found, fates, frames)
        pipeline.tally.add(received_at, found, self._now)
        pipeline.buffer.put(Batch(received_at, self._now, found.messages, found.size))
        send(pipeline, self._now)
        assert self.ledger().difference == 0

    def end(self) -> Ledger:
        """NATS is back; what still waits goes out."""
        self.sink.ready = True
        send(self.pipeline, self._now)
        return self.ledger()

    def ledger(self) -> Ledger:
        """As the relay reports it."""
        now = self._now
        status = observe(self.pipeline, (), draining=False, started_at=0.0, now=now, wall=now)
        return status.ledger


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("market", "overflow"),
    [(Market.SPOT, Overflow.DROP_NEWEST), (Market.USDM, Overflow.DROP_OLDEST)],
)
def test_mutated_messages_are_published_as_they_came_or_counted_by_their_fault(
    market: Market, overflow: Overflow, pytestconfig: pytest.Config
) -> None:
    seed, count = pytestconfig.getoption("seed"), FRAMES // 2
    random = Random(f"{seed} {market}")
    world, made, sizes = World(random, market, overflow), messages(random, count), [rss()]
    while frames := list(islice(made, random.randint(1, SLICE))):
        world.receive(frames)
        if world.fates.total() >= count * len(sizes) // 10:
            sizes.append(rss())
    ledger = world.end()

    fates, dropped, sink = world.fates, Counter(ledger.dropped), world.sink
    print(f"\nseed {seed}, {market.value}: {fates.total():,} frames, {dict(fates)}")
    print(f"{ledger.as_dict()}; RSS {', '.join(f'{size / 1e6:.0f}' for size in sizes)} MB")
    assert fates.total() == count
    assert (ledger.difference, ledger.in_flight, ledger.duplicate) == (0, 0, 0)
    assert {fault: dropped.pop(fault) for fault in FAULTS} == {
        fault: fates[fault] for fault in FAULTS
    }
    assert dropped.pop(BINARY) == world.binary
    assert ledger.received == count - fates[CONTROL] - fates[SHUTDOWN] + world.binary
    assert {OVERFLOW, EXPIRED} <= dropped.keys() <= {OVERFLOW, EXPIRED, OVERSIZE}
    assert ledger.published == fates[MESSAGE] - dropped.total()
    assert sink.passed_over + len(sink.expected) == dropped.total()
    assert min(*fates.values(), ledger.published) > count / 500, "too little of something"
    assert len(list(world.pipeline.streams)) <= len(STREAMS) + UNPLANNED_LIMIT
    assert max(sizes) - sizes[1] < MEMORY


def hold(found: Sorted, fates: list[Fate], frames: list[bytes]) -> None:
    """Hold what `classify` made of a chunk against the oracle."""
    messages = [(stream.name, payload.strip(b" \t\r\n")) for stream, payload, _ in found.messages]
    controls = [
        SHUTDOWN if isinstance(control, ServerShutdown) else CONTROL for control in found.controls
    ]
    if (
        messages == [(fate.stream, fate.payload) for fate in fates if fate.kind == MESSAGE]
        and controls == [fate.kind for fate in fates if fate.kind in (CONTROL, SHUTDOWN)]
        and found.malformed == Counter(fate.kind for fate in fates if fate.kind in FAULTS)
        and found.size == sum(len(payload) for _, payload, _ in found.messages)
    ):
        return
    culprits = [
        (frame, fate)
        for frame, fate in zip(frames, fates, strict=True)
        if _fate(classify([frame], _fresh())) != fate
    ]
    raise AssertionError(f"these frames have another fate: {culprits[:3]}")


def _fate(found: Sorted) -> Fate:
    for stream, payload, _ in found.messages:
        return Fate(MESSAGE, stream.name, payload.strip(b" \t\r\n"))
    for control in found.controls:
        return Fate(SHUTDOWN if isinstance(control, ServerShutdown) else CONTROL)
    return Fate(next(iter(found.malformed)))


def _fresh() -> Streams:
    streams = Streams(RelayConfig(streams=STREAMS))
    streams.plan(STREAMS)
    return streams


def rss() -> int:
    """Resident memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

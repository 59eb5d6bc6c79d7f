"""Mutated messages on both connections of a handover, in any order and to any end: each is accounted for."""

from random import Random

import pytest

from streamset_api.relay_config import RelayConfig
from streamset_relay.core.batch import Batch
from streamset_relay.core.classify import classify
from streamset_relay.core.handover import LEADS, Bounds, Handover, Phase, Side, Trigger
from streamset_relay.core.stream import Streams
from streamset_relay.core.tally import Tally
from tests.faults.fates import MESSAGE, fate_of
from tests.faults.mutation import STREAMS, messages

HANDOVERS = 250
FRAMES = 200
"""Of each handover; both connections deliver all of them."""
BOUNDS = Bounds(timeout=2.0, max_messages=150, max_bytes=4 << 20)
ENDS = (Trigger.ENDED, Trigger.STOPPED, Trigger.DEADLINE, Trigger.ALIGNED)


class Relay:
    """One place of a relay, without its sockets: one handover after the other."""

    def __init__(self, random: Random) -> None:
        self.tally = Tally()
        self.streams = Streams(RelayConfig(streams=STREAMS))
        self.streams.plan(STREAMS)
        self.went_on: list[tuple[str, bytes]] = []
        self.phases: set[Phase] = set()
        self._random = random
        self._now = 1_000.0

    def hand_over(self, frames: list[bytes]) -> None:
        """Both connections deliver all frames, each at its own pace and with pauses."""
        random = self._random
        handover = Handover(self.streams, self.tally, BOUNDS)
        left = {handover.old: list(frames), handover.new: list(frames)}
        while any(left.values()):
            side = random.choice([side for side in left if left[side]])
            if side is handover.new and handover.phase is Phase.PREPARING:
                handover.begin(self._now)
            size = random.randint(1, 30)
            chunk, left[side] = left[side][:size], left[side][size:]
            self._take(side, chunk)
            self._look(handover)
            self.phases.add(handover.phase)
        self._pass(handover.switch(Trigger.ENDED, self._now))
        handover.finish()
        assert self.tally.held == 0

    def _take(self, side: Side, frames: list[bytes]) -> None:
        """As `pipeline.receive` does it."""
        self._now += self._random.uniform(0.0, 0.1)
        found = classify(frames, side.streams)
        self.tally.add(int(self._now * 1e9), found, self._now)
        self._pass(side.take(Batch(0, self._now, found.messages, found.size)))

    def _look(self, handover: Handover) -> None:
        """As `place.Place` does it; now and then the new connection ends, or the old one."""
        due = handover.look(STREAMS, self._random.random() < 0.9, self._now)
        chance = self._random.random()
        if chance < 0.03:
            handover.lost()
        elif handover.phase in LEADS and (due in ENDS or chance > 0.99):
            self._pass(handover.switch(due or Trigger.ENDED, self._now))

    def _pass(self, batches: object) -> None:
        assert isinstance(batches, (list, tuple))
        for batch in batches:
            self.went_on += [(stream.name, payload) for stream, payload, _ in batch.messages]
        tally = self.tally
        done = len(self.went_on) + tally.held + tally.duplicates + tally.dropped.total()
        assert tally.received == done


@pytest.mark.timeout(240)
def test_every_message_goes_on_or_is_a_duplicate_or_is_dropped_for_its_fault(
    pytestconfig: pytest.Config,
) -> None:
    seed = pytestconfig.getoption("seed")
    random = Random(f"{seed} handover")
    relay = Relay(random)
    sent: set[tuple[str, bytes]] = set()
    for frames in (list(messages(random, FRAMES)) for _ in range(HANDOVERS)):
        fates = map(fate_of, frames)
        sent |= {(fate.stream, fate.payload) for fate in fates if fate.kind == MESSAGE}
        relay.hand_over(frames)

    tally = relay.tally
    print(
        f"\nseed {seed}: {HANDOVERS} handovers, {tally.received:,} frames: {len(relay.went_on):,}"
    )
    print(f"went on, {tally.duplicates:,} duplicates, {dict(tally.dropped)}")
    assert relay.phases == set(Phase)
    assert {(name, payload.strip(b" \t\r\n")) for name, payload in relay.went_on} <= sent
    assert min(len(relay.went_on), tally.duplicates) > HANDOVERS * FRAMES // 10

"""Two relays of the same streams, without sockets: what each is given, and what goes on."""

import json

from streamset_api.relay_config import RelayConfig
from streamset_relay.core.batch import Batch
from streamset_relay.core.classify import classify
from streamset_relay.core.marks import Marks
from streamset_relay.core.ownership import Bounds, Ownership, Trigger
from streamset_relay.core.sequence import Gap
from streamset_relay.core.stream import Streams

BOUNDS = Bounds(1 << 20, 60.0)


class Relay:
    """An `Ownership` with a socket's worth of classification in front of it."""

    def __init__(self, *names: str, bounds: Bounds = BOUNDS, alone: bool = False) -> None:
        self.streams = Streams(RelayConfig.model_validate({"streams": names}))
        self.streams.plan(names)
        self.ownership = Ownership(self.streams, bounds, alone=alone)
        self.out: list[tuple[str, bytes]] = []
        self.gaps: list[Gap] = []
        self.received = 0
        self.now = 0.0

    def own(self) -> None:
        """Start as the first relay does."""
        self.take_over(Trigger.NOBODY, {})

    def receive(self, *frames: bytes) -> None:
        """Frames came in one read."""
        if not frames:
            return
        found = classify(list(frames), self.streams)
        self.gaps += found.gaps
        self.received += len(found.messages)
        going, gaps = self.ownership.take(Batch(0, self.now, found.messages, found.size))
        self._goes_on(going, gaps)

    def take_over(self, why: Trigger, marks: Marks) -> None:
        """Own the streams from these marks on."""
        self.ownership.take_over(why, marks, self.now)
        for batch, gaps in self.ownership.let_out():
            self._goes_on(batch, gaps)

    @property
    def accounted(self) -> int:
        """Messages with or without their last word."""
        ownership = self.ownership
        dropped = sum(ownership.dropped.values())
        return ownership.passed + ownership.held + ownership.duplicates + dropped

    def _goes_on(self, batch: Batch | None, gaps: list[Gap]) -> None:
        self.gaps += gaps
        if batch is not None:
            self.out += [(stream.name, payload) for stream, payload, _ in batch.messages]


def payloads(frames: list[bytes]) -> list[tuple[str, bytes]]:
    """What `Relay.out` is to be for these frames."""
    return [(json.loads(frame)["stream"], frame.partition(b'"data":')[2][:-1]) for frame in frames]

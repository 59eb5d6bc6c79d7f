"""Two connections in a handover, without sockets: what comes in on each, and what goes on."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from streamset_api.market import Market
from streamset_relay.core.batch import Batch
from streamset_relay.core.classify import classify
from streamset_relay.core.handover import Bounds, Handover, Phase, Side, Trigger
from streamset_relay.core.tally import Tally

from .frames import streams_of, wrap

BOUNDS = Bounds(timeout=10.0, max_messages=1_000, max_bytes=1 << 20)

#: What event `n` of a stream looks like, by the stream's name.
EVENTS: dict[str, Callable[[int], dict[str, Any]]] = {
    "btcusdt@trade": lambda n: {"e": "trade", "E": 5_000 + n, "t": 100 + n},
    "btcusdt@depth@100ms": lambda n: {"E": 5_000 + n, "U": 100 + 3 * n, "u": 102 + 3 * n},
    "btcusdt@bookTicker": lambda n: {"u": 100 + 7 * n, "b": "1.0"},
    "btcusdt@depth20@100ms": lambda n: {"lastUpdateId": 100 + 9 * n, "bids": []},
    "btcusdt@ticker": lambda n: {"e": "24hrTicker", "E": 5_000 + n, "c": "1.0"},
    "!miniTicker@arr": lambda n: [{"E": 5_000 + n, "c": "1.0"}],  # type: ignore[dict-item,return-value]  # an array
    "btcusdt@unheardOf": lambda n: {"x": n},
}
NUMBERED = tuple(EVENTS)[:4]


def frame(name: str, number: int) -> bytes:
    """Event `number` of a stream."""
    return wrap(name, EVENTS[name](number))


class Pair:
    """A handover with both its ends in hand. `out` is what went on: stream and event, in order."""

    def __init__(
        self,
        *names: str,
        bounds: Bounds = BOUNDS,
        market: Market = Market.SPOT,
        events: str | None = None,
    ) -> None:
        self.names = names
        self.tally = Tally()
        self.streams = streams_of(*names, market=market, events=events)
        self.handover = Handover(self.streams, self.tally, bounds)
        self.now = 1_000.0
        self.batches: list[Batch] = []

    def old(self, *frames: bytes) -> None:
        """The old connection delivers a chunk."""
        self._take(self.handover.old, frames)

    def new(self, *frames: bytes) -> None:
        """The new connection delivers a chunk."""
        self._take(self.handover.new, frames)

    def begin(self) -> None:
        self.handover.begin(self.now, int(self.now * 1e9))

    def look(self, subscribed: bool = True) -> Trigger | None:
        """Look as the relay does, and switch when it is time."""
        due = self.handover.look(self.names, subscribed, self.now)
        if due is not None and due is not Trigger.MISSING:
            self.switch(due)
        return due

    def switch(self, why: Trigger = Trigger.ENDED) -> None:
        self._pass(self.handover.switch(why, self.now))

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def phase(self) -> Phase:
        return self.handover.phase

    @property
    def out(self) -> list[tuple[str, Any]]:
        return [
            (stream.name, json.loads(payload))
            for batch in self.batches
            for stream, payload, _ in batch.messages
        ]

    def numbers(self, name: str, count: int = 100) -> list[int]:
        """The events of one stream that went on."""
        known = {json.dumps(EVENTS[name](number)): number for number in range(count)}
        return [known[json.dumps(event)] for stream, event in self.out if stream == name]

    def _take(self, side: Side, frames: Iterable[bytes]) -> None:
        """As the pipeline does it."""
        self.now += 0.001
        received_at = int(self.now * 1e9)
        found = classify(list(frames), side.streams)
        self.tally.add(received_at, found, self.now)
        self._pass(side.take(Batch(received_at, self.now, found.messages, found.size, found.notes)))
        self.balanced()

    def _pass(self, batches: Iterable[Batch]) -> None:
        self.batches += batches
        for batch in self.batches:
            assert all(self.streams.get(s.name) is s for s, _, _ in batch.messages)
            assert batch.size == sum(len(payload) for _, payload, _ in batch.messages)

    def balanced(self) -> None:
        """Every message that came went on, is held, or is counted as a duplicate."""
        went_on = sum(len(batch.messages) for batch in self.batches)
        assert self.tally.received == went_on + self.tally.held + self.tally.duplicates

"""What the exchange really sent, so that a consumer's view can be held against it."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Run:
    """Events sent one after the other, none left out, by the exchange's own ids."""

    first: int
    last: int
    count: int


@dataclass(frozen=True)
class StreamCount:
    """What was sent of one stream to at least one connection.

    `count` counts events, `deliveries` counts frames: an event sent to two connections is one event and two
    deliveries. `first` and `last` are native ids (`t`, `a`, `u`, `lastUpdateId`, else the event time in ms).
    `runs` are the stretches without a hole, oldest first; the oldest are forgotten beyond the limit.
    """

    count: int
    deliveries: int
    first: int
    last: int
    runs: tuple[Run, ...]
    forgotten_runs: int


@dataclass
class StreamLedger:
    """Counts of one stream."""

    keep: int
    """How many runs to keep; 0 keeps none."""
    count: int = 0
    deliveries: int = 0
    first: int = 0
    last: int = 0
    forgotten: int = 0
    _runs: list[list[int]] = field(
        default_factory=list
    )  # number of the last event, first, last, count

    def sent(self, numbers: tuple[int, int], identities: tuple[int, int], receivers: int) -> None:
        """Events `numbers[0]`…`numbers[1]` went to so many connections."""
        events = numbers[1] - numbers[0] + 1
        if not self.count:
            self.first = identities[0]
        self.last = identities[1]
        self.count += events
        self.deliveries += events * receivers
        if not self.keep:
            return
        if self._runs and self._runs[-1][0] + 1 == numbers[0]:
            run = self._runs[-1]
            run[0], run[2] = numbers[1], identities[1]
            run[3] += events
            return
        self._runs.append([numbers[1], *identities, events])
        if len(self._runs) > self.keep:
            del self._runs[0]
            self.forgotten += 1

    def snapshot(self) -> StreamCount:
        """The counts so far."""
        return StreamCount(
            count=self.count,
            deliveries=self.deliveries,
            first=self.first,
            last=self.last,
            runs=tuple(Run(first, last, count) for _, first, last, count in self._runs),
            forgotten_runs=self.forgotten,
        )

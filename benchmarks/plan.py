"""What is measured, as data: cases, each with the clients that take turns in it."""

from dataclasses import dataclass, replace
from enum import StrEnum


class Part(StrEnum):
    """A kind of measurement; `--only` chooses some."""

    THROUGHPUT = "throughput"
    TLS = "tls"
    LATENCY = "latency"
    JETSTREAM = "jetstream"
    BURST = "burst"
    START = "start"
    MEMORY = "memory"


class Frame(StrEnum):
    """What the exchange sends; the name of the channel, and thereby its size."""

    TRADE = "trade"
    TICKER = "ticker"
    DEPTH20 = "depth20"


STRAIGHTFORWARD = "straightforward"
SPLICED = "websockets, spliced"
PICOWS = "relay (picows)"
WEBSOCKETS = "relay (websockets)"
PICOWS_TLS = "relay (picows), wss"
WEBSOCKETS_TLS = "relay (websockets), wss"
GO_JSON = "Go, encoding/json"
GO_SPLICED = "Go, spliced"
PUBLISH_ASYNC = "nats-py publish_async"
WINDOW = "relay"
ORDERED = "relay, ordered"
GO_PUBLISH_ASYNC = "Go PublishAsync"

RELAYS = (PICOWS, WEBSOCKETS)
EVERYBODY = (STRAIGHTFORWARD, SPLICED, *RELAYS, GO_JSON, GO_SPLICED)


@dataclass(frozen=True)
class Case:
    """One measurement, repeated in rounds: in each, every client has its turn.

    Ratios are those to the first client, of the same round.
    """

    part: Part
    clients: tuple[str, ...]
    frame: Frame = Frame.TRADE
    streams: int = 3
    stored: bool = False
    """Into a JetStream stream on disk, with acknowledgements."""
    rates: tuple[int, ...] = ()
    """Messages per second, of what is paced."""

    def key(self, rate: int | None = None) -> str:
        """Name in the results, such as `latency/trade/3/core/10000`."""
        mode = "jetstream" if self.stored else "core"
        parts = [self.part, self.frame, str(self.streams), mode]
        return "/".join(parts if rate is None else [*parts, str(rate)])

    @property
    def keys(self) -> list[str]:
        """All names of its results."""
        if self.part is Part.LATENCY:
            return [self.key(rate) for rate in self.rates]
        return [self.key()]

    @property
    def title(self) -> str:
        """What a person reads."""
        mode = ", JetStream" if self.stored and self.part is not Part.JETSTREAM else ""
        return f"{self.part}: {self.frame}, {self.streams:,} streams{mode}"


def reference(case: Case, client: str) -> str:
    """Return the client that another one's ratio is to."""
    return client.removesuffix(", wss") if case.part is Part.TLS else case.clients[0]


_GRID = tuple((frame, streams) for frame in Frame for streams in (3, 200, 1024))

PLAN = (
    *(Case(Part.THROUGHPUT, EVERYBODY, frame, streams) for frame, streams in _GRID),
    Case(Part.THROUGHPUT, (STRAIGHTFORWARD, *RELAYS, GO_JSON, GO_SPLICED), stored=True),
    Case(Part.TLS, (PICOWS, PICOWS_TLS, WEBSOCKETS, WEBSOCKETS_TLS)),
    Case(Part.LATENCY, (*RELAYS, STRAIGHTFORWARD, GO_SPLICED), rates=(1_000, 10_000, 50_000)),
    Case(Part.LATENCY, (PICOWS,), Frame.TICKER, 200, rates=(10_000,)),
    Case(Part.LATENCY, (PICOWS,), Frame.DEPTH20, 1024, rates=(10_000,)),
    Case(Part.JETSTREAM, (PUBLISH_ASYNC, WINDOW, ORDERED, GO_PUBLISH_ASYNC), stored=True),
    *(
        Case(Part.JETSTREAM, (PUBLISH_ASYNC, WINDOW, GO_PUBLISH_ASYNC), frame, stored=True)
        for frame in (Frame.TICKER, Frame.DEPTH20)
    ),
    Case(Part.BURST, RELAYS, rates=(2_000, 20_000)),
    Case(Part.START, EVERYBODY),
    Case(Part.START, RELAYS, streams=1024),
    Case(Part.MEMORY, RELAYS, streams=1024, rates=(20_000,)),
)

GUARD_PLAN = (
    Case(Part.THROUGHPUT, (STRAIGHTFORWARD, *RELAYS)),
    Case(Part.THROUGHPUT, (STRAIGHTFORWARD, *RELAYS), Frame.DEPTH20, 200),
    Case(Part.TLS, (PICOWS, PICOWS_TLS)),
    Case(Part.JETSTREAM, (PUBLISH_ASYNC, WINDOW), stored=True),
)
"""What `make bench-check` measures: cases of the plan, with fewer clients."""


@dataclass(frozen=True)
class Choice:
    """What of a plan is wanted; an empty field wants everything."""

    parts: frozenset[Part] = frozenset()
    frames: frozenset[Frame] = frozenset()
    streams: frozenset[int] = frozenset()
    clients: tuple[str, ...] = ()
    """Parts of names. The clients that the others are compared with stay."""


def choose(plan: tuple[Case, ...], choice: Choice, missing: frozenset[str]) -> list[Case]:
    """Return the cases that are wanted, without the clients that cannot run here."""
    chosen = []
    for case in plan:
        wanted = (
            case.part in (choice.parts or Part)
            and case.frame in (choice.frames or Frame)
            and (not choice.streams or case.streams in choice.streams)
        )
        clients = tuple(name for name in case.clients if _named(name, case, choice.clients))
        clients = tuple(name for name in clients if name not in missing)
        if wanted and clients:
            chosen.append(replace(case, clients=clients))
    return chosen


def _named(name: str, case: Case, wanted: tuple[str, ...]) -> bool:
    return not wanted or name == case.clients[0] or any(part in name for part in wanted)

"""One row of the fault matrix: a relay under load, faults one after the other, and the reckoning.

async with NatsServer(jetstream=True) as server, market() as exchange:
    settings = jetstream(exchange.url, server.url, buffer=sized(10))
    async with RelayProcess(tmp_path, settings) as relay:
        run = case.run(exchange, relay, server.url)
        async for _ in run.injections():
            ... the fault, from its beginning to its end ...
        await run.finish()
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.faults.oracle import Content, Verdict, judge
from tests.faults.report import Line
from tests.support.relay import TIMING, document, info
from tests.support.relay_process import Ended, Exchange, RelayProcess, exchange_process

FLOOR = 3_000.0
"""Messages per second that must flow while nothing is wrong: a row under less proves less, and fails."""
RATE = 4_000
"""Events per second that the exchange makes of the streams below."""
STREAMS = tuple(
    f"{symbol}usdt@{channel}"
    for symbol in ("btc", "eth", "bnb", "sol")
    for channel in ("trade", "aggTrade")
)
STREAM = "MD"
MALFORMED = frozenset({"not_json", "not_utf8", "no_stream", "binary", "oversize"})
"""Reasons of drops that are no events of the exchange's numbering: they are made up by a test."""
CALM = 1.0
"""Seconds without a fault before each injection, in which the load is measured."""
RECOVERY = 60.0
LOOK = 0.025


def market(*options: str) -> AbstractAsyncContextManager[Exchange]:
    """An exchange in a process of its own. What has no contiguous numbers comes ten times a second."""
    each = RATE / len(STREAMS)
    rates = (f"*@trade={each}", f"*@aggTrade={each}", "*=10")
    return exchange_process(
        *(word for rate in rates for word in ("--streams-rate", rate)), *options
    )


def sized(seconds: float, rate: float = RATE) -> dict[str, Any]:
    """A buffer for an outage of so many seconds: rate x outage, twice, for a machine that is late."""
    messages = int(2 * rate * seconds)
    return {"maxMessages": messages, "maxBytes": 1_000 * messages}


def jetstream(
    exchange: str, *nats: str, streams: tuple[str, ...] = STREAMS, **parts: Any
) -> dict[str, Any]:
    """A configuration that delivers into the stream MD; `parts` are merged into it.

    Times are short, so that a row takes seconds; what they stand for is in `streamset_api.relay_config.Timing`.
    """
    timing = {**TIMING, "ackTimeout": 2, **parts.pop("timing", {})}
    delivery = {"stream": STREAM, "create": {}, **parts.pop("jetStream", {})}
    links = {"subject": "md.{symbol}.{channel}", "servers": list(nats), **parts.pop("nats", {})}
    links["jetStream"] = {name: value for name, value in delivery.items() if value is not None}
    config = document(exchange, "", *streams, timing=timing, **parts)
    return config | {"nats": links}


def settled(ledger: Mapping[str, Any]) -> int:
    """Frames that have had their last word."""
    return int(ledger["received"] - ledger["in_flight"])


def balanced(ended: Ended, code: int = 0) -> Mapping[str, Any]:
    """The process ended in order, and its last line says where every frame went; that line."""
    ledger = ended.ledger
    assert ended.code == code, ended.stderr
    assert ledger, "the ledger is the last line"
    accounted = ledger["acked"] + ledger["duplicate"] + sum(ledger["dropped"].values())
    assert ledger["received"] == accounted + ledger["in_flight"], ledger
    assert ledger["in_flight"] == ledger["difference"] == 0, ledger
    return ledger


@dataclass
class Case:
    """What was asked for on the command line, which row this is, and what came of it."""

    row: str
    fault: str
    injections: int
    seed: int
    line: Line | None = None

    def __post_init__(self) -> None:
        self.random = Random(f"{self.seed} {self.row}")

    @property
    def dropped(self) -> dict[str, int]:
        """What the relay gave up, by reason; known at the end."""
        assert self.line is not None
        return self.line.dropped

    @property
    def duplicate(self) -> int:
        """Messages that came twice and went on once; known at the end."""
        assert self.line is not None
        return self.line.duplicate

    def run(self, exchange: Exchange, relay: RelayProcess, nats: str) -> "Run":
        """Begin with a relay that has just been started."""
        return Run(self, exchange, relay, nats)


@dataclass
class Load:
    """What flowed while nothing was wrong."""

    events: int = 0
    acked: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """What the exchange sent and the stream took, whichever is less."""
        return min(self.events, self.acked) / self.seconds if self.seconds else 0.0


@dataclass
class Run:
    """A relay under load. `content` is what the stream is known to hold."""

    case: Case
    exchange: Exchange
    relay: RelayProcess
    nats: str
    content: Content = field(default_factory=Content)
    load: Load = field(default_factory=Load)
    recoveries: list[float] = field(default_factory=list)
    injected: int = 0
    rss: int = 0
    last: dict[str, Any] = field(default_factory=dict)
    """What the relay said of itself last."""
    _over: float | None = None

    async def injections(self, kinds: int = 1) -> AsyncIterator[int]:
        """Numbers from 0, `kinds` for each injection asked for: load before each, recovery after each."""
        for number in range(self.case.injections * kinds):
            await self.calm()
            self._over = None
            yield number
            await self.recovered()
        await self.calm()

    def over(self) -> None:
        """The fault ends now; without this, it ends with the body of the loop."""
        self._over = _now()

    async def described(self) -> dict[str, Any]:
        """What the relay says of itself."""
        self.rss = max(self.rss, self.relay.rss())
        self.last = await info(self.relay)
        return self.last

    async def until(self, what: str, timeout: float = RECOVERY, **wanted: Any) -> dict[str, Any]:
        """Wait until `/info` has these values; a function is a condition, `__` goes into a mapping."""
        deadline = _now() + timeout
        while True:
            described = await self.described()
            if all(_is(described, name, value) for name, value in wanted.items()):
                return described
            assert _now() < deadline, f"not in {timeout:g} s: {what}; {described}"
            await asyncio.sleep(LOOK)

    async def calm(self, seconds: float = CALM) -> None:
        """Measure the load, with nothing wrong and nothing to be caught up with."""
        await self.until(
            "nothing to catch up with",
            ready=True,
            ledger=lambda ledger: ledger["acked"] and ledger["in_flight"] < RATE / 8,
        )
        events, acked, began = await self._flowed()
        await asyncio.sleep(seconds * self.case.random.uniform(0.8, 1.2))
        events_after, acked_after, ended = await self._flowed()
        self.load.events += events_after - events
        self.load.acked += acked_after - acked
        self.load.seconds += ended - began

    async def recovered(self) -> float:
        """Wait until what came after the fault's end goes through again; seconds since then."""
        began = _now() if self._over is None else self._over
        before = (await self.described())["ledger"]
        await self.until(
            "flowing again",
            ledger=lambda now: settled(now) > before["received"] and now["acked"] > before["acked"],
        )
        self.injected += 1
        self.recoveries.append(_now() - began)
        return self.recoveries[-1]

    async def quiet(self) -> dict[str, Any]:
        """Let the exchange say no more, and wait until all it said has had its last word."""
        await self.exchange.fault("stall")
        same, before = 0, -1
        deadline = _now() + RECOVERY
        while same < 4:
            described = await self.described()
            ledger = described["ledger"]
            still = ledger["received"] == before and not ledger["in_flight"]
            same, before = same + 1 if still else 0, ledger["received"]
            assert _now() < deadline, f"it never becomes quiet: {described}"
            await asyncio.sleep(0.1)
        return described

    async def finish(self, *, cut: bool = False, read: bool = True) -> Verdict:
        """Stop in order, and reckon. `cut`: connections to the exchange broke, and what was on them with them."""
        described = await self.quiet()
        ledger = balanced(await self.relay.stop())
        if read:
            await self.content.read(self.nats, STREAM)
        streams = (await self.exchange.stats())["streams"]
        reported = described["missing_events"]
        dropped = sum(n for reason, n in ledger["dropped"].items() if reason not in MALFORMED)
        verdict = judge(streams, self.content, dropped=dropped, reported=reported)
        self.note(ledger, verdict, reported)
        assert ledger["acked"] == self.content.count
        check(verdict, cut=cut)
        self.check_load()
        return verdict

    def note(self, ledger: Mapping[str, Any], verdict: Verdict, reported: int) -> None:
        """Put down what became of this row, good or bad; of several runs, together."""
        line = Line(
            row=self.case.row,
            fault=self.case.fault,
            injections=self.injected,
            seed=self.case.seed,
            load=self.load.rate,
            received=ledger["received"],
            acked=ledger["acked"],
            duplicate=ledger["duplicate"],
            dropped=dict(ledger["dropped"]),
            missing=reported,
            lost=verdict.lost,
            doubled=verdict.doubled,
            reordered=verdict.reordered,
            rss=self.rss / 2**20,
            recoveries=tuple(self.recoveries),
        )
        self.case.line = line if self.case.line is None else self.case.line + line

    def check_load(self) -> None:
        """Fail a run that proves too little."""
        assert self.load.rate >= FLOOR, f"the load was too small: {self.load}"

    async def _flowed(self) -> tuple[int, int, float]:
        stats = await self.exchange.stats()
        return stats["events"], (await self.described())["ledger"]["acked"], _now()


def check(verdict: Verdict, *, cut: bool = False) -> None:
    """The promise."""
    assert verdict.lost == 0, verdict
    assert verdict.doubled == 0, verdict
    assert verdict.foreign == 0, verdict
    assert verdict.cut >= 0 if cut else verdict.cut == 0, verdict


def _is(described: Mapping[str, Any], name: str, wanted: Any) -> bool:
    value: Any = described
    for part in name.split("__"):
        value = value.get(part) if isinstance(value, Mapping) else None
    return bool(wanted(value)) if callable(wanted) else value == wanted


def _now() -> float:
    return asyncio.get_running_loop().time()

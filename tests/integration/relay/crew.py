"""Relays of the same streams, one after the other or side by side, and what became of the events between them.

async with crew(tmp_path, exchange, server.url, jetstream=True) as relays:
    first = await relays.start()
    second = await relays.follow()
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.support.relay import document, get
from tests.support.relay_process import Exchange, RelayProcess
from tests.support.subscriber import Received

SYMBOLS = ("btcusdt", "ethusdt", "bnbusdt")
NUMBERED = tuple(f"{symbol}@{channel}" for symbol in SYMBOLS for channel in ("trade", "aggTrade"))
STREAMS = (
    *NUMBERED,
    "btcusdt@depth@100ms",
    "btcusdt@depth20@100ms",
    "btcusdt@bookTicker",
    "btcusdt@ticker",
    "ethusdt@avgPrice",
    "btcusdt@kline_1m",
    "!miniTicker@arr",
)
IDENTITY = {"set": "majors", "relay": "majors-0", "namespace": "default", "setUid": "1234-5678"}
SUBJECT = "md.{symbol}.{channel}"
STREAM = "MD"
JETSTREAM = {"stream": STREAM, "create": {"subjects": ["md.>"]}}
EDGES = 5
"""Events of one stream that may have been under way when the first relay came, and when the last one stopped."""
LEADER = "Took over the streams"


@dataclass
class Crew:
    """Starts relays in folders of their own, all of them with the same settings."""

    folder: Path
    settings: Mapping[str, Any]
    relays: list[RelayProcess] = field(default_factory=list)

    async def start(self, allow: Sequence[str] = ()) -> RelayProcess:
        """One more relay; it serves its endpoints."""
        folder = self.folder / str(len(self.relays))
        folder.mkdir()
        relay = RelayProcess(folder, self.settings, allow=allow)
        self.relays.append(relay)
        return await relay.__aenter__()

    async def lead(self) -> RelayProcess:
        """One that owns the streams, and is ready."""
        relay = await self.start()
        await said(relay, LEADER)
        await ready(relay)
        return relay

    async def follow(self) -> RelayProcess:
        """One that follows another, and is ready to take over."""
        relay = await self.start()
        await said(relay, "Following another relay until it hands over")
        await ready(relay)
        return relay


@asynccontextmanager
async def crew(
    folder: Path,
    exchange: Exchange,
    nats: str,
    *,
    jetstream: bool,
    streams: Sequence[str] = STREAMS,
    **parts: Any,
) -> AsyncIterator[Crew]:
    """All relays are gone at the end, and none has logged an error."""
    where: dict[str, Any] = {"servers": [nats], "subject": SUBJECT}
    if jetstream:
        where["jetStream"] = JETSTREAM
    buffer = {"maxMessages": 200_000}
    settings = document(exchange.url, nats, *streams, identity=IDENTITY, buffer=buffer, **parts)
    relays = Crew(folder, {**settings, "nats": where})
    try:
        yield relays
    except BaseException as error:
        for relay in relays.relays:
            await relay.__aexit__(type(error), error, None)
        raise
    for relay in relays.relays:
        await relay.__aexit__(None, None, None)


async def ready(relay: RelayProcess) -> None:
    """Wait until the relay is ready."""
    async with asyncio.timeout(30):
        while (await get(relay.url + "/ready"))[0] != 200:
            await asyncio.sleep(0.02)


async def said(relay: RelayProcess, message: str, times: int = 1) -> list[dict[str, Any]]:
    """Wait until it has logged that."""
    async with asyncio.timeout(30):
        while len(relay.said(message)) < times:
            await asyncio.sleep(0.02)
    return relay.said(message)


@dataclass(frozen=True)
class Verdict:
    """What an independent reader saw of each stream: how often something was doubled, missing or out of order."""

    messages: int
    doubled: int
    missing: int
    reordered: int
    distinct: Mapping[str, int]


def judge(messages: Iterable[Received]) -> Verdict:
    """Look at every stream by what the exchange wrote into its events."""
    streams: dict[str, list[dict[str, Any]]] = {}
    for message in messages:
        envelope = json.loads(message.payload)
        streams.setdefault(envelope["stream"], []).append(envelope)
    doubled = missing = reordered = 0
    distinct: dict[str, int] = {}
    for name, envelopes in streams.items():
        ids = [envelope["message_id"] for envelope in envelopes]
        doubled += len(ids) - len(set(ids))
        places = [_place(name, envelope["data"]) for envelope in envelopes]
        reordered += sum(after < before for (_, before), (_, after) in pairwise(places))
        known = sorted(set(places))
        if name in NUMBERED:
            missing += sum(first - last - 1 for (_, last), (first, _) in pairwise(known))
        distinct[name] = len(set(ids))
    # The simulator's streams tick together: one that has fewer events than the others has lost some.
    others = (number for name, number in distinct.items() if name not in NUMBERED)
    most = max(distinct.values())
    missing += sum(most - number for number in others if most - number > EDGES)
    return Verdict(sum(map(len, streams.values())), doubled, missing, reordered, distinct)


def _place(name: str, data: Any) -> tuple[int, int]:
    """First and last number of an event."""
    if isinstance(data, list):
        data = data[0]
    channel = name.partition("@")[2]
    if channel == "depth@100ms":
        return data["U"], data["u"]
    key = {"trade": "t", "aggTrade": "a", "bookTicker": "u", "depth20@100ms": "lastUpdateId"}
    number = data[key.get(channel, "E")]
    return number, number

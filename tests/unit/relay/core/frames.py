"""Frames to test with: the documented ones, the recorded ones, and those made to order."""

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from streamset_api.market import Market
from streamset_api.relay_config import NatsConfig, RelayConfig
from streamset_relay.core.classify import Sorted, classify
from streamset_relay.core.stream import Streams

ROOT = Path(__file__).parents[4]
DATA = ROOT / "tests/data"
RECORDING = ROOT / "simulator/exchange_simulator/recordings/spot-btcusdt-20230405.jsonl"

TRADE = "btcusdt@trade"
RECORDED = (TRADE, "btcusdt@depth@100ms", "btcusdt@bookTicker")


class Sample(NamedTuple):
    """One documented frame; the `%s` of the documentation's error table stand filled in."""

    number: int
    market: Market
    role: str
    frame: str


@cache
def samples() -> tuple[Sample, ...]:
    lines = (DATA / "docs-samples.jsonl").read_text("utf-8").splitlines()
    found = []
    for number, line in enumerate(lines):
        entry = json.loads(line)
        frame = entry["frame"].replace("'%s'", "7").replace("%s", "7")
        found.append(Sample(number, _market(entry["provenance"]), entry["role"], frame))
    return tuple(found)


@cache
def recorded_frames() -> tuple[bytes, ...]:
    lines = RECORDING.read_text("utf-8").splitlines()
    return tuple(json.loads(line)["frame"].encode() for line in lines)


def streams_of(
    *names: str,
    market: Market = Market.SPOT,
    subject: str = "binance.websocket.data",
    events: str | None = None,
) -> Streams:
    """Streams that were planned under these names."""
    nats = NatsConfig(subject=subject, events_subject=events)
    config = RelayConfig(market=market, streams=(TRADE,), nats=nats)
    streams = Streams(config)
    streams.plan(names)
    return streams


def wrap(name: str, payload: Any) -> bytes:
    """A frame as the exchange writes it; a payload of bytes goes in as it is."""
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return b'{"stream":%b,"data":%b}' % (json.dumps(name, ensure_ascii=False).encode(), data)


def sort(*frames: bytes, streams: Streams | None = None) -> Sorted:
    """Classify one chunk, with `TRADE` as the only planned stream if no others are given."""
    return classify(list(frames), streams_of(TRADE) if streams is None else streams)


def strict_json(data: bytes) -> Any:
    """Parse as RFC 8259 wants it, by the standard library; raises ValueError. Numbers stay text."""
    return json.loads(data.decode(), parse_int=str, parse_float=str, parse_constant=_refuse)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _market(provenance: str) -> Market:
    if "derivativestradingcoinfutures" in provenance:
        return Market.COINM
    return Market.USDM if "derivatives" in provenance else Market.SPOT

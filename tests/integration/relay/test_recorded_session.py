"""The recorded session goes through simulator, relay and NATS, and arrives as it was recorded."""

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise
from uuid import UUID

import pytest

from exchange_simulator import DEFAULT_RECORDING, Simulator, SimulatorConfig
from streamset_relay import transport
from tests.integration.relay.witness import by_stream, data_of, numbers, parse
from tests.support.nats_server import NatsServer
from tests.support.relay import LocalRelay, document
from tests.support.subscriber import Subscriber

STREAMS = ("btcusdt@trade", "btcusdt@depth@100ms", "btcusdt@bookTicker")
FRAMES = 2_000
FAST = 100
RFC_3339 = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"


@pytest.fixture(params=transport.available())
def client(request: pytest.FixtureRequest) -> str:
    """Each WebSocket client that is installed."""
    return str(request.param)


async def test_every_frame_arrives_once_in_order_and_byte_for_byte(
    client: str, nats_server: NatsServer, subscriber: Subscriber
) -> None:
    await replay(client, nats_server)
    await subscriber.wait_for(FRAMES)

    arrived = {
        stream: [data_of(payload) for payload in payloads]
        for stream, payloads in by_stream(subscriber.payloads).items()
    }

    assert arrived == recorded()
    assert await subscriber.settle() == FRAMES


async def test_the_envelope_is_the_contract(
    client: str, nats_server: NatsServer, subscriber: Subscriber
) -> None:
    before = datetime.now().astimezone()
    await replay(client, nats_server)
    await subscriber.wait_for(FRAMES)

    for message in subscriber.messages:
        envelope = parse(message.payload)
        assert message.subject == "binance.websocket.data"
        assert envelope["stream"] in STREAMS
        assert envelope["data"] == json.loads(data_of(message.payload))
        assert re.fullmatch(RFC_3339, envelope["timestamp"])
        received_at = datetime.fromisoformat(envelope["timestamp"])
        assert before <= received_at <= before + timedelta(minutes=2)
        assert UUID(envelope["message_id"]).version == 8
        assert envelope["source"] == "binance-websocket"
        assert envelope["version"] == "1.0"


async def test_ids_are_unique_in_a_run_and_the_same_in_the_next(
    nats_server: NatsServer, subscriber: Subscriber
) -> None:
    runs: list[list[str]] = []
    for client in (*transport.available(), transport.available()[0]):
        subscriber.messages.clear()
        await replay(client, nats_server)
        await subscriber.wait_for(FRAMES * (len(runs) + 1))
        runs.append(ids(subscriber.payloads))

    assert len(set(runs[0])) == FRAMES
    assert all(run == runs[0] for run in runs)


async def test_a_looped_replay_goes_on_without_gap_or_reset(
    nats_server: NatsServer, subscriber: Subscriber
) -> None:
    config = SimulatorConfig(recording=DEFAULT_RECORDING, speed=FAST)
    async with (
        Simulator(config) as exchange,
        LocalRelay(document(exchange.url, nats_server.url, *STREAMS)) as relay,
    ):
        await relay.until(lambda s: s.ledger.published > 3 * FRAMES)
        ledger = await relay.stop()

    assert exchange.stats().replay_passes >= 3
    assert (relay.status.gaps, relay.status.sequence_resets) == (0, 0)
    assert ledger.dropped_total == 0
    assert await subscriber.settle() == ledger.published


async def test_a_replay_of_the_same_bytes_counts_resets_and_drops_nothing(
    nats_server: NatsServer, subscriber: Subscriber
) -> None:
    config = SimulatorConfig(recording=DEFAULT_RECORDING, speed=FAST, renumber=False)
    async with (
        Simulator(config) as exchange,
        LocalRelay(document(exchange.url, nats_server.url, *STREAMS)) as relay,
    ):
        await relay.until(lambda s: s.ledger.published > 2 * FRAMES + 100)
        ledger = await relay.stop()

    assert ledger.dropped_total == 0
    assert await subscriber.settle() == ledger.published == ledger.received
    payloads = subscriber.payloads
    assert ids(payloads[:FRAMES]) == ids(payloads[FRAMES : 2 * FRAMES])
    went_back = sum(
        later <= earlier
        for stream, member in zip(STREAMS, "tuu", strict=True)
        for earlier, later in pairwise(numbers(payloads, stream, member))
    )
    assert relay.status.sequence_resets == went_back >= 2 * len(STREAMS)


async def test_a_market_that_starts_again_goes_on_flowing(
    nats_server: NatsServer, subscriber: Subscriber
) -> None:
    streams = ("btcusdt@trade", "btcusdt@depth@100ms", "btcusdt@bookTicker")
    async with (
        Simulator(SimulatorConfig(rates={"*": 100})) as exchange,
        LocalRelay(document(exchange.url, nats_server.url, *streams)) as relay,
    ):
        await relay.until(lambda s: s.active == len(streams) and s.ledger.published > 100)
        exchange.faults.restart_ids()
        before = relay.status.ledger.published
        status = await relay.until(lambda s: s.ledger.published > before + 200)
        assert status.sequence_resets == len(streams)
        assert status.gaps == 0
        assert len(exchange.stats().connections) == 1
        ledger = await relay.stop()

    assert ledger.dropped_total == 0
    assert await subscriber.settle() == ledger.received


async def replay(client: str, server: NatsServer) -> None:
    """One pass of the recording through a relay, from start to stop."""
    config = SimulatorConfig(recording=DEFAULT_RECORDING, speed=FAST, loop=False)
    async with (
        Simulator(config) as exchange,
        LocalRelay(document(exchange.url, server.url, *STREAMS, transport=client)) as relay,
    ):
        await relay.until(lambda s: s.ledger.published == FRAMES, f"{FRAMES} frames")
        ledger = await relay.stop()
    assert (ledger.received, ledger.published, ledger.dropped) == (FRAMES, FRAMES, {})


def ids(payloads: list[bytes]) -> list[str]:
    """The ids in the order of the streams' own messages."""
    return [
        json.loads(payload)["message_id"]
        for _, stream in sorted(by_stream(payloads).items())
        for payload in stream
    ]


@cache
def recorded() -> Mapping[str, list[bytes]]:
    """The recording: stream → the bytes of `data`, cut out of the frames without a JSON parser."""
    found: dict[str, list[bytes]] = {}
    for line in DEFAULT_RECORDING.read_text().splitlines():
        frame = json.loads(line)["frame"].encode()
        name, _, rest = frame.removeprefix(b'{"stream":"').partition(b'","data":')
        found.setdefault(name.decode(), []).append(rest[:-1])
    return found

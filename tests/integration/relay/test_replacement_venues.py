"""What is none of a relay's own on the way of its marks: other venues, other units of time, foreign messages."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import pytest

from streamset_api.market import Market
from streamset_relay.core.succession import subject_of
from tests.integration.relay.crew import (
    IDENTITY,
    LEADER,
    NUMBERED,
    STREAM,
    STREAMS,
    crew,
    judge,
    said,
)
from tests.support.jetstream import administration, content
from tests.support.nats_server import NatsServer
from tests.support.relay import info
from tests.support.relay_process import RelayProcess, exchange_process
from tests.support.subscriber import Received, Subscriber

RATE = 1_000
SHARED = ("btcusdt@aggTrade", "btcusdt@depth@100ms", "btcusdt@bookTicker", "btcusdt@ticker")
"""Names of streams that both markets have."""
HUGE = 4_000_000_000_000_000_000
MODES = pytest.mark.parametrize("jetstream", [False, True], ids=["core", "jetstream"])
ASKS = subject_of(IDENTITY["setUid"], IDENTITY["relay"], Market.SPOT)


async def store(url: str, *payloads: bytes, subject: str = "md.btcusdt.trade") -> None:
    """Put messages of somebody else into the stream."""
    async with administration(url) as js:
        for payload in payloads:
            await js.publish(subject, payload)


async def say(server: NatsServer, *lines: bytes) -> None:
    """Write to the server, bytes that no client library would."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b'CONNECT {"verbose":false}\r\n' + b"".join(lines) + b"PING\r\n")
    async with asyncio.timeout(10):
        while (line := await reader.readline()) != b"PONG\r\n":
            assert line.startswith(b"INFO"), line
    writer.close()
    await writer.wait_closed()


async def flows(relay: RelayProcess, messages: int = 500) -> None:
    """Wait until it has delivered so many."""
    at = (await info(relay))["ledger"]["received"]
    async with asyncio.timeout(30):
        while (await info(relay))["ledger"]["received"] < at + messages:
            await asyncio.sleep(0.05)


async def test_foreign_messages_at_the_end_of_the_stream_are_no_marks(tmp_path: Path) -> None:
    """Not UTF-8, not ours, or of a market that has a stream of the same name."""
    async with (
        NatsServer(jetstream=True) as server,
        exchange_process("--rate", str(RATE)) as exchange,
        crew(tmp_path, exchange, server.url, jetstream=True, streams=NUMBERED) as relays,
    ):
        async with administration(server.url) as js:
            await js.add_stream(name=STREAM, subjects=["md.>"], duplicate_window=1800)
        other = {"stream": "btcusdt@trade", "data": {"t": HUGE}}
        await store(
            server.url,
            b'{"stream":"\xff","data":1}',
            json.dumps(other).encode(),
            json.dumps({**other, "message_id": "00000000-0000-8000-8000-000000000001"}).encode(),
            b'{"stream":"nobody@knows","data":1,"message_id":"x"}',
            b'{"stream":"\xff","data":1}',
        )
        relay = await relays.lead()
        await flows(relay)
        described = await info(relay)
        ended = await relay.stop()

    assert described["missing_events"] == 0
    assert "nobody@knows" not in json.dumps(described)
    assert ended.code == 0
    assert ended.ledger["duplicate"] == 0
    assert ended.ledger["acked"] == ended.ledger["received"] > 0


async def test_messages_to_relays_that_are_not_utf8_end_nobody(tmp_path: Path) -> None:
    async with (
        NatsServer() as server,
        exchange_process("--rate", str(RATE)) as exchange,
        crew(tmp_path, exchange, server.url, jetstream=False, streams=NUMBERED) as relays,
    ):
        owner = await relays.lead()
        asks = ASKS.encode()
        await say(
            server,
            b'PUB %b somewhere 22\r\n{"relay":"\xff","term":1}\r\n' % asks,
            b"PUB %b somewhere 1\r\n\xff\r\n" % asks,
            b'PUB %b \xff 34\r\n{"relay":"x","term":0,"owns":true}\r\n' % asks,
        )
        follower = await relays.follow()
        assert len(owner.said("Connected to NATS")) == 1
        assert (await owner.stop()).code == 0
        (line,) = await said(follower, LEADER)
        assert line["from"] == "word"
        assert (await follower.stop()).code == 0


async def test_streams_of_another_market_in_the_same_stream_are_others(tmp_path: Path) -> None:
    """Two sets share one JetStream stream, and subjects in it. The relay of one is killed."""
    spot_folder, futures_folder = tmp_path / "spot", tmp_path / "usdm"
    spot_folder.mkdir()
    futures_folder.mkdir()
    async with (
        NatsServer(jetstream=True) as server,
        exchange_process("--rate", str(RATE)) as spot,
        exchange_process("--rate", "50", "--market", "usdm") as usdm,
        crew(spot_folder, spot, server.url, jetstream=True, streams=SHARED) as relays,
        crew(
            futures_folder,
            usdm,
            server.url,
            jetstream=True,
            streams=SHARED,
            market="usdm",
        ) as others,
    ):
        others.settings = {**others.settings, "identity": {**IDENTITY, "setUid": "other"}}
        other = await others.lead()
        owner = await relays.lead()
        await flows(owner)
        owner.send(signal.SIGKILL)
        await owner.wait()
        await flows(other, 20)
        successor = await relays.lead()
        (line,) = successor.said(LEADER)
        await flows(successor)
        described = await info(successor)
        ended = await successor.stop()
        await other.stop()
        seen = judge(await content(server.url, STREAM))

    print(f"\n{line}; {described['missing_events']} missing; {seen}; {ended.ledger}")
    assert (line["from"], line["marks"]) == ("stream", len(SHARED))
    assert ended.ledger["duplicate"] == 0
    # Ids of one market are far from the other's: a mark of the other would tell of billions, or take everything.
    assert 0 < described["missing_events"] < 50_000


@MODES
async def test_a_set_whose_market_is_changed_begins_anew(
    tmp_path: Path, *, jetstream: bool
) -> None:
    """The new relay has no owner to wait for, and takes no mark of the old one for its own."""
    async with (
        NatsServer(jetstream=jetstream) as server,
        exchange_process("--rate", str(RATE)) as spot,
        exchange_process("--rate", str(RATE), "--market", "usdm") as usdm,
        crew(tmp_path, spot, server.url, jetstream=jetstream, streams=SHARED) as relays,
    ):
        old = await relays.lead()
        await flows(old)
        relays.settings = {**relays.settings, "market": "usdm", "endpoint": usdm.url}
        new = await relays.lead()
        (line,) = new.said(LEADER)
        await flows(new)
        described = await info(new)
        for ended in (await old.stop(), await new.stop()):
            assert ended.ledger["duplicate"] == ended.ledger["difference"] == 0
            assert ended.ledger["dropped"] == {}

    assert (line["reason"], line["marks"]) == ("nobody listens", 0)
    assert described["missing_events"] == 0


@MODES
@pytest.mark.parametrize("before", ["Millisecond", "Microsecond"])
async def test_another_unit_of_time_loses_nothing_and_doubles_nothing(
    tmp_path: Path, *, jetstream: bool, before: str
) -> None:
    """The events of streams without numbers have other payloads then, so other ids: times tell."""
    after = {"Millisecond": "Microsecond", "Microsecond": "Millisecond"}[before]
    async with (
        NatsServer(jetstream=jetstream) as server,
        exchange_process("--rate", str(RATE)) as exchange,
        Subscriber(server.url, "md.>", keep=True) as subscriber,
        crew(tmp_path, exchange, server.url, jetstream=jetstream, timeUnit=before) as relays,
    ):
        old = await relays.lead()
        await flows(old)
        relays.settings = {**relays.settings, "timeUnit": after}
        new = await relays.follow()
        await flows(old)
        first = (await old.stop()).ledger
        await said(new, LEADER)
        await flows(new)
        second = (await new.stop()).ledger
        await subscriber.settle()
        messages = await content(server.url, STREAM) if jetstream else subscriber.messages

    seen = judge([in_milliseconds(message) for message in messages])
    print(f"\n{seen}; {first}; {second}")
    assert set(seen.distinct) == set(STREAMS)
    assert (seen.doubled, seen.missing, seen.reordered) == (0, 0, 0)
    assert first["dropped"] == second["dropped"] == {}


def in_milliseconds(message: Received) -> Received:
    """The message as it would be in milliseconds, with an id that is the same in either unit."""
    envelope = json.loads(message.payload)
    envelope["data"] = _whole(envelope["data"])
    envelope["message_id"] = json.dumps([envelope["stream"], envelope["data"]])
    return message._replace(payload=json.dumps(envelope).encode())


def _whole(value: Any) -> Any:
    """Times, and nothing else that the simulator sends, have sixteen digits."""
    match value:
        case dict():
            return {key: _whole(each) for key, each in value.items()}
        case list():
            return [_whole(each) for each in value]
        case int() if value > 100_000_000_000_000:
            return value // 1000
    return value

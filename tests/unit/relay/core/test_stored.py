"""What the messages that a JetStream stream holds say of its end."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamset_api.market import Market
from streamset_relay.core import stored
from streamset_relay.core.batch import Batch
from streamset_relay.core.envelope import encode
from streamset_relay.core.marks import Mark
from streamset_relay.core.stored import Stored
from streamset_relay.core.stream import Streams

from .frames import TRADE, sort, streams_of, wrap

TICKER = "btcusdt@ticker"
NUMBER = 7


def answer(data: bytes) -> bytes:
    """What the server says of a message."""
    message = {"subject": "md", "seq": NUMBER, "data": base64.b64encode(data).decode()}
    return json.dumps({"type": "x", "message": message}).encode()


def envelope(name: str, event: object, market: Market = Market.SPOT) -> bytes:
    """The message that a relay of a market publishes."""
    found = sort(wrap(name, event), streams=streams_of(name, market=market))
    wire = encode([Batch(0, 0.0, found.messages, found.size)], 1 << 20).wire
    return wire.partition(b"\r\n")[2].removesuffix(b"\r\n")


def read(data: bytes, streams: Streams | None = None) -> Stored | None:
    return stored.read(answer(data), streams or streams_of(TRADE, TICKER))


def test_a_stored_message_is_a_mark() -> None:
    assert read(envelope(TRADE, {"t": 5})) == Stored(NUMBER, TRADE, Mark(5))


def test_a_stored_message_without_a_number_is_named_by_its_hash_and_time() -> None:
    found = read(envelope(TICKER, {"E": 9}))
    assert found is not None
    assert found.mark is not None
    assert found.mark.time == 9
    assert found.mark.identity > 0


NOTHING = Stored(NUMBER, "", None)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        b"{}",
        b'{"stream":"btcusdt@trade"}',
        b'{"stream":"btcusdt@trade","data":{"t":5}}',
        b'{"stream":"\xff","data":1}',
        b'{"stream":"\xff","data":1,"message_id":"x"}',
        b'{"stream":"btcusdt@trade","data":{"t":5},"message_id":"\xff"}',
        b'{"stream":"btcusdt@trade","data":{"t":5},"message_id":"\xc3\xa9"}',
    ],
)
def test_a_foreign_message_has_only_its_place(data: bytes) -> None:
    assert read(data) == NOTHING


def test_bad_utf8_in_an_event_is_no_mark_of_its_number() -> None:
    ours = envelope(TRADE, {"t": 5, "x": "é"})
    assert read(ours) == Stored(NUMBER, TRADE, Mark(5))
    assert read(ours.replace(b'"t"', b'"\xff"')) == Stored(NUMBER, TRADE, None)


@pytest.mark.parametrize("market", [m for m in Market if m not in (Market.SPOT, Market.SPOT_DATA)])
def test_the_stream_of_that_name_on_another_market_is_another_one(market: Market) -> None:
    assert read(envelope(TRADE, {"t": 5}, market)) == NOTHING


def test_the_market_data_only_host_shows_the_events_of_the_spot_market() -> None:
    found = read(envelope(TRADE, {"t": 5}, Market.SPOT_DATA))
    assert found == Stored(NUMBER, TRADE, Mark(5))


def test_a_stream_that_nobody_knows_of_is_not_remembered() -> None:
    streams = streams_of(TRADE)
    assert read(envelope("ethusdt@trade", {"t": 5}), streams) == NOTHING
    assert [stream.name for stream in streams] == [TRADE]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b'{"error":{"code":404}}',
        b"\xff",
        b"[]",
        b'{"message":{"seq":7,"data":"\xff"}}',
    ],
)
def test_no_message(payload: bytes) -> None:
    assert stored.read(payload, streams_of(TRADE)) is None


@pytest.mark.parametrize("data", ['"a"', '"\u00e9"', '"===="'])
def test_a_message_that_is_not_base64_has_only_its_place(data: str) -> None:
    payload = f'{{"message":{{"seq":7,"data":{data}}}}}'.encode()
    assert stored.read(payload, streams_of(TRADE)) == NOTHING


@given(st.binary(max_size=80), st.integers(0, 200), st.sampled_from([TRADE, TICKER]))
def test_reading_is_total(noise: bytes, at: int, name: str) -> None:
    """Whatever the server says, and whatever others have stored."""
    ours = envelope(name, {"E": 9, "t": 5, "c": "1.0"})
    streams = streams_of(TRADE, TICKER)
    for data in (noise, ours[:at] + noise + ours[at:], ours[:at] + noise):
        found = read(data, streams)
        assert found is not None
        assert found.sequence == NUMBER
    whole = answer(ours)
    for payload in (noise, whole[:at] + noise + whole[at:], whole[:at] + noise):
        stored.read(payload, streams)
    assert [stream.name for stream in streams] == [TRADE, TICKER]

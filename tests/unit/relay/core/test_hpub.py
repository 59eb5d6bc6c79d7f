import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamset_api.enums import Overflow
from streamset_api.market import Market
from streamset_relay.core.batch import Batch
from streamset_relay.core.envelope import HpubEncoder, encode, stream_of, subject_of, unwrap
from streamset_relay.core.stream import Stream, record_stream

from . import hpub
from .test_envelope import IDENTITIES, NAMES, PAYLOADS, RECEIVED, TIMES
from .test_envelope import parse as parse_pub

UNBOUNDED = 1 << 30
ENCODER = HpubEncoder("_INBOX.abc.", "TRADES")


def stream(name: str = "btcusdt@trade") -> Stream:
    return Stream(name, Market.SPOT, "md.trades", Overflow.DROP_NEWEST)


def batch(*messages: tuple[Stream, bytes, int], at: int = RECEIVED) -> Batch:
    return Batch(at, 0.0, list(messages), sum(len(message[1]) for message in messages))


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(NAMES, PAYLOADS, IDENTITIES), max_size=4), TIMES, st.integers(0, 10**15))
def test_the_body_is_that_of_core_nats_and_the_id_is_in_the_headers_too(
    messages: list[tuple[str, bytes, int]], at: int, number: int
) -> None:
    made = [(stream(name), payload, identity) for name, payload, identity in messages]
    given_batch = batch(*made, at=at)

    parts = ENCODER.encode(given_batch, number, UNBOUNDED)

    bodies = [body for _, body in parse_pub(encode([given_batch], UNBOUNDED).wire)]
    frames = hpub.parse(b"".join(parts))
    assert [frame.body for frame in frames] == bodies
    for offset, (frame, part) in enumerate(zip(frames, parts, strict=True)):
        assert hpub.parse(part) == [frame]
        assert frame.subject == subject_of(part) == "md.trades"
        assert frame.reply == f"_INBOX.abc.{number + offset}"
        message_id = json.loads(frame.body)["message_id"]
        assert frame.headers == {"Nats-Msg-Id": message_id, "Nats-Expected-Stream": "TRADES"}
        assert message_id.startswith(stream_of(part).decode())


@settings(deadline=None, max_examples=100)
@given(NAMES, PAYLOADS, IDENTITIES, TIMES, st.integers(0, 10**15))
def test_a_frame_tells_again_what_is_in_it(
    name: str, payload: bytes, identity: int, at: int, number: int
) -> None:
    one = stream(name)
    (frame,) = ENCODER.encode(batch((one, payload, identity), at=at), number, UNBOUNDED)

    assert unwrap(frame) == (one.message_id, identity, at // 1000 * 1000, None)


def test_the_frame_of_a_record_gives_it_back() -> None:
    record = b'{"type":"gap","stream":"btcusdt@trade"'
    about = record_stream("btcusdt@trade", Market.SPOT, "events")
    (frame,) = ENCODER.encode(batch((about, record, 5)), 7, UNBOUNDED)

    assert unwrap(frame) == (about.message_id, 5, RECEIVED // 1000 * 1000, record)
    body = json.loads(hpub.parse(frame)[0].body)
    assert list(body) == ["type", "stream", "timestamp", "message_id", "source", "version"]


@pytest.mark.parametrize("number", [0, 9, 10, 10**15])
def test_headers_count_for_the_bound(number: int) -> None:
    given_batch = batch((stream(), b'{"x":1}', 5))
    (frame,) = hpub.parse(ENCODER.encode(given_batch, number, UNBOUNDED)[0])

    assert len(ENCODER.encode(given_batch, number, frame.size)) == 1
    assert ENCODER.oversize(given_batch, frame.size) == []
    assert ENCODER.encode(given_batch, number, frame.size - 1) == []
    assert ENCODER.oversize(given_batch, frame.size - 1) == given_batch.messages


def test_one_that_is_left_out_takes_no_number() -> None:
    given_batch = batch((stream(), b"1", 1), (stream(), b"2" * 900, 2), (stream(), b"3", 3))

    frames = hpub.parse(b"".join(ENCODER.encode(given_batch, 7, 800)))

    assert [frame.number for frame in frames] == [7, 8]
    assert [json.loads(frame.body)["data"] for frame in frames] == [1, 3]


def test_streams_are_told_apart_by_their_frames() -> None:
    names = ["btcusdt@trade", "ethusdt@trade", "btcusdt@aggTrade"]
    keys = {
        stream_of(ENCODER.encode(batch((stream(name), b"1", 1)), 0, UNBOUNDED)[0]) for name in names
    }

    assert len(keys) == len(names)

"""Where each kind of frame goes. What no table can list is in `test_classify_properties`."""

import json

import pytest

from streamset_api.market import Market
from streamset_relay.core.classify import (
    MALFORMED,
    NAME_LIMIT,
    NO_STREAM,
    NOT_JSON,
    NOT_UTF8,
    Control,
    ServerShutdown,
)
from streamset_relay.core.identity import payload_identity

from .frames import TRADE, Sample, recorded_frames, samples, sort, streams_of, wrap

HEAD = b'{"stream":"btcusdt@trade","data":'

NUMBER_OF = {
    "trade": "t",
    "blockTrade": "t",
    "aggTrade": "a",
    "depthUpdate": "u",
    "bookTicker": "u",
}
CHANNEL_OF = {"depthUpdate": "depth", "24hrTicker": "ticker", "24hrMiniTicker": "miniTicker"}


def documented(role: str) -> list[Sample]:
    return [sample for sample in samples() if sample.role == role]


def is_control(frame: str) -> bool:
    document = json.loads(frame)
    return isinstance(document, dict) and bool(
        document.keys() & {"result", "error", "code", "event", "stream"}
        or document.get("e") == "serverShutdown"
    )


def stream_and_identity(payload: str) -> tuple[str, int]:
    """The stream that a documented payload comes on, and its number or hash."""
    document = json.loads(payload)
    hashed = payload_identity(payload.encode())
    if isinstance(document, list):
        return "!miniTicker@arr", hashed
    if "lastUpdateId" in document:
        return "bnbbtc@depth20@100ms", document["lastUpdateId"]
    event = document.get("e", "bookTicker")
    number = document[NUMBER_OF[event]] if event in NUMBER_OF else hashed
    return f"bnbbtc@{CHANNEL_OF.get(event, event)}", number


@pytest.mark.parametrize(
    "sample",
    [s for s in documented("server->client") if not is_control(s.frame)],
    ids=lambda sample: str(sample.number),
)
def test_a_documented_event_keeps_its_bytes_and_its_number(sample: Sample) -> None:
    name, identity = stream_and_identity(sample.frame)
    payload = sample.frame.encode()
    for planned in ([name], []):
        streams = streams_of(*planned, market=sample.market)

        found = sort(wrap(name, payload), streams=streams)

        assert found.messages == [(streams.get(name), payload, identity)]
        assert (found.malformed, found.controls, found.size) == ({}, [], len(payload))


@pytest.mark.parametrize(
    "sample",
    [s for s in documented("server->client") if is_control(s.frame)],
    ids=lambda sample: str(sample.number),
)
def test_a_documented_control_frame_is_no_data(sample: Sample) -> None:
    document = json.loads(sample.frame)
    found = sort(sample.frame.encode())

    assert not found.messages
    if "event" in document:  # the trading API's shape: never sent on this host
        assert found.malformed == {NO_STREAM: 1}
        return
    assert not found.malformed
    if "serverShutdown" in sample.frame:
        assert found.controls == [ServerShutdown()]
        return
    request = document.get("id") if isinstance(document.get("id"), int) else None
    error = document.get("error", document)
    failed = (error["code"], error["msg"]) if "code" in error else None
    assert found.controls == [Control(request, failed)]


def test_every_documented_frame_is_tested_above() -> None:
    assert len(documented("server->client")) == 84
    assert len(samples()) == 89


def test_an_echoed_request_is_no_data() -> None:
    frames = [sample.frame.encode() for sample in documented("client->server")]

    found = sort(*frames)

    assert (found.messages, found.controls) == ([], [])
    assert found.malformed == {NO_STREAM: len(frames)}


@pytest.mark.parametrize("planned", [True, False])
def test_recorded_frames_come_out_byte_for_byte(planned: bool) -> None:
    frames = recorded_frames()
    names = {json.loads(frame)["stream"] for frame in frames}

    found = sort(*frames, streams=streams_of(*(names if planned else [])))

    rebuilt = [
        b'{"stream":"%b","data":%b}' % (stream.name.encode(), payload)
        for stream, payload, _ in found.messages
    ]
    assert rebuilt == list(frames)
    assert len(rebuilt) == 2_000
    numbers = [
        data["t"] if data.get("e") == "trade" else data["u"]
        for data in (json.loads(frame)["data"] for frame in frames)
    ]
    assert [identity for _, _, identity in found.messages] == numbers


@pytest.mark.parametrize(
    ("frame", "control"),
    [
        (b'{"result":null,"id":1}', Control(1, None)),
        (b'{"result":null,"id":0}', Control(0, None)),
        (b'{"id":1,"result":["a@trade"]}', Control(1, None)),
        (b' { "result" : null , "id" : 12 } ', Control(12, None)),
        (b'{"result":null,"id":null}', Control(None, None)),
        (b'{"result":null,"id":"a7"}', Control(None, None)),
        (b'{"result":null,"id":true}', Control(None, None)),
        (b'{"result":null,"error":null,"id":4}', Control(4, None)),
        (b'{"code":2,"msg":"Invalid request"}', Control(None, (2, "Invalid request"))),
        (b'{"code":2,"msg":"Invalid request","id":7}', Control(7, (2, "Invalid request"))),
        (b'{"error":{"code":4,"msg":"Too many"},"id":7}', Control(7, (4, "Too many"))),
        (b'{"error":{"code":4,"msg":"Too many"},"id":null}', Control(None, (4, "Too many"))),
        (b'{"error":{"code":4,"msg":"Too many"}}', Control(None, (4, "Too many"))),
        (b'{"error":{"code":"x","msg":"m"},"id":1}', Control(1, (None, "m"))),
        (b'{"e":"serverShutdown","E":1770123456789}', ServerShutdown()),
        (b'{"e":"serverShutdown"}', ServerShutdown()),
        (
            b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}',
            ServerShutdown(),
        ),
    ],
)
def test_a_control_frame_is_read_in_every_shape(
    frame: bytes, control: Control | ServerShutdown
) -> None:
    found = sort(frame)

    assert found.controls == [control]
    assert not found.messages
    assert not found.malformed


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"", NOT_JSON),
        (b" ", NOT_JSON),
        (b"ping", NOT_JSON),
        (b"{", NOT_JSON),
        (b"{}", NO_STREAM),
        (b"[]", NO_STREAM),
        (b"null", NO_STREAM),
        (b'"btcusdt@trade"', NO_STREAM),
        (b"1770123456789", NO_STREAM),
        (b'{"id":3}', NO_STREAM),
        (b'{"error":"gone"}', NO_STREAM),
        (b'{"e":"trade","s":"BTCUSDT","t":1}', NO_STREAM),
        (b'{"data":{"t":1}}', NO_STREAM),
        (b'{"stream":"btcusdt@trade"}', NO_STREAM),
        (b'{"stream":null,"data":{"t":1}}', NO_STREAM),
        (b'{"stream":7,"data":{"t":1}}', NO_STREAM),
        (b'{"stream":["btcusdt@trade"],"data":{"t":1}}', NO_STREAM),
        (b'{"stream":"","data":{"t":1}}', NO_STREAM),
        (wrap("x" * (NAME_LIMIT + 1), b"1"), NO_STREAM),
        (wrap("币" * (NAME_LIMIT + 1), b"1"), NO_STREAM),
        (b'{"e":1e999}', NO_STREAM),
        (b'{"result":null,"id":%b}' % (b"9" * 5_000), NO_STREAM),
        (HEAD, NOT_JSON),
        (HEAD + b"}", NOT_JSON),
        (HEAD + b'{"t":1}', NOT_JSON),
        (HEAD + b'{"t":1', NOT_JSON),
        (HEAD + b'{"t":1}}}', NOT_JSON),
        (HEAD + b'{"t":1}} x', NOT_JSON),
        (HEAD + b'{"t":1},}', NOT_JSON),
        (HEAD + b'{"t":1},"x"}', NOT_JSON),
        (HEAD + b'{"t":1,}}', NOT_JSON),
        (HEAD + b'{"t":1,"p":NaN}}', NOT_JSON),
        (HEAD + b'{"t":1,"p":-Infinity}}', NOT_JSON),
        (HEAD + b'{"t":01}}', NOT_JSON),
        (HEAD + b'{"t":1,"p":1.}}', NOT_JSON),
        (HEAD + b'{"t":1,"p":+1}}', NOT_JSON),
        (HEAD + b"{'t':1}}", NOT_JSON),
        (HEAD + b'{"t":1,"s":"a\nb"}}', NOT_JSON),
        (HEAD + b'{"t":1,"s":"\\q"}}', NOT_JSON),
        (HEAD + b'{"t":1,"s":"\\u12"}}', NOT_JSON),
        (HEAD + b'{"t":1,"s":"\\ud800"}}', NOT_JSON),  # half a character: RFC 7493 forbids it
        (HEAD + b'{"t":1}\x00}', NOT_JSON),
        (b'{"stream":"\\ud800","data":1}', NOT_JSON),
        (b"\xef\xbb\xbf" + HEAD + b'{"t":1}}', NOT_JSON),  # a byte order mark
        (HEAD + b'\xef\xbb\xbf{"t":1}}', NOT_JSON),
        ((HEAD + b'{"t":1}}').decode().encode("utf-16"), NOT_UTF8),
        (HEAD + b'{"t":1,"s":"\xff"}}', NOT_UTF8),
        (HEAD + b'{"t":1,"s":"\xc0\xaf"}}', NOT_UTF8),
        (HEAD + b'{"t":1,"s":"\xed\xa0\x80"}}', NOT_UTF8),
        (HEAD + b'{"\xff":0,"t":1}}', NOT_UTF8),
        (b'{"stream":"btc\xff@trade","data":{"t":1}}', NOT_UTF8),
        (b'{"stream":"other@trade","data":"\xff"}', NOT_UTF8),
        (HEAD + b"[" * 100_000 + b"]" * 100_000 + b"}", NOT_JSON),
        (b'{"id":' + b"[" * 100_000 + b"]" * 100_000 + b"}", NOT_JSON),
        (b"[" * (1 << 24), NOT_JSON),
    ],
    ids=lambda value: repr(value[:60]),
)
def test_a_malformed_frame_is_counted_by_its_reason(frame: bytes, reason: str) -> None:
    found = sort(frame)

    assert found.malformed == {reason: 1}
    assert reason in MALFORMED
    assert not found.messages
    assert not found.controls


@pytest.mark.parametrize(
    ("frame", "payload", "identity"),
    [
        (b' {"stream":"btcusdt@trade","data":{"t":5}}', b'{"t":5}', 5),
        (HEAD + b'{"t":5}}\r\n', b'{"t":5}', 5),
        (HEAD + b'{ "t" : 5 }}', b'{ "t" : 5 }', 5),
        (b'{"stream" : "btcusdt@trade" , "data" : {"t":5} }', b'{"t":5}', 5),
        (b'{"data":{"t":5},"stream":"btcusdt@trade"}', b'{"t":5}', 5),
        (b'{"stream":"btcusdt\\u0040trade","data":{"t":5}}', b'{"t":5}', 5),
        (b'{"stream":"btcusdt@tr\\u0061de","\\u0064ata":{"t":5}}', b'{"t":5}', 5),
        (b'{"id":9,"stream":"btcusdt@trade","data":{"t":5}}', b'{"t":5}', 5),
        (HEAD + b'{"t":5},"seq":1}', b'{"t":5}', 5),
        (HEAD + b'{"t":5},"seq":{"data":1}}', b'{"t":5}', 5),
        (HEAD + b'{"t":5},"huge":1e999}', b'{"t":5}', 5),
        (HEAD + b'{"t":5},"stream":"btcusdt@trade"}', b'{"t":5}', 5),
        (HEAD + b'{"t":4},"data":{"t":5}}', b'{"t":5}', 5),  # the last of two counts
        (b'{"stream":"x@trade","stream":"btcusdt@trade","data":{"t":5}}', b'{"t":5}', 5),
    ],
)
def test_an_unusual_wrapper_is_relayed(frame: bytes, payload: bytes, identity: int) -> None:
    streams = streams_of(TRADE)
    found = sort(frame, wrap(TRADE, b'{"t":8}'), streams=streams)

    assert found.messages[0] == (streams.get(TRADE), payload, identity)
    assert not found.malformed
    assert [(gap.first, gap.last) for gap in found.gaps] == [(6, 7)]


@pytest.mark.parametrize(
    "payload",
    [
        b"null",
        b'"text"',
        b"[]",
        b"{}",
        b'{"t":null}',
        b'{"t":"5"}',
        b'{"t":true}',
        b'{"t":-1}',
        b'{"t":1.5}',
        b'{"t":1e999}',
        b'{"t":4611686018427387904}',
        b'{"t":%b}' % (b"9" * 5_000),
        b'{"t":5,"E":1e999}',
        '{"symbol":"币安人生"}'.encode(),
    ],
    ids=lambda payload: repr(payload[:40]),
)
def test_an_event_without_its_channels_number_is_named_by_a_hash(payload: bytes) -> None:
    streams = streams_of(TRADE)
    found = sort(
        wrap(TRADE, {"t": 1}), wrap(TRADE, payload), wrap(TRADE, {"t": 2}), streams=streams
    )

    assert found.messages[1] == (streams.get(TRADE), payload, payload_identity(payload))
    assert (found.gaps, found.resets, found.malformed) == ([], [], {})


@pytest.mark.parametrize("number", [0, 1, 2**62 - 1])
def test_a_number_of_62_bits_is_the_identity(number: int) -> None:
    assert sort(wrap(TRADE, {"t": number})).messages[0][2] == number


def test_a_frame_of_16_mib_is_relayed() -> None:
    payload = b'{"t":7,"x":"%b"}' % (b"x" * (1 << 24))

    (message,) = sort(wrap(TRADE, payload)).messages

    assert message[1:] == (payload, 7)


def test_what_a_chunk_holds_keeps_its_order() -> None:
    streams = streams_of(TRADE, "btcusdt@bookTicker")
    found = sort(
        wrap(TRADE, {"t": 1, "E": 1_700_000_000_001}),
        b'{"result":null,"id":1}',
        wrap("btcusdt@bookTicker", {"u": 9}),
        b"nonsense",
        b'{"code":2,"msg":"no"}',
        wrap(TRADE, {"t": 2, "E": 1_700_000_000_002}),
        streams=streams,
    )

    assert [(stream.name, identity) for stream, _, identity in found.messages] == [
        (TRADE, 1),
        ("btcusdt@bookTicker", 9),
        (TRADE, 2),
    ]
    assert found.controls == [Control(1, None), Control(None, (2, "no"))]
    assert found.malformed == {NOT_JSON: 1}
    assert found.event_time == 1_700_000_000_002
    assert streams.get(TRADE).received == 2


@pytest.mark.parametrize(
    ("payload", "time"),
    [
        (b'{"t":1,"E":1700000000001}', 1_700_000_000_001),
        (b'{"t":1,"E":1700000000001002}', 1_700_000_000_001_002),
        (b'{"t":1}', 0),
        (b'{"t":1,"E":null}', 0),
        (b'{"t":1,"E":"now"}', 0),
        (b'{"t":1,"E":-5}', 0),
        (b'{"t":1,"E":1.5}', 0),
        (b'{"t":1,"E":%b}' % (b"9" * 400), 0),
        (b"[]", 0),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_the_event_time_is_a_number_a_clock_can_show(payload: bytes, time: int) -> None:
    assert sort(wrap(TRADE, payload)).event_time == time
    unusual = b'{"data":%b,"stream":"btcusdt@trade"}' % payload
    assert sort(unusual).event_time == time


def test_a_partial_book_of_futures_is_no_diff() -> None:
    """Both carry `U`, `u` and `pu`: the name of the stream decides."""
    events = [{"e": "depthUpdate", "U": 10 * n, "u": 10 * n + 5, "pu": 1} for n in (1, 2, 3)]
    streams = streams_of("btcusdt@depth20", "btcusdt@depth", market=Market.USDM)

    book = sort(*(wrap("btcusdt@depth20", event) for event in events), streams=streams)
    diff = sort(*(wrap("btcusdt@depth", event) for event in events), streams=streams)

    assert [identity for _, _, identity in book.messages] == [15, 25, 35]
    assert (book.gaps, book.resets) == ([], [])
    assert [identity for _, _, identity in diff.messages] == [15, 25, 35]

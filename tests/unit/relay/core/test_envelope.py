import json
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamset_api.enums import Overflow
from streamset_api.market import Market
from streamset_relay.core.batch import Batch
from streamset_relay.core.classify import NAME_LIMIT, Message
from streamset_relay.core.envelope import encode, format_time
from streamset_relay.core.stream import Stream

from .frames import DATA, sort, streams_of

UNBOUNDED = 1 << 30
KEYS = ["stream", "data", "timestamp", "message_id", "source", "version"]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RECEIVED = 1_680_652_800_004_107_999

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=NAME_LIMIT)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
PAYLOADS = st.builds(
    lambda value, ascii_only: json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "replace"),
    VALUES,
    st.booleans(),
)
IDENTITIES = st.integers(0, (1 << 62) - 1)
TIMES = st.integers(0, 4_102_444_800 * 10**9)  # to the year 2100


class Published(NamedTuple):
    """What a NATS server makes of one PUB frame."""

    subject: str
    body: bytes


def parse(wire: bytes) -> list[Published]:
    """Read joined PUB frames as the server does; every byte has to belong to one."""
    found = []
    while wire:
        line, end, rest = wire.partition(b"\r\n")
        verb, subject, size = line.decode().split(" ")
        length = int(size)
        assert (verb, end, size) == ("PUB", b"\r\n", str(length))
        assert rest[length : length + 2] == b"\r\n"
        found.append(Published(subject, rest[:length]))
        wire = rest[length + 2 :]
    return found


def batch(messages: list[Message], received_at: int = RECEIVED) -> Batch:
    return Batch(received_at, 0.0, messages, sum(len(message[1]) for message in messages))


def stream(name: str = "btcusdt@trade", subject: str = "binance.websocket.data") -> Stream:
    return Stream(name, Market.SPOT, subject, Overflow.DROP_NEWEST)


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.tuples(TIMES, st.lists(st.tuples(NAMES, PAYLOADS, IDENTITIES), max_size=3)), max_size=3
    )
)
def test_every_message_becomes_one_valid_envelope(
    batches: list[tuple[int, list[tuple[str, bytes, int]]]],
) -> None:
    encoded = encode(
        [
            batch([(stream(name), payload, identity) for name, payload, identity in messages], at)
            for at, messages in batches
        ],
        UNBOUNDED,
    )

    wanted = [(at, *message) for at, messages in batches for message in messages]
    published = parse(encoded.wire)
    assert (encoded.messages, encoded.oversize) == (len(wanted), 0)
    assert len(published) == len(wanted)
    for (subject, body), (at, name, payload, identity) in zip(published, wanted, strict=True):
        envelope: dict[str, Any] = json.loads(body.decode())
        assert subject == "binance.websocket.data"
        assert list(envelope) == KEYS
        assert envelope["stream"] == name
        assert b',"data":' + payload + b',"timestamp":"' in body
        assert envelope["data"] == json.loads(payload)
        assert (envelope["source"], envelope["version"]) == ("binance-websocket", "1.0")
        assert envelope["timestamp"].endswith("Z")
        moment = datetime.fromisoformat(envelope["timestamp"])
        assert (moment - EPOCH) // timedelta(microseconds=1) == at // 1000
        message_id = UUID(envelope["message_id"])
        assert str(message_id) == envelope["message_id"]
        assert (message_id.variant, message_id.version) == (RFC_4122, 8)
        assert message_id.int & (1 << 62) - 1 == identity


@settings(deadline=None, max_examples=100)
@given(NAMES, PAYLOADS, IDENTITIES, TIMES)
def test_the_size_of_an_envelope_is_known_to_the_byte(
    name: str, payload: bytes, identity: int, at: int
) -> None:
    batches = [batch([(stream(name), payload, identity)], at)]
    size = len(parse(encode(batches, UNBOUNDED).wire)[0].body)

    allowed, refused = encode(batches, size), encode(batches, size - 1)

    assert (len(parse(allowed.wire)), allowed.messages, allowed.oversize) == (1, 1, 0)
    assert (refused.wire, refused.messages, refused.oversize) == (b"", 0, 1)


@pytest.mark.parametrize("size", [3800, 4094, 4095, 4096, 4097, 10_000])
@pytest.mark.parametrize("identity", [0, (1 << 48) - 1, 1 << 48, (1 << 62) - 1])
def test_sizes_and_ids_around_the_bounds_of_their_short_cuts(size: int, identity: int) -> None:
    empty = len(parse(encode([batch([(stream(), b"", 0)])], UNBOUNDED).wire)[0].body)

    encoded = encode([batch([(stream(), b"1" * (size - empty), identity)])], UNBOUNDED)

    ((_, body),) = parse(encoded.wire)
    assert len(body) == size
    assert UUID(body.decode().split('"')[-10]).int & (1 << 62) - 1 == identity


def test_one_message_that_is_too_large_leaves_its_neighbours_alone() -> None:
    a_stream = stream()
    messages: list[Message] = [(a_stream, b"1", 1), (a_stream, b"1" * 300, 2), (a_stream, b"3", 3)]

    encoded = encode([batch(messages), batch(messages)], 300)

    bodies = [json.loads(body) for _, body in parse(encoded.wire)]
    assert [body["data"] for body in bodies] == [1, 3, 1, 3]
    assert (encoded.messages, encoded.oversize) == (4, 2)


def test_nothing_gives_nothing() -> None:
    assert encode([], UNBOUNDED) == (b"", 0, 0)
    assert encode([batch([])], UNBOUNDED) == (b"", 0, 0)


@settings(deadline=None, max_examples=100)
@given(NAMES)
def test_a_name_from_outside_cannot_leave_its_subject(name: str) -> None:
    """Not by spaces, line ends, dots or wildcards; the subject is rendered from the name."""
    streams = streams_of(subject="binance.{market}.{symbol}.{channel}.{stream}")

    encoded = encode([batch([(streams.get(name), b"{}", 1)])], UNBOUNDED)

    ((subject, _),) = parse(encoded.wire)
    assert subject.isascii()
    assert subject.isprintable()
    tokens = subject.split(".")
    assert len(tokens) == 5
    assert all(tokens)
    assert not {"*", ">"} & set(subject)


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, b"1970-01-01T00:00:00.000000Z"),
        (999, b"1970-01-01T00:00:00.000000Z"),
        (1_000, b"1970-01-01T00:00:00.000001Z"),
        (1_680_652_800_004_107_999, b"2023-04-05T00:00:00.004107Z"),
        (1_735_689_599_999_999_999, b"2024-12-31T23:59:59.999999Z"),
        (1_709_164_800_000_000_000, b"2024-02-29T00:00:00.000000Z"),
    ],
)
def test_times_are_cut_to_microseconds(nanoseconds: int, text: bytes) -> None:
    assert format_time(nanoseconds) == text


def golden_cases() -> list[dict[str, Any]]:
    lines = (DATA / "golden/envelopes.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("case", golden_cases(), ids=lambda case: case["case"])
def test_the_contract_with_consumers_holds_byte_for_byte(case: dict[str, Any]) -> None:
    streams = streams_of(market=Market(case["market"]), subject=case["template"])
    found = sort(case["frame"].encode(), streams=streams)

    encoded = encode([batch(found.messages, case["receivedAt"])], UNBOUNDED)

    expected = Published(case["subject"], case["envelope"].encode())
    assert parse(encoded.wire) == [expected]

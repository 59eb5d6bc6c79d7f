"""Whatever the bytes: nothing raises, each frame lands in one place, and only valid JSON passes."""

import json
import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streamset_api.market import Market
from streamset_relay.core.classify import NAME_LIMIT, Sorted, classify
from streamset_relay.core.stream import Streams

from .frames import TRADE, recorded_frames, samples, streams_of, strict_json, wrap

NAMES = (TRADE, "btcusdt@depth@100ms", "btcusdt@bookTicker", "btcusdt@ticker", "币安人生usdt@trade")
REAL = [
    *recorded_frames()[:40],
    *(sample.frame.encode() for sample in samples()),
    *(wrap("btcusdt@ticker", sample.frame.encode()) for sample in samples()),
    wrap("币安人生usdt@trade", {"t": 1, "s": "币安人生USDT"}),
    wrap("币安人生usdt@trade", '{"t":1,"s":"币安人生USDT"}'.encode()),
]
HALF_A_CHARACTER = re.compile(rb"\\u[dD][89a-fA-F]")
PIECES = st.sampled_from(
    [
        *(bytes([character]) for character in b'{}[]",:\\-.0 \n\x00\xff\xc3'),
        *(b'","data":', b'{"stream":"', b'"stream":"btcusdt@trade",', b'"data":1,', b'"result":'),
        *(b"NaN", b"1e999", b"null", b"\\u0040", b"\xef\xbb\xbf", b"\xe5\xb8\x81"),
    ]
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A real frame with a few cuts, copies and foreign bytes."""
    frame = draw(st.sampled_from(REAL))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(frame)))
        end = draw(st.integers(start, min(start + 12, len(frame))))
        piece = draw(st.one_of(st.just(b""), PIECES, st.binary(max_size=3)))
        how = draw(st.sampled_from(["replace", "insert", "double", "truncate"]))
        if how == "replace":
            frame = frame[:start] + piece + frame[end:]
        elif how == "insert":
            frame = frame[:start] + piece + frame[start:]
        elif how == "double":
            frame = frame[:end] + frame[start:end] + frame[end:]
        else:
            frame = frame[:start]
    return frame


FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)
SPACE = ["", "", " ", "\n", "\t", "\r\n "]
EXTRA = st.tuples(st.sampled_from(["id", "seq"]), JSON.map(json.dumps))
STREAM_NAMES = st.sampled_from(NAMES) | st.text(
    st.characters(exclude_categories=["Cs"]), min_size=1, max_size=NAME_LIMIT
)


@st.composite
def spelled(draw: st.DrawFn) -> tuple[bytes, str, bytes]:
    """A frame of data in any spelling that JSON allows; its stream; its payload."""
    plain = draw(st.booleans())
    name = draw(STREAM_NAMES.filter(lambda name: name != "!serverShutdown"))
    payload = json.dumps(draw(JSON), ensure_ascii=draw(st.booleans()))
    escaped = not plain and draw(st.booleans())
    members = [("stream", json.dumps(name, ensure_ascii=escaped)), ("data", payload)]
    after = draw(st.lists(EXTRA, max_size=2))
    # Of a key that comes twice the last counts, but each `stream` has to be a string.
    before = [] if plain else draw(st.sampled_from([[], [("stream", '"x"'), ("data", "[1]")]]))
    ordered = [*before, *(members if plain else draw(st.permutations(members))), *after]
    space = st.just("") if plain else st.sampled_from(SPACE)
    text = ",".join(
        f"{draw(space)}{draw(spelling(key, plain))}{draw(space)}:{draw(space)}{value}{draw(space)}"
        for key, value in ordered
    )
    frame = f"{draw(space)}{{{text}}}{draw(space)}"
    return frame.encode("utf-8", "surrogatepass"), name, payload.encode("utf-8", "surrogatepass")


@st.composite
def spelling(draw: st.DrawFn, key: str, plain: bool) -> str:
    """A key as a JSON string, one of whose characters may be escaped without need."""
    at = draw(st.integers(0, len(key)))
    if plain or at == len(key):
        return f'"{key}"'
    return f'"{key[:at]}\\u{ord(key[at]):04x}{key[at + 1 :]}"'


def check(frames: list[bytes], streams: Streams) -> Sorted:
    """Classify, and compare with what the standard library makes of the same bytes."""
    before = {stream.name: stream.received for stream in streams}
    found = classify(frames, streams)

    places = len(found.messages) + len(found.controls) + found.malformed.total()
    assert places == len(frames)
    assert found.size == sum(len(payload) for _, payload, _ in found.messages)
    after = {stream.name: stream.received for stream in streams}
    assert sum(after.values()) - sum(before.values()) == len(found.messages)
    left = iter(frames)
    for stream, payload, identity in found.messages:
        frame = next(frame for frame in left if payload in frame and _fits(frame, stream.name))
        assert strict_json(frame)["data"] == strict_json(payload)
        assert 0 <= identity < 1 << 62
    return found


def _fits(frame: bytes, name: str) -> bool:
    try:
        document = strict_json(frame)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and document.get("stream") == name


def _is_data(frame: bytes) -> bool:
    """Whether the frame is one that has to be relayed."""
    try:
        document: Any = strict_json(frame)
    except (ValueError, RecursionError):
        return False
    if not isinstance(document, dict) or HALF_A_CHARACTER.search(frame):
        return False
    name = document.get("stream")
    return (
        "data" in document
        and isinstance(name, str)
        and frame.count(b'"stream"') == 1  # of several, msgspec wants each to be a string
        and 0 < len(name) <= NAME_LIMIT
        and name != "!serverShutdown"
    )


@settings(deadline=None, max_examples=60)
@given(st.lists(st.binary(max_size=60), max_size=4))
def test_arbitrary_bytes_never_raise(frames: list[bytes]) -> None:
    check(frames, streams_of(*NAMES))


@settings(deadline=None, max_examples=250)
@given(mutated(), st.sampled_from([Market.SPOT, Market.USDM]))
def test_of_mutated_frames_only_valid_ones_pass_and_all_of_those_do(
    frame: bytes, market: Market
) -> None:
    for planned in (NAMES, ()):
        found = check([frame], streams_of(*planned, market=market))
        if _is_data(frame):
            assert len(found.messages) == 1


@settings(deadline=None, max_examples=60)
@given(st.lists(mutated(), max_size=6))
def test_a_bad_frame_does_not_harm_its_neighbours(frames: list[bytes]) -> None:
    together = check(frames, streams_of(*NAMES))

    apart = [check([frame], streams_of(*NAMES)) for frame in frames]
    assert [message[1:] for message in together.messages] == [
        message[1:] for found in apart for message in found.messages
    ]
    assert together.controls == [control for found in apart for control in found.controls]


@settings(deadline=None, max_examples=60)
@given(spelled())
def test_any_spelling_of_the_wrapper_gives_the_payload_as_it_came(
    case: tuple[bytes, str, bytes],
) -> None:
    frame, name, payload = case
    for planned in (True, False):
        found = check([frame], streams_of(*([name] if planned else [])))
        if HALF_A_CHARACTER.search(frame) and not found.messages:
            continue
        ((stream, relayed, _),) = found.messages
        assert (stream.name, relayed.strip()) == (name, payload)

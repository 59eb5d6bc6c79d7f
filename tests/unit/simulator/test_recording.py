import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange_simulator import DEFAULT_RECORDING
from exchange_simulator.sources.recording import (
    Recording,
    RecordingError,
    members,
    read_recording,
)

LINES = DEFAULT_RECORDING.read_text(encoding="utf-8").splitlines()
RECORDING = read_recording(LINES)


def recording(*frames: str) -> Recording:
    return read_recording(
        json.dumps({"recv_ns": place * 10**9, "frame": frame}) for place, frame in enumerate(frames)
    )


def test_the_default_recording() -> None:
    assert len(RECORDING.frames) == 2000
    assert RECORDING.streams == {"btcusdt@trade", "btcusdt@depth@100ms", "btcusdt@bookTicker"}
    assert 45_000 < RECORDING.period_ms < 46_000


def test_frames_are_kept_byte_for_byte() -> None:
    for line, recorded in zip(LINES, RECORDING.frames, strict=True):
        frame = json.loads(line)["frame"].encode()
        assert recorded.before + recorded.payload + recorded.after == frame
        assert recorded.shifted(0, 0) == recorded.payload


NEVER = {"e", "s", "p", "q", "b", "a", "m", "M", "B", "A"}


@given(st.integers(0, 1999), st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_shift_changes_ids_and_times_alone(place: int, ids: int, later: int) -> None:
    recorded = RECORDING.frames[place]
    before = json.loads(recorded.payload)
    after = json.loads(recorded.shifted(ids, later))

    assert list(after) == list(before)
    for name, value in before.items():
        if name in ("E", "T"):
            assert after[name] == value + later
        elif name in ("t", "U", "u"):
            assert after[name] == value + ids
        else:
            assert name in NEVER
            assert after[name] == value


def test_bytes_between_the_digits_stay() -> None:
    made = recording(
        '{"data": {"k" : {"t":1,"T":59999} , "E":7, "e":"kline"},\n "stream":"a@kline_1m"}'
    )
    recorded = made.frames[0]

    assert recorded.shifted(500, 100) == b'{"k" : {"t":101,"T":60099} , "E":107, "e":"kline"}'
    assert (recorded.before, recorded.after) == (b'{"data": ', b',\n "stream":"a@kline_1m"}')


def test_percent_signs_and_other_scripts_stay() -> None:
    made = recording('{"stream":"币安usdt@trade","data":{"s":"币%d安","t":5,"x":"100%"}}')

    assert made.frames[0].shifted(1, 0).decode() == '{"s":"币%d安","t":6,"x":"100%"}'


def test_microseconds() -> None:
    made = recording('{"stream":"a@trade","data":{"t":5,"E":1700000000001}}')

    assert made.frames[0].shifted(0, 1, microseconds=True) == b'{"t":5,"E":1700000000002000}'


def test_frames_without_ids_pass_unchanged() -> None:
    made = recording('{"stream":"!miniTicker@arr","data":[{"e":"x","E":5}]}')

    assert made.frames[0].shifted(9, 9) == b'[{"e":"x","E":5}]'


def test_spans_let_sequences_go_on() -> None:
    def frame(name: str, **payload: int) -> str:
        return json.dumps({"stream": name, "data": payload})

    made = recording(
        frame("a@trade", t=10),
        frame("b@depth", U=100, u=105),
        frame("c@depth", U=302, u=305, pu=300),
        frame("a@trade", t=11),
        frame("b@depth", U=106, u=120),
        frame("c@depth", U=309, u=330, pu=305),
        frame("d@aggTrade", a=7, f=100, l=104),
    )

    # The next t is 12; U is the last u plus one; pu is the last u.
    assert made.spans == {"a@trade": 2, "b@depth": 21, "c@depth": 30, "d@aggTrade": 1}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("nonsense", "recv_ns"),
        ('{"frame":"{}"}', "recv_ns"),
        ('{"recv_ns":1,"frame":"{}"}', "the frame"),
        ('{"recv_ns":1,"frame":"[1]"}', "the frame"),
        ('{"recv_ns":1,"frame":"{\\"stream\\":7,\\"data\\":{}}"}', "the frame"),
        ('{"recv_ns":1,"frame":"{\\"stream\\":\\"a\\",\\"data\\":{}"}', "the frame"),
    ],
)
def test_a_line_that_is_none_is_named(line: str, problem: str) -> None:
    with pytest.raises(RecordingError, match=problem) as caught:
        read_recording([LINES[0], line])

    assert caught.value.line == 2


def test_an_empty_recording_is_refused() -> None:
    with pytest.raises(RecordingError, match="no frames"):
        read_recording(["", "  "])


@given(
    st.dictionaries(
        st.text(max_size=4),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=4),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.text(max_size=3), inner, max_size=3)
            ),
        ),
        max_size=5,
    ),
    st.sampled_from([None, 1]),
)
def test_members_find_every_value_where_it_is(value: dict[str, object], indent: int | None) -> None:
    text = json.dumps(value, indent=indent)

    found = {name: json.loads(text[start:end]) for name, _, start, end in members(text, 0)}
    assert found == value

"""What relays say to each other, and what a stream's stored messages say of it."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamset_api.relay_config import RelayConfig
from streamset_relay.core import stored, succession
from streamset_relay.core.marks import Mark
from streamset_relay.core.stream import Streams
from streamset_relay.core.succession import Ask, Rank, Stand, Word, read, split, subject_of, write

NUMBERS = st.integers(0, (1 << 62) - 1)
MARKS = st.dictionaries(st.text(max_size=60), st.builds(Mark, NUMBERS, NUMBERS), max_size=30)
RANKS = st.builds(Rank, st.integers(0, 1 << 40), st.text(max_size=20))


@given(
    st.one_of(
        st.builds(Ask, RANKS, st.booleans()),
        st.builds(Word, RANKS, st.sampled_from(Stand), MARKS, st.text(max_size=20)),
    )
)
def test_what_is_written_is_read(said: Ask | Word) -> None:
    assert read(write(said)) == said


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b"[]",
        b'{"stream":"MD","seq":7}',
        b'{"relay":"a","term":"b"}',
        b'{"relay":"a","term":1,"stand":"sits"}',
        b"\xff",
    ],
)
def test_anything_else_is_nothing(payload: bytes) -> None:
    assert read(payload) is None


def test_marks_beyond_bounds_are_left_out() -> None:
    payload = b'{"relay":"a","term":1,"stand":"owns","marks":{"x":[-1,0],"y":[5,0]}}'
    said = read(payload)
    assert isinstance(said, Word)
    assert said.marks == {"y": Mark(5)}


@given(MARKS, st.integers(60, 2_000))
def test_parts_of_marks_are_all_of_them_and_small(marks: dict[str, Mark], limit: int) -> None:
    parts = split(marks, limit)
    assert {name: mark for part in parts for name, mark in part.items()} == marks
    assert sum(map(len, parts)) == len(marks)
    for part in parts:
        size = len(write(Word(Rank(0, ""), Stand.OWNS, part)))
        assert len(part) <= 1 or size <= limit + 60


def test_the_higher_rank_is_that_of_the_later_term() -> None:
    assert Rank(2, "a") > Rank(1, "z")
    assert Rank(1, "b") > Rank(1, "a")


def test_a_subject_has_no_foreign_tokens() -> None:
    assert subject_of("12-34", "majors-0") == succession.SUBJECTS + "12-34.majors-0"
    assert subject_of("a b.*", ">") == succession.SUBJECTS + "a-b-.-"


def answer(data: bytes, sequence: int = 7) -> bytes:
    message = {"subject": "md", "seq": sequence, "data": base64.b64encode(data).decode()}
    return json.dumps({"type": "x", "message": message}).encode()


STREAMS = Streams(RelayConfig.model_validate({"streams": ["btcusdt@trade", "btcusdt@ticker"]}))


def test_a_stored_message_is_a_mark() -> None:
    found = stored.read(
        answer(b'{"stream":"btcusdt@trade","data":{"t":5},"version":"1.0"}'), STREAMS
    )
    assert found == stored.Stored(7, "btcusdt@trade", Mark(5))


def test_a_stored_message_without_a_number_is_named_by_its_hash_and_time() -> None:
    found = stored.read(answer(b'{"stream":"btcusdt@ticker","data":{"E":9}}'), STREAMS)
    assert found is not None
    assert found.mark is not None
    assert found.mark.time == 9
    assert found.mark.identity > 0


@pytest.mark.parametrize("data", [b"", b"x", b"{}", b'{"stream":"btcusdt@trade"}'])
def test_a_foreign_message_has_only_its_place(data: bytes) -> None:
    assert stored.read(answer(data), STREAMS) == stored.Stored(7, "", None)


def test_a_message_of_another_relay_is_read_and_not_remembered_for_more_than_it_is() -> None:
    found = stored.read(answer(b'{"stream":"ethusdt@trade","data":{"t":5}}'), STREAMS)
    assert found == stored.Stored(7, "ethusdt@trade", Mark(5))


@pytest.mark.parametrize("payload", [b"", b"{}", b'{"error":{"code":404}}', b"\xff", b"[]"])
def test_no_message(payload: bytes) -> None:
    assert stored.read(payload, STREAMS) is None

"""What relays say to each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamset_api.market import Market
from streamset_relay.core import succession
from streamset_relay.core.marks import Mark
from streamset_relay.core.succession import Ask, Rank, Stand, Word, read, split, subject_of, write

NUMBERS = st.integers(0, (1 << 62) - 1)
MARKS = st.dictionaries(st.text(max_size=60), st.builds(Mark, NUMBERS, NUMBERS), max_size=30)
RANKS = st.builds(Rank, st.integers(0, 1 << 40), st.text(max_size=20))


@given(
    st.one_of(
        st.builds(Ask, RANKS, st.booleans(), st.booleans()),
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
        b'{"relay":"\xff","term":1}',
        b'{"relay":"a","term":1,"stand":"owns","marks":{"\xff":[5,0]}}',
    ],
)
def test_anything_else_is_nothing(payload: bytes) -> None:
    assert read(payload) is None


PARTS = st.sampled_from(
    [*b'{}[],:"', b"\xff", b"\xc3", b"\\ud800", b"1e999", b'"relay"', b'"term"', b'"marks"', b"7"]
).map(lambda part: bytes([part]) if isinstance(part, int) else part)


@given(
    st.one_of(st.binary(max_size=60), st.lists(PARTS, max_size=30).map(b"".join)),
    st.integers(0, 200),
)
def test_reading_is_total(noise: bytes, at: int) -> None:
    """Also of a message with noise somewhere in it."""
    whole = write(Word(Rank(3, "a"), Stand.OWNS, {"btcusdt@ticker": Mark(5, 6)}, "b"))
    for payload in (noise, whole[:at] + noise + whole[at:], whole[:at] + noise):
        said = read(payload)
        assert said is None or write(said)


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
    spot = subject_of("12-34", "majors-0", Market.SPOT)
    assert spot == succession.SUBJECTS + "12-34.majors-0.spot"
    assert subject_of("a b.*", ">", Market.USDM) == succession.SUBJECTS + "a-b-.-.usdm"


def test_relays_of_one_share_ask_each_other_on_one_venue_only() -> None:
    """Events of another venue are no mark for one's own, whatever the streams' names."""
    subjects = {market: subject_of("12-34", "majors-0", market) for market in Market}
    assert subjects.pop(Market.SPOT_DATA) == subjects[Market.SPOT]
    assert len(set(subjects.values())) == len(subjects)

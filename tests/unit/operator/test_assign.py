"""Streams on relays: each on one, within the cap, and as few as possible move."""

from collections.abc import Mapping, Sequence
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from streamset_operator.assign import Assignment, assign

streams = st.lists(st.integers(0, 60).map("s{}".format), unique=True, max_size=40)
caps = st.integers(1, 8)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[str], Assignment, int]:
    """Return streams, what some relays had before, and a cap; nothing fits together by luck."""
    previous: dict[int, tuple[str, ...]] = {}
    free = draw(streams)
    for number in draw(st.lists(st.integers(0, 12), unique=True, max_size=6)):
        size = draw(st.integers(0, min(len(free), 10)))
        previous[number], free = tuple(free[:size]), free[size:]
    return draw(streams), previous, draw(caps)


def moves(previous: Mapping[int, Sequence[str]], now: Mapping[int, Sequence[str]]) -> int:
    had = {name: number for number, names in previous.items() for name in names}
    return sum(
        1 for number, names in now.items() for name in names if had.get(name, number) != number
    )


@given(histories())
def test_each_stream_is_on_one_relay_and_no_relay_is_full_or_empty(
    history: tuple[list[str], Assignment, int],
) -> None:
    wanted, previous, cap = history

    assigned = assign(wanted, previous, cap)

    listed = [name for names in assigned.values() for name in names]
    assert sorted(listed) == sorted(wanted)
    assert all(1 <= len(names) <= cap for names in assigned.values())
    assert len(assigned) == -(-len(wanted) // cap)


@given(histories())
def test_a_result_is_at_rest(history: tuple[list[str], Assignment, int]) -> None:
    wanted, previous, cap = history
    assigned = assign(wanted, previous, cap)

    assert assign(wanted, assigned, cap) == assigned
    assert assign(reversed(wanted), assigned, cap) == assigned


@given(histories())
def test_the_order_of_what_is_known_does_not_matter(
    history: tuple[list[str], Assignment, int],
) -> None:
    wanted, previous, cap = history

    assert assign(wanted, dict(reversed(previous.items())), cap) == assign(wanted, previous, cap)


@given(histories())
def test_new_relays_take_the_lowest_free_numbers(
    history: tuple[list[str], Assignment, int],
) -> None:
    wanted, previous, cap = history
    new = assign(wanted, previous, cap).keys() - previous.keys()

    free = (number for number in range(60) if number not in previous)
    assert sorted(new) == [next(free) for _ in new]


small = st.lists(st.sampled_from("abcde"), unique=True, max_size=5)


@settings(max_examples=150, deadline=None)
@given(small, small, st.data(), st.integers(1, 3))
def test_no_other_assignment_moves_fewer(
    wanted: list[str], before: list[str], data: st.DataObject, cap: int
) -> None:
    """Every assignment to as many relays is tried: with numbers that were there and with new ones."""
    homes = [data.draw(st.integers(0, 2)) for _ in before]
    previous = {
        number: tuple(name for name, home in zip(before, homes, strict=True) if home == number)
        for number in range(3)
        if number in homes
    }
    size = -(-len(wanted) // cap)
    numbers = [*previous, *range(3, 3 + size)]

    def candidates() -> list[int]:
        found = []
        for choice in product(numbers, repeat=len(wanted)):
            now = {n: [s for s, c in zip(wanted, choice, strict=True) if c == n] for n in numbers}
            used = {number: names for number, names in now.items() if names}
            if len(used) == size and all(len(names) <= cap for names in used.values()):
                found.append(moves(previous, used))
        return found

    assert moves(previous, assign(wanted, previous, cap)) == min(candidates())


def test_a_stream_more_opens_a_relay_and_moves_nothing() -> None:
    two = assign("abcd", {}, 2)

    assert two == {0: ("a", "b"), 1: ("c", "d")}
    assert assign("abcde", two, 2) == two | {2: ("e",)}


def test_the_relay_with_the_least_to_move_goes_and_the_others_keep_their_numbers() -> None:
    previous = {0: ("a", "b", "c"), 1: ("d",), 2: ("e", "f")}

    assert assign("abcdef", previous, 3) == {0: ("a", "b", "c"), 2: ("e", "f", "d")}


def test_a_smaller_cap_sheds_only_what_is_too_much() -> None:
    assert assign("abcde", {0: tuple("abcde")}, 3) == {0: ("a", "b", "c"), 1: ("d", "e")}


def test_new_streams_fill_the_fullest_relay_so_that_the_last_one_stays_small() -> None:
    assert assign("abcdex", {0: ("a",), 1: tuple("bcde")}, 5) == {0: ("a",), 1: tuple("bcdex")}


def test_a_relay_without_streams_is_used_again_rather_than_a_new_one() -> None:
    assert assign("xyz", {4: ("a",)}, 3) == {4: ("x", "y", "z")}


def test_nothing_wanted_is_no_relay() -> None:
    assert assign([], {0: ("a",)}, 3) == {}

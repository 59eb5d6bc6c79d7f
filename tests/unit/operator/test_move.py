"""Moves: added first, removed when the new relay carries the stream; never lost on the way."""

from hypothesis import given
from hypothesis import strategies as st

from streamset_operator.assign import assign
from streamset_operator.move import Share, carried, settled, transition
from tests.unit.operator.test_assign import caps, streams


def test_a_stream_that_moves_is_on_both_until_the_new_relay_has_it() -> None:
    current = {0: Share(("a", "b", "c"))}
    target = {0: ("a", "b"), 1: ("c",)}

    moving = transition(current, target, {})
    assert moving == {0: Share(("a", "b"), ("c",)), 1: Share(("c",))}

    assert transition(moving, target, {1: {"c"}}) == settled(target)


def test_a_relay_that_goes_stays_until_the_last_of_its_streams_has_arrived() -> None:
    current, target = {0: Share(("a",)), 1: Share(("b", "c"))}, {0: ("a", "b", "c")}

    moving = transition(current, target, {0: {"a"}})
    assert moving == {0: Share(("a", "b", "c")), 1: Share((), ("b", "c"))}
    half = transition(moving, target, {0: {"a", "b"}})
    assert half[1] == Share((), ("c",))
    assert transition(half, target, {0: {"a", "b", "c"}}) == settled(target)


def test_what_nobody_wants_goes_at_once() -> None:
    assert transition({0: Share(("a", "b"), ("x",))}, {0: ("a",)}, {}) == {0: Share(("a",))}


def test_the_first_time_nothing_moves() -> None:
    assert transition({}, {0: ("a",)}, {}) == {0: Share(("a",))}


def test_a_stream_whose_way_leads_elsewhere_meanwhile_stays_on_all_that_list_it() -> None:
    current = {0: Share((), ("a",)), 1: Share(("a",))}

    assert transition(current, {2: ("a",)}, {1: {"a"}}) == {
        0: Share((), ("a",)),
        1: Share((), ("a",)),
        2: Share(("a",)),
    }


@given(st.lists(st.tuples(streams, caps, st.integers(0, 3)), min_size=1, max_size=6), st.data())
def test_a_life_of_changes_loses_no_stream_and_ends_at_rest(
    changes: list[tuple[list[str], int, int]], data: st.DataObject
) -> None:
    """The set changes before moves are over; relays come to carry what they list in any order."""
    current: dict[int, Share] = {}
    active: dict[int, set[str]] = {}
    for wanted, cap, reports in changes:
        target = assign(wanted, {n: share.stays for n, share in current.items()}, cap)
        for _ in range(reports + 1):
            before = {name for names in active.values() for name in names}
            current = transition(current, target, active)
            active = {
                n: names & set(current[n].listed) for n, names in active.items() if n in current
            }
            after = {name for names in active.values() for name in names}

            assert after == before & set(wanted)  # carried by somebody before: still is
            assert {
                number: share.stays for number, share in current.items() if share.stays
            } == target
            for number in data.draw(st.sets(st.sampled_from(sorted(current)))) if current else ():
                active[number] = set(current[number].listed)

    everything = {number: current[number].listed for number in current}
    last = transition(current, target, everything)
    assert last == settled(target)
    assert transition(last, target, everything) == last


def test_a_relay_carries_what_it_lists_when_all_of_it_is_active() -> None:
    share = Share(("a", "b"), ("c",))

    def of(active: int, *, runs_it: bool = True, ran_for: float = 0) -> tuple[str, ...]:
        return carried(share, runs_it=runs_it, active=active, ran_for=ran_for, patience=60)

    assert of(3) == ("a", "b", "c")
    assert of(2) == ()
    assert of(3, runs_it=False) == ()
    assert of(2, ran_for=60) == ("a", "b", "c")  # quiet, not lost
    assert of(2, runs_it=False, ran_for=60) == ()

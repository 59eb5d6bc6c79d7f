from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from streamset_relay.core.plan import Planned, plan

LIMIT = 4
ROUTES = ("public", "market")


def route_of(name: str) -> str:
    return ROUTES[name.startswith("m")]


def change(wanted: list[str], current: list[Planned], limit: int = LIMIT) -> list[Planned]:
    return plan(wanted, current, route_of, limit)


def place_of(planned: list[Planned]) -> dict[str, int]:
    return {name: connection.number for connection in planned for name in connection.streams}


def by_number(planned: list[Planned]) -> dict[int, Planned]:
    return {connection.number: connection for connection in planned}


NAMES = st.sets(st.builds("{}{}".format, st.sampled_from("ppm"), st.integers(0, 19)), max_size=8)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=10), st.integers(1, 5))
def test_any_history_of_changes_keeps_the_rules(
    history: list[tuple[set[str], set[str]]], limit: int
) -> None:
    current: list[Planned] = []
    routes: dict[int, str] = {}
    wanted: list[str] = []
    for gone, added in history:
        wanted = [*(name for name in wanted if name not in gone), *sorted(added)]
        new = change(wanted, current, limit)

        placed = Counter(name for connection in new for name in connection.streams)
        assert placed == Counter(set(wanted))  # each stream once, and no other
        assert all(1 <= len(connection.streams) <= limit for connection in new)
        assert all(route_of(name) == c.route for c in new for name in c.streams)
        assert len(by_number(new)) == len(new)
        before, after = place_of(current), place_of(new)
        assert all(after[name] == before[name] for name in before.keys() & after.keys())
        for number, connection in by_number(new).items():
            if number in by_number(current):
                assert routes[number] == connection.route
            else:
                assert number > max(by_number(current), default=0)
        assert touched(current, new) == fewest(current, set(wanted), limit)
        assert change(wanted, new, limit) == new
        assert change(wanted[::-1], new, limit) == new
        routes = {connection.number: connection.route for connection in new}
        current = new


def touched(current: list[Planned], new: list[Planned]) -> int:
    """Connections that are opened, closed or changed."""
    before, after = by_number(current), by_number(new)
    return sum(1 for n in before.keys() | after.keys() if before.get(n) != after.get(n))


def fewest(current: list[Planned], wanted: set[str], limit: int) -> int:
    """How many have to be touched at least: those that lose streams, then the roomiest, then new ones."""
    count = 0
    for route in ROUTES:
        here = [connection for connection in current if connection.route == route]
        names = {name for name in wanted if route_of(name) == route}
        left = len(names - place_of(here).keys())
        lost = [c for c in here if not names.issuperset(c.streams)]
        count += len(lost)
        left -= sum(limit - len(names.intersection(c.streams)) for c in lost)
        for room in sorted((limit - len(c.streams) for c in here if c not in lost), reverse=True):
            if left > 0 and room:
                left -= room
                count += 1
        count += -(-max(left, 0) // limit)
    return count


def test_one_more_stream_touches_one_connection() -> None:
    wanted = [f"p{n}" for n in range(600)] + [f"m{n}" for n in range(300)]
    current = change(wanted, [], 200)
    assert [(c.number, c.route, len(c.streams)) for c in current] == [
        (1, "public", 200),
        (2, "public", 200),
        (3, "public", 200),
        (4, "market", 200),
        (5, "market", 100),
    ]

    in_room = change([*wanted, "mx"], current, 200)
    opened = change([*wanted, "px"], current, 200)

    assert in_room[:4] == current[:4]
    assert in_room[4] == Planned(5, "market", (*current[4].streams, "mx"))
    assert opened == [*current, Planned(6, "public", ("px",))]


def test_a_swap_of_two_streams_touches_only_the_connection_that_loses_one() -> None:
    current = [Planned(1, "public", ("p1", "p2", "p3")), Planned(2, "public", ("p4",))]

    new = change(["p1", "p2", "p4", "p9"], current)

    assert new == [Planned(1, "public", ("p1", "p2", "p9")), current[1]]


def test_a_connection_without_streams_is_gone_and_its_number_is_not_given_away() -> None:
    current = change(["p1", "m1"], [])

    new = change(["p1", *(f"p{n}" for n in range(2, 7))], current)

    assert [(c.number, c.route) for c in new] == [(1, "public"), (3, "public")]


def test_a_smaller_limit_moves_nothing_and_adds_nothing() -> None:
    current = [Planned(1, "public", ("p1", "p2", "p3"))]

    new = change(["p1", "p2", "p3", "p4"], current, limit=2)

    assert new == [current[0], Planned(2, "public", ("p4",))]


def test_nothing_wanted_is_no_connection() -> None:
    assert change([], []) == []
    assert change([], change(["p1", "m1"], [])) == []

"""Any two deliveries of the same streams, cut anywhere: what goes on is their union, once and in order."""

from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streamset_api.market import Market
from streamset_relay.core.handover import Bounds, Phase, Trigger

from .frames import wrap
from .overlap import EVENTS, NUMBERED, Pair, frame

LENGTH = 12
#: Numbers that an event uses up, where a hole in them can be told.
PER_EVENT = {"btcusdt@trade": 1, "btcusdt@depth@100ms": 3}
SCRIPT = st.lists(
    st.tuples(st.sampled_from(["old", "new"]), st.lists(st.integers(0, 2), min_size=1, max_size=4)),
    max_size=25,
)


class Line:
    """One stream of the market: how far each connection has delivered it."""

    def __init__(self, name: str, old: int, new: int) -> None:
        self.name = name
        self.start = new
        self.at = {"old": old, "new": new}

    def next(self, side: str) -> list[bytes]:
        number = self.at[side]
        self.at[side] = min(number + 1, LENGTH)
        return [frame(self.name, number)] if number < LENGTH else []


class World:
    """Some streams, delivered by two connections that a script lets speak in turn."""

    def __init__(self, draw: st.DrawFn, bounds: Bounds) -> None:
        names = draw(st.lists(st.sampled_from(list(EVENTS)), min_size=1, max_size=3, unique=True))
        self.pair = Pair(*names, bounds=bounds)
        self.lines = [Line(name, 0, LENGTH) for name in names]
        self.led: dict[str, int] | None = None  # where the old one was at the switch
        self.draw = draw
        for line in self.lines:
            self.speak("old", [self.lines.index(line)] * draw(st.integers(0, LENGTH // 2)))

    def subscribe(self) -> None:
        """The new connection opens; where it begins. The old one is noted from then on, or numbered."""
        self.pair.begin()
        for line in self.lines:
            least = 0 if line.name in NUMBERED else line.at["old"]
            line.start = line.at["new"] = self.draw(st.integers(least, LENGTH))

    def speak(self, side: str, whose: list[int]) -> None:
        frames: list[bytes] = []
        for which in whose:
            frames += self.lines[which % len(self.lines)].next(side)
        if frames and side == "old":
            self.pair.old(*frames)
        elif frames:
            self.pair.new(*frames)
        self.note()

    def note(self) -> None:
        """Remember where the old connection was when it led no more."""
        if self.led is None and self.pair.phase() in (Phase.SWITCHED, Phase.DONE):
            self.led = {line.name: line.at["old"] for line in self.lines}

    def play(self, script: list[tuple[str, list[int]]], *, look: bool) -> None:
        for side, whose in script:
            self.speak(side, whose)
            if look:
                self.pair.look()
                self.note()

    def check(self) -> None:
        """Let the new connection come to the end of the day, and compare with the union."""
        for which in range(len(self.lines)):
            self.speak("new", [which] * LENGTH)
        pair, missing = self.pair, 0
        assert self.led is not None
        assert pair.tally.held == 0
        for line in self.lines:
            union = {*range(self.led[line.name]), *range(line.start, LENGTH)}
            assert pair.numbers(line.name) == sorted(union)
            holes = sum(later - earlier - 1 for earlier, later in pairwise(sorted(union)))
            missing += PER_EVENT.get(line.name, 0) * holes
        assert pair.tally.duplicates == pair.tally.received - len(pair.out)
        assert pair.tally.resets == 0
        assert pair.tally.missing == missing


@st.composite
def worlds(draw: st.DrawFn, rooms: tuple[int, ...] = (1_000,)) -> World:
    return World(draw, Bounds(10.0, draw(st.sampled_from(rooms)), 1 << 20))


@settings(deadline=None)
@given(worlds(rooms=(1, 3, 8, 1_000)), SCRIPT, SCRIPT)
def test_an_end_at_any_moment_leaves_the_union(
    world: World, before: list[Any], after: list[Any]
) -> None:
    world.subscribe()
    world.play(before, look=False)
    world.pair.switch(Trigger.ENDED)
    world.note()
    world.play(after, look=False)
    world.check()


@settings(deadline=None)
@given(worlds(), SCRIPT, SCRIPT)
def test_a_switch_of_aligned_streams_loses_nothing(
    world: World, before: list[Any], after: list[Any]
) -> None:
    world.subscribe()
    world.play(before, look=True)
    aligned = world.led is not None
    world.pair.switch(Trigger.ENDED)
    world.note()
    world.play(after, look=True)
    world.check()
    if aligned:
        assert world.pair.tally.missing == world.pair.tally.gaps == 0
        assert all(world.pair.numbers(name) == list(range(LENGTH)) for name in world.pair.names)


@settings(deadline=None)
@given(worlds(), st.lists(SCRIPT, max_size=3), SCRIPT)
def test_a_new_connection_that_fails_costs_nothing(
    world: World, attempts: list[list[Any]], last: list[Any]
) -> None:
    for script in attempts:
        world.subscribe()
        world.play(script, look=False)
        world.pair.handover.lost()
        assert world.pair.tally.held == 0
    world.subscribe()
    world.play(last, look=False)
    world.pair.switch(Trigger.ENDED)
    world.note()
    world.check()


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 300), unique=True, min_size=2),
    st.lists(st.booleans(), max_size=40),
    st.integers(0, 40),
    st.booleans(),
)
def test_snapshots_that_never_coincide_only_grow(
    ids: list[int], turns: list[bool], cut: int, futures: bool
) -> None:
    """Partial books of two connections, each with numbers of its own."""
    name, member = "btcusdt@depth20@100ms", "u" if futures else "lastUpdateId"
    pair = Pair(name, market=Market.USDM if futures else Market.SPOT)
    ids.sort()
    half = len(ids) // 2
    queues = {True: iter(ids[::2]), False: iter(ids[1::2])}
    pair.begin()
    for at, turn in enumerate([*turns, *[False] * half]):
        if at == cut:
            pair.switch()
        number = next(queues[turn], None)
        if number is not None:
            (pair.old if turn else pair.new)(wrap(name, {member: number}))
    pair.switch()

    seen = [event[member] for _, event in pair.out]
    assert all(later > earlier for earlier, later in pairwise(seen))
    assert pair.tally.resets == pair.tally.held == 0


@settings(deadline=None)
@given(
    st.lists(st.integers(1, 5), min_size=4, max_size=20),
    st.lists(st.integers(1, 5), min_size=4, max_size=20),
    st.lists(st.booleans(), min_size=4, max_size=60),
    st.integers(0, 8),
)
def test_ranges_that_are_cut_otherwise_overlap_and_leave_no_gap(
    old_widths: list[int], new_widths: list[int], turns: list[bool], start: int
) -> None:
    """Depth whose updates the two connections group differently: `U ≤ last u < u`."""
    name = "btcusdt@depth@100ms"
    pair = Pair(name)
    old, new = _ranges(100, old_widths), _ranges(100 + start, new_widths)
    pair.begin()
    for turn in turns:
        if (due := next(old if turn else new, None)) is not None:
            (pair.old if turn else pair.new)(wrap(name, due))
            pair.look()
    old_ends = pair.streams.get(name).last
    pair.switch()
    for event in new:
        pair.new(wrap(name, event))

    ends = [event["u"] for _, event in pair.out]
    assert all(later > earlier for earlier, later in pairwise(ends))
    assert pair.tally.resets == pair.tally.held == 0
    if old_ends >= 100 + start - 1:
        assert pair.tally.gaps == 0


def _ranges(first: int, widths: list[int]) -> Any:
    for width in widths:
        yield {"U": first, "u": first + width - 1}
        first += width

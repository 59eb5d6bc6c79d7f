"""Who owns the streams: named situations, and any two deliveries cut anywhere."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamset_relay.core.marks import Mark
from streamset_relay.core.ownership import (
    HOLD_FULL,
    TRANSITIONS,
    UNSETTLED,
    Bounds,
    State,
    Trigger,
    draw,
)

from .overlap import EVENTS, frame
from .relays import Relay, payloads

TRADE, TICKER = "btcusdt@trade", "btcusdt@ticker"
UNHEARD_OF = "btcusdt@unheardOf"
COMPARABLE = [name for name in EVENTS if name != UNHEARD_OF]
"""An event with neither number nor time is only ever known by being the same."""
LENGTH = 12
SCRIPT = st.lists(
    st.tuples(
        st.sampled_from(["owner", "follower", "word"]), st.lists(st.integers(0, 2), max_size=4)
    ),
    max_size=30,
)


def frames(name: str, *numbers: int) -> list[bytes]:
    return [frame(name, number) for number in numbers]


@pytest.mark.parametrize("ahead", [True, False], ids=["ahead", "behind"])
@pytest.mark.parametrize("name", COMPARABLE)
def test_a_successor_goes_on_where_the_owner_stopped(name: str, *, ahead: bool) -> None:
    owner, follower = Relay(name), Relay(name)
    owner.own()
    owner.receive(*frames(name, 0, 1, 2))
    follower.receive(*frames(name, *range(1, 5 if ahead else 2)))
    follower.ownership.follow(owner.ownership.marks())
    assert follower.ownership.held == (2 if ahead else 0)
    owner.receive(*frames(name, 3))
    follower.take_over(Trigger.HANDED_OVER, owner.ownership.marks())
    follower.receive(*frames(name, *range(5 if ahead else 2, 8)))
    assert owner.out + follower.out == payloads(frames(name, *range(8)))
    assert follower.gaps == []
    assert follower.accounted == follower.received


def test_of_events_with_neither_number_nor_time_none_is_lost() -> None:
    owner, follower = Relay(UNHEARD_OF), Relay(UNHEARD_OF)
    owner.own()
    owner.receive(*frames(UNHEARD_OF, 0, 1, 2))
    follower.receive(*frames(UNHEARD_OF, 1))
    follower.take_over(Trigger.HANDED_OVER, owner.ownership.marks())
    follower.receive(*frames(UNHEARD_OF, 2, 3))
    assert follower.out == payloads(frames(UNHEARD_OF, 1, 2, 3))  # two of them again
    ahead = Relay(UNHEARD_OF)
    ahead.receive(*frames(UNHEARD_OF, 1, 2, 3))
    ahead.take_over(Trigger.HANDED_OVER, owner.ownership.marks())
    assert ahead.out == payloads(frames(UNHEARD_OF, 3))


def test_nobody_answers_so_everything_held_goes_on() -> None:
    relay = Relay(TRADE)
    relay.receive(*frames(TRADE, 0, 1))
    assert relay.out == []
    relay.take_over(Trigger.NOBODY, {})
    relay.receive(*frames(TRADE, 2))
    assert relay.out == payloads(frames(TRADE, 0, 1, 2))
    assert relay.ownership.state is State.OWNING


def test_what_is_missing_between_the_mark_and_the_first_event_is_a_gap() -> None:
    owner, follower = Relay(TRADE), Relay(TRADE)
    owner.own()
    owner.receive(*frames(TRADE, 0, 1))
    follower.receive(*frames(TRADE, 5, 6))
    follower.take_over(Trigger.SILENT, owner.ownership.marks())
    (gap,) = follower.gaps
    assert gap.missing == 3
    assert follower.out == payloads(frames(TRADE, 5, 6))


def test_a_stream_that_was_silent_shows_its_gap_however_late() -> None:
    owner, follower = Relay(TRADE, TICKER), Relay(TRADE, TICKER)
    owner.own()
    owner.receive(*frames(TRADE, 0, 1))
    follower.take_over(Trigger.NOBODY, owner.ownership.marks())
    follower.now = UNSETTLED + 1
    follower.receive(*frames(TICKER, 0))
    follower.receive(*frames(TRADE, 4))
    (gap,) = follower.gaps
    assert gap.missing == 2


def test_events_of_other_relays_and_streams_without_marks_go_on() -> None:
    follower = Relay(TRADE, TICKER)
    follower.receive(*frames(TICKER, 0), *frames(TRADE, 0))
    follower.take_over(Trigger.HANDED_OVER, {"ethusdt@trade": Mark(7)})
    assert follower.out == payloads([*frames(TICKER, 0), *frames(TRADE, 0)])


def test_an_event_without_its_number_is_passed_on() -> None:
    odd = b'{"stream":"btcusdt@trade","data":{"e":"trade"}}'
    follower = Relay(TRADE)
    follower.receive(odd, *frames(TRADE, 3))
    follower.take_over(Trigger.HANDED_OVER, {TRADE: Mark((1 << 62) - 1)})
    assert follower.out == payloads([odd])


def test_an_event_without_its_number_leaves_the_mark_where_it_was() -> None:
    odd = b'{"stream":"btcusdt@trade","data":{"e":"trade"}}'
    owner = Relay(TRADE)
    owner.own()
    owner.receive(*frames(TRADE, 0, 1))
    (before,) = owner.ownership.marks().values()
    owner.receive(odd)
    assert owner.ownership.marks() == {TRADE: before}


def test_an_event_from_before_the_first_question_is_marked() -> None:
    """Both relays had it before the successor asked; nothing has come since."""
    owner, follower = Relay(TICKER), Relay(TICKER)
    owner.own()
    owner.receive(*frames(TICKER, 0))
    follower.receive(*frames(TICKER, 0))
    follower.ownership.follow(owner.ownership.marks())
    assert follower.ownership.held == 0
    follower.take_over(Trigger.HANDED_OVER, owner.ownership.marks())
    assert follower.out == []


@pytest.mark.parametrize("name", COMPARABLE)
def test_a_third_relay_goes_on_from_the_marks_that_the_second_took_over_from(name: str) -> None:
    """Nothing has come on the stream since the second relay owns it."""
    first, second, third = Relay(name), Relay(name), Relay(name)
    first.own()
    for relay in (first, second, third):
        relay.receive(*frames(name, 0, 1))
    second.take_over(Trigger.HANDED_OVER, first.ownership.marks())
    third.ownership.follow(second.ownership.marks())
    assert third.ownership.held == 0
    second.now = UNSETTLED + 1
    second.receive(frame(TICKER if name == TRADE else TRADE, 0))
    third.take_over(Trigger.HANDED_OVER, second.ownership.marks())
    third.receive(*frames(name, 2))
    assert [out for out in third.out if out[0] == name] == payloads(frames(name, 2))
    assert third.gaps == []


def test_an_owner_that_is_behind_the_one_before_says_how_far_that_one_came() -> None:
    first, second = Relay(TRADE, TICKER), Relay(TRADE, TICKER)
    first.own()
    first.receive(*frames(TRADE, *range(5)), *frames(TICKER, *range(5)))
    second.receive(*frames(TRADE, 0, 1), *frames(TICKER, 0, 1))
    second.take_over(Trigger.HANDED_OVER, first.ownership.marks())
    assert second.ownership.marks() == first.ownership.marks()
    second.receive(*frames(TRADE, 2), *frames(TICKER, 2))
    assert second.ownership.marks() == first.ownership.marks()
    assert second.out == []


def test_a_relay_that_has_no_others_tracks_nothing() -> None:
    relay = Relay(TICKER, alone=True)
    relay.own()
    relay.receive(*frames(TICKER, 0))
    assert relay.ownership.marks() == {}
    assert [stream.passed for stream in relay.streams] == [b""]


def test_what_is_held_after_a_takeover_is_not_marked() -> None:
    """An owner that dies while it lets out what it held has not delivered it."""
    relay = Relay(TRADE)
    relay.receive(*frames(TRADE, 0))
    relay.receive(*frames(TRADE, 1))
    relay.ownership.take_over(Trigger.NOBODY, {}, relay.now)
    assert relay.ownership.marks() == {}
    going = relay.ownership.let_out()
    next(going)
    assert [mark.identity for mark in relay.ownership.marks().values()] == [100]
    assert list(going)
    assert relay.ownership.state is State.OWNING


def test_a_successor_holds_no_more_than_its_bounds() -> None:
    follower = Relay(TRADE, bounds=Bounds(1_000, 60.0))
    follower.ownership.follow({})
    for number in range(20):
        follower.receive(*frames(TRADE, number))
    held = follower.ownership.held
    assert 0 < held < 5
    assert follower.ownership.dropped == {HOLD_FULL: 20 - held}
    follower.take_over(Trigger.SILENT, {})
    assert follower.out == payloads(frames(TRADE, *range(20 - held, 20)))


def test_what_nobody_claims_expires() -> None:
    relay = Relay(TRADE, bounds=Bounds(1 << 20, 5.0))
    relay.receive(*frames(TRADE, 0))
    relay.now = 4.0
    relay.receive(*frames(TRADE, 1))
    relay.ownership.expire(6.0)
    assert (relay.ownership.held, dict(relay.ownership.dropped)) == (1, {"expired": 1})


@pytest.mark.parametrize("followed", [True, False])
def test_the_end_of_a_relay_that_owns_nothing(*, followed: bool) -> None:
    relay = Relay(TRADE)
    if followed:
        relay.ownership.follow({})
    relay.receive(*frames(TRADE, 0, 1))
    relay.ownership.end("shutdown")
    relay.receive(*frames(TRADE, 2))
    assert relay.ownership.duplicates == (3 if followed else 1)
    assert dict(relay.ownership.dropped) == ({} if followed else {"shutdown": 2})
    assert relay.out == []


def test_an_owner_that_is_overruled_follows() -> None:
    relay = Relay(TRADE)
    relay.own()
    relay.receive(*frames(TRADE, 0))
    relay.ownership.follow({TRADE: Mark(100)})
    relay.receive(*frames(TRADE, 1))
    assert relay.ownership.state is State.FOLLOWING
    assert relay.out == payloads(frames(TRADE, 0))
    assert relay.ownership.held == 1


def test_the_diagram_shows_every_transition() -> None:
    diagram = draw()
    for state, row in TRANSITIONS.items():
        for trigger, target in row.items():
            assert f"{state.value} --> {target.value}: {trigger.value}" in diagram
    assert not re.search(r"[A-Z]{3}", diagram)


@settings(deadline=None)
@given(st.data(), SCRIPT, SCRIPT)
def test_any_two_deliveries_cut_anywhere_are_passed_on_once_and_in_order(
    data: Any, before: list[tuple[str, list[int]]], after: list[tuple[str, list[int]]]
) -> None:
    """The follower begins where the owner is, or further back; after that each goes at its own pace."""
    names = data.draw(st.lists(st.sampled_from(COMPARABLE), min_size=1, max_size=3, unique=True))
    sides = {"owner": Relay(*names), "follower": Relay(*names)}
    at = {"owner": dict.fromkeys(names, 0), "follower": dict.fromkeys(names, 0)}
    owner, follower = sides["owner"], sides["follower"]
    owner.own()

    def speak(side: str, whose: list[int]) -> None:
        read = []
        for which in whose:
            name = names[which % len(names)]
            if at[side][name] < LENGTH:
                read.append(frame(name, at[side][name]))
                at[side][name] += 1
        sides[side].receive(*read)

    for side, whose in before:
        if side == "word":
            follower.ownership.follow(owner.ownership.marks())
        else:
            speak(side, whose)
    follower.take_over(Trigger.HANDED_OVER, owner.ownership.marks())
    for _, whose in after:
        speak("follower", whose)
    for which in range(len(names)):
        speak("follower", [which] * LENGTH)

    for name in names:
        passed = [out for out in owner.out + follower.out if out[0] == name]
        assert passed == payloads(frames(name, *range(LENGTH)))
    assert follower.gaps == []
    assert follower.accounted == follower.received

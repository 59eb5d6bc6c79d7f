from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamset_relay.core.nats_link import (
    FIRST_DELAY,
    TRANSITIONS,
    NatsLink,
    State,
    Trigger,
    backoff,
    draw,
)

BACKOFF_MAX = 2.0
LEAVES = {Trigger.LAME_DUCK, Trigger.ROTATED}


@st.composite
def walks(draw_from: st.DrawFn) -> list[tuple[Trigger, float]]:
    """Any sequence of triggers that the table allows, each after some seconds."""
    state, walk = State.CONNECTING, []
    for _ in range(draw_from(st.integers(0, 60))):
        if not TRANSITIONS[state]:
            break
        trigger = draw_from(st.sampled_from(sorted(TRANSITIONS[state])))
        walk.append((trigger, draw_from(st.floats(0.0, 10.0))))
        state = TRANSITIONS[state][trigger]
    return walk


@given(walks(), st.integers())
def test_publishes_only_after_a_pong_and_stops_at_the_first_doubt(
    walk: list[tuple[Trigger, float]], seed: int
) -> None:
    link, now = NatsLink(BACKOFF_MAX, Random(seed)), 0.0
    answered = False
    for trigger, seconds in walk:
        now += seconds
        link.step(trigger, now)
        answered = trigger is Trigger.PONG or (answered and trigger in LEAVES)
        assert link.publishes is answered
        assert (link.breaker == "closed") is answered


@given(walks(), st.integers())
def test_every_wait_is_bounded_and_leads_to_one_connect(
    walk: list[tuple[Trigger, float]], seed: int
) -> None:
    link, now = NatsLink(BACKOFF_MAX, Random(seed)), 0.0
    dialing = True
    for trigger, seconds in walk:
        now += seconds
        state = link.step(trigger, now)
        if state is State.CONNECTING:
            assert not dialing, "a second connect while one is under way"
        dialing = state is State.CONNECTING
        if state is State.WAITING:
            assert FIRST_DELAY / 2 <= link.retry_at - now <= BACKOFF_MAX
            assert link.breaker == "open"


@given(walks(), st.integers())
def test_attempts_are_unlimited(walk: list[tuple[Trigger, float]], seed: int) -> None:
    link, now = NatsLink(BACKOFF_MAX, Random(seed)), 0.0
    for trigger, seconds in walk:
        now += seconds
        link.step(trigger, now)
    assert (State.CONNECTED in reachable(link.state)) is (link.state is not State.STOPPED)


@pytest.mark.parametrize("state", [state for state in State if state is not State.STOPPED])
def test_can_be_stopped_in_every_state(state: State) -> None:
    assert TRANSITIONS[state][Trigger.STOP] is State.STOPPED


@given(st.integers(1, 10_000), st.floats(0.2, 2.0), st.integers())
def test_backoff_grows_up_to_its_maximum(failures: int, maximum: float, seed: int) -> None:
    wait = backoff(failures, maximum, Random(seed))
    assert FIRST_DELAY / 2 <= wait <= maximum
    assert backoff(50, maximum, Random(seed)) >= maximum / 2


def test_a_connection_that_lasted_forgets_earlier_failures() -> None:
    link = NatsLink(BACKOFF_MAX, Random(1))
    for _ in range(5):
        link.step(Trigger.FAILED, 0.0)
        link.step(Trigger.DUE, 0.0)
    assert link.failures == 5

    link.step(Trigger.OPENED, 1.0)
    link.step(Trigger.PONG, 1.0)
    link.step(Trigger.PONG, 1.0 + BACKOFF_MAX)
    link.step(Trigger.LOST, 1.0 + BACKOFF_MAX)

    assert link.failures == 1


def test_a_server_that_accepts_and_cuts_is_not_hammered() -> None:
    link = NatsLink(BACKOFF_MAX, Random(1))
    waits = []
    for _ in range(10):
        for trigger in (Trigger.OPENED, Trigger.PONG, Trigger.LOST):
            link.step(trigger, 0.0)
        waits.append(link.retry_at)
        link.step(Trigger.DUE, 0.0)

    assert link.failures == 10
    assert waits[-1] >= BACKOFF_MAX / 2


def test_a_report_that_means_nothing_is_a_bug() -> None:
    with pytest.raises(KeyError):
        NatsLink(BACKOFF_MAX, Random(1)).step(Trigger.PONG, 0.0)


def test_the_diagram_shows_every_transition() -> None:
    arrows = [line for line in draw().splitlines() if "-->" in line]
    assert len(arrows) == sum(len(row) for row in TRANSITIONS.values()) + 2


def reachable(start: State) -> set[State]:
    found, rest = {start}, [start]
    while rest:
        for target in TRANSITIONS[rest.pop()].values():
            if target not in found:
                found.add(target)
                rest.append(target)
    return found

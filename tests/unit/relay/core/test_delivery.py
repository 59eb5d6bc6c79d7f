from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamset_relay.core.delivery import TRANSITIONS, Delivery, State, Trigger, draw

PAUSE_MAX = 2.0


@st.composite
def walks(draw_from: st.DrawFn) -> list[Trigger]:
    """Any sequence of triggers that the table allows."""
    state, walk = State.AWAY, []
    for _ in range(draw_from(st.integers(0, 60))):
        if not TRANSITIONS[state]:
            break
        walk.append(draw_from(st.sampled_from(sorted(TRANSITIONS[state]))))
        state = TRANSITIONS[state][walk[-1]]
    return walk


@given(walks())
def test_messages_leave_only_after_the_stream_was_found_right(walk: list[Trigger]) -> None:
    delivery = Delivery(PAUSE_MAX, Random(1))
    right = False
    for trigger in walk:
        delivery.step(trigger, 0.0)
        right = trigger is Trigger.RIGHT
        assert (delivery.state is State.OPEN) is right
        assert (delivery.breaker == "closed") is right


@given(walks(), st.integers())
def test_every_pause_is_bounded(walk: list[Trigger], seed: int) -> None:
    delivery = Delivery(PAUSE_MAX, Random(seed))
    for number, trigger in enumerate(walk):
        if delivery.step(trigger, number) is State.PAUSED:
            assert 0 < delivery.retry_at - number <= PAUSE_MAX


def test_pauses_grow_until_something_is_taken() -> None:
    delivery = Delivery(PAUSE_MAX, Random(1))
    delivery.step(Trigger.UP, 0.0)
    pauses = []
    for _ in range(8):
        delivery.step(Trigger.WRONG, 0.0)
        pauses.append(delivery.retry_at)
        delivery.step(Trigger.DUE, 0.0)
    assert pauses[-1] > 8 * pauses[0]

    delivery.succeeded()
    delivery.step(Trigger.WRONG, 0.0)
    assert delivery.retry_at <= 0.1


@pytest.mark.parametrize("state", [state for state in State if state is not State.STOPPED])
def test_can_be_stopped_in_every_state(state: State) -> None:
    assert TRANSITIONS[state][Trigger.STOP] is State.STOPPED


@pytest.mark.parametrize("state", [State.CHECKING, State.OPEN, State.SETTLING, State.PAUSED])
def test_a_lost_connection_ends_every_activity(state: State) -> None:
    assert TRANSITIONS[state][Trigger.DOWN] is State.AWAY


def test_a_report_that_means_nothing_is_a_bug() -> None:
    with pytest.raises(KeyError):
        Delivery(PAUSE_MAX, Random(1)).step(Trigger.RIGHT, 0.0)


def test_the_diagram_shows_every_transition() -> None:
    arrows = [line for line in draw().splitlines() if "-->" in line]
    assert len(arrows) == sum(len(row) for row in TRANSITIONS.values()) + 2

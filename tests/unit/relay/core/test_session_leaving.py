"""A connection whose time is up, and the one that is to take over."""

from random import Random

import pytest

from streamset_relay.core.backoff import ConnectBudget
from streamset_relay.core.session import (
    OPEN,
    Close,
    DataSeen,
    Dial,
    Failed,
    GiveUp,
    Opened,
    Policy,
    Promoted,
    Session,
    ShutdownAnnounced,
    Stalled,
    State,
    Stop,
    Subscribe,
    Tick,
)
from streamset_relay.errors import ConnectionLost, UpgradeRejected

LOST = ConnectionLost(1001)
DAY = 86_400.0


def opened(policy: Policy | None = None, seed: int = 1, healthy: bool = True) -> Session:
    """A session that was opened at 0, and is proven by data at 60 if it is to be healthy."""
    session = Session(policy or Policy(), ConnectBudget(30, 300.0), Random(seed))
    assert session.step(Tick(), 0.0) == [Dial()]
    assert session.step(Opened(), 0.0) == [Subscribe()]
    if healthy:
        session.step(DataSeen(), 0.0)
        session.step(DataSeen(), 60.0)
    return session


def state(session: Session) -> State:
    return session.state


def lifetime(session: Session, step: float) -> float:
    now = 0.0
    while session.state is not State.LEAVING:
        now += step
        assert session.step(Tick(), now) == []
        assert now <= DAY, "the exchange would have cut it"
    return now


@pytest.mark.parametrize("seed", range(20))
def test_a_connection_leaves_an_hour_before_a_day_is_over_or_up_to_a_tenth_earlier(
    seed: int,
) -> None:
    age = lifetime(opened(seed=seed), 60.0)
    assert 0.9 * 82_800 <= age <= 82_860


def test_connections_that_were_opened_together_do_not_leave_together() -> None:
    ages = sorted(lifetime(opened(seed=seed), 60.0) for seed in range(200))
    assert ages[-1] - ages[0] > 7_000
    assert all(ages.count(age) < 15 for age in ages)


def test_each_opening_has_a_life_of_its_own() -> None:
    session = opened(Policy(lifetime=100.0, initial_delay=0.0))
    session.step(Failed(LOST), 80.0)
    session.step(Tick(), 80.0)
    session.step(Opened(), 80.0)
    session.step(Tick(), 169.9)
    assert state(session) is State.SUBSCRIBING
    session.step(Tick(), 180.0)
    assert state(session) is State.LEAVING


def test_an_announced_shutdown_is_taken_at_once_and_once() -> None:
    session = opened()
    assert session.step(ShutdownAnnounced(), 61.0) == []
    assert state(session) is State.LEAVING
    assert session.step(ShutdownAnnounced(), 62.0) == session.step(DataSeen(), 62.0) == []
    assert state(session) is State.LEAVING
    assert session.state in OPEN


def test_a_connection_that_leaves_does_not_come_back() -> None:
    session = opened()
    session.step(ShutdownAnnounced(), 61.0)
    assert session.step(Failed(LOST), 62.0) == []
    assert state(session) is State.STOPPED
    assert session.step(Tick(), 1_000.0) == []


@pytest.mark.parametrize("event", [Stalled("no data"), Stop("no data")])
def test_a_connection_that_leaves_is_closed_for_good(event: Stalled | Stop) -> None:
    session = opened()
    session.step(ShutdownAnnounced(), 61.0)
    assert session.step(event, 62.0) == [Close("no data")]
    assert session.step(Failed(LOST), 63.0) == []
    assert state(session) is State.STOPPED


def test_a_spare_does_not_leave_before_it_counts() -> None:
    spare = opened().successor(100.0)
    assert spare.step(Tick(), 100.0) == [Dial()]
    spare.step(Opened(), 100.0)
    spare.step(ShutdownAnnounced(), 101.0)
    spare.step(Tick(), 2 * DAY)
    assert state(spare) is State.SUBSCRIBING
    spare.step(Promoted(), 2 * DAY)
    assert state(spare) is State.LEAVING


def test_a_spare_that_is_promoted_early_goes_on_as_it_is() -> None:
    spare = opened().successor(100.0)
    spare.step(Promoted(), 100.0)
    assert state(spare) is State.WAITING
    assert spare.step(Tick(), 100.0) == [Dial()]
    assert spare.step(Opened(), 100.0) == [Subscribe()]
    spare.step(ShutdownAnnounced(), 101.0)
    assert state(spare) is State.LEAVING


def test_an_announcement_is_forgotten_with_the_connection_it_was_about() -> None:
    spare = opened().successor(100.0)
    spare.step(Tick(), 100.0)
    spare.step(Opened(), 100.0)
    spare.step(ShutdownAnnounced(), 101.0)
    spare.step(Failed(LOST), 102.0)
    now = spare.wake_at(102.0)
    spare.step(Tick(), now)
    spare.step(Opened(), now)
    spare.step(Promoted(), now)
    assert state(spare) is State.SUBSCRIBING


def test_a_spare_tries_for_as_long_as_it_takes() -> None:
    spare, now = opened(Policy(max_attempts=3)).successor(100.0), 100.0
    refused = UpgradeRejected("wss://exchange.test", 503)
    for attempt in range(1, 8):
        now = max(now, spare.wake_at(now))
        assert spare.step(Tick(), now) == [Dial()]
        assert spare.step(Failed(refused), now) == []
        assert spare.failures == attempt
    assert state(spare) is State.BROKEN
    spare.step(Promoted(), now)
    now = spare.wake_at(now)
    spare.step(Tick(), now)
    (end,) = spare.step(Failed(refused), now)
    assert isinstance(end, GiveUp)


def test_the_second_short_life_in_a_row_waits_as_after_a_failure() -> None:
    """An exchange that announces the end of each new connection is not asked for one after the other."""
    session, waits = opened(healthy=False), []
    for _ in range(6):
        session.step(ShutdownAnnounced(), 0.0)
        session = session.successor(0.0)
        waits.append(session.retry_at)
        session.step(Tick(), session.retry_at)
        session.step(Opened(), 0.0)
        session.step(Promoted(), 0.0)
    assert waits[0] == 0.0
    assert [wait // 5 for wait in waits[1:]] == [1, 2, 4, 8, 12]


def test_a_long_life_forgives() -> None:
    session = opened(healthy=False)
    session.failures = 4
    session.step(DataSeen(), 0.0)
    session.step(DataSeen(), 60.0)
    session.step(ShutdownAnnounced(), 61.0)
    spare = session.successor(61.0)
    assert (spare.failures, spare.retry_at) == (0, 0.0)


def test_a_spare_takes_its_connects_from_the_same_budget() -> None:
    budget = ConnectBudget(2, 300.0)
    session = Session(Policy(), budget, Random(1))
    session.step(Tick(), 0.0)
    session.step(Opened(), 0.0)
    session.step(ShutdownAnnounced(), 1.0)
    spare = session.successor(1.0)
    assert spare.step(Tick(), 1.0) == [Dial()]
    spare.step(Failed(LOST), 2.0)
    assert spare.wake_at(20.0) == 300.0

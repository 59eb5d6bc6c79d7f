"""Named situations of a connection's life. Arbitrary lives are in `test_session_model`."""

from random import Random

import pytest

from streamset_relay.core.backoff import ConnectBudget
from streamset_relay.core.session import (
    CLOSES,
    DIALS,
    ENDS,
    OPEN,
    TRANSITIONS,
    WAITS,
    Close,
    DataSeen,
    Dial,
    Event,
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
    Trigger,
    draw,
)
from streamset_relay.errors import (
    AttemptsExhausted,
    ConnectFailed,
    ConnectionLost,
    ExchangeError,
    UpgradeRejected,
)

URL = "wss://exchange.test/stream"
LOST = ConnectionLost(1006)
REFUSED = ConnectFailed(URL, "refused")


class Shell:
    """A session, its budget and a clock; `step` remembers what was asked for."""

    def __init__(self, policy: Policy | None = None, limit: int = 30) -> None:
        self.budget = ConnectBudget(limit, 300.0)
        self.session = Session(policy or Policy(), self.budget, Random(1))
        self.now = 1_000.0
        self.dials: list[float] = []

    def step(self, *events: Event) -> list[object]:
        actions: list[object] = []
        for event in events:
            actions += self.session.step(event, self.now)
        self.dials += [self.now for action in actions if isinstance(action, Dial)]
        return actions

    def state(self) -> State:
        return self.session.state

    def dial(self) -> None:
        self.now = max(self.now, self.session.wake_at(self.now))
        assert self.step(Tick()) == [Dial()]

    def fail(self, error: ExchangeError = REFUSED) -> float:
        """Dial, fail, and say how long the session waits."""
        self.dial()
        self.step(Failed(error))
        return self.session.retry_at - self.now

    def healthy(self) -> None:
        self.dial()
        self.step(Opened(), DataSeen())
        self.now += 60.0
        self.step(DataSeen())
        assert self.session.state is State.HEALTHY


def test_a_connection_that_works_from_the_first_dial_to_the_stop() -> None:
    shell = Shell()

    assert shell.step(Tick()) == [Dial()]
    assert shell.step(Tick(), DataSeen()) == []
    assert shell.step(Opened()) == [Subscribe()]
    assert shell.state() is State.SUBSCRIBING
    shell.step(DataSeen())
    assert shell.state() is State.STREAMING
    shell.now += 59.9
    shell.step(DataSeen())
    assert shell.state() is State.STREAMING
    shell.now += 0.1
    shell.step(DataSeen())
    assert shell.state() is State.HEALTHY
    assert shell.step(Stop(), Stop()) == [Close("stopping")]
    assert shell.step(Failed(LOST)) == []
    assert shell.state() is State.STOPPED
    assert shell.session.connects == 1
    assert shell.session.last_error is None


def test_an_open_connection_without_data_is_never_proven() -> None:
    shell = Shell()
    shell.dial()
    shell.step(Opened())
    shell.now += 1_000.0
    shell.step(Tick())

    assert shell.state() is State.SUBSCRIBING
    shell.step(DataSeen())
    assert shell.state() is State.STREAMING  # the 60 s count from here


def test_waits_double_with_each_failure_and_are_capped() -> None:
    shell = Shell(Policy(breaker_failures=100))

    waits = [shell.fail() for _ in range(7)]

    for wait, least in zip(waits, [5, 10, 20, 40, 60, 60, 60], strict=True):
        assert least <= wait <= least + 1
    assert len({wait % 1 for wait in waits}) > 1  # jitter
    assert shell.session.last_error is REFUSED


@pytest.mark.parametrize(
    ("error", "wait"),
    [
        (UpgradeRejected(URL, 403), 300),
        (UpgradeRejected(URL, 451), 300),
        (UpgradeRejected(URL, 451, retry_after=1.0), 300),
        (UpgradeRejected(URL, 429), 60),
        (UpgradeRejected(URL, 418), 60),
        (UpgradeRejected(URL, 429, retry_after=120.0), 120),
        (UpgradeRejected(URL, 418, retry_after=90_000.0), 90_000),
        (UpgradeRejected(URL, 429, retry_after=0.0), 5),
        (UpgradeRejected(URL, 500), 5),
        (UpgradeRejected(URL, 503, retry_after=30.0), 5),
        (ConnectionLost(1008, "Too many requests"), 5),
        (REFUSED, 5),
    ],
)
def test_the_exchange_may_ask_for_a_longer_wait(error: ExchangeError, wait: float) -> None:
    assert wait <= Shell().fail(error) <= wait + 1


def test_a_retry_after_that_is_shorter_than_the_backoff_does_not_shorten_it() -> None:
    shell = Shell()
    for _ in range(3):
        shell.fail()

    assert 40 <= shell.fail(UpgradeRejected(URL, 429, retry_after=7.0)) <= 41


def test_the_breaker_opens_after_five_failures_and_lets_one_probe_through() -> None:
    shell = Shell(Policy(initial_delay=1.0, max_delay=4.0))
    for failure in range(1, 5):
        shell.fail()
        assert (shell.session.breaker, shell.session.failures) == ("closed", failure)
    wait = shell.fail()
    assert (shell.session.state, shell.session.breaker) == (State.BROKEN, "open")
    assert 60 <= wait <= 61

    shell.now += 59.0
    assert shell.step(Tick()) == []
    shell.dial()
    assert (shell.session.state, shell.session.breaker) == (State.PROBING, "half_open")
    assert shell.step(Tick()) == []
    shell.step(Failed(REFUSED))
    assert shell.session.breaker == "open"
    assert shell.session.retry_at - shell.now >= 60

    shell.dial()
    assert shell.step(Opened()) == [Subscribe()]
    assert shell.session.breaker == "closed"
    shell.step(Failed(LOST))  # it opened, but it did not last
    assert shell.session.breaker == "open"


def test_lasting_data_and_nothing_less_forgives_failures() -> None:
    shell = Shell()
    for _ in range(3):
        shell.fail()
    shell.dial()
    shell.step(Opened(), DataSeen())
    shell.now += 59.0
    shell.step(DataSeen(), Failed(LOST))
    assert shell.session.failures == 4

    shell.healthy()
    assert shell.session.failures == 0
    shell.step(Failed(LOST))
    assert shell.session.failures == 0
    assert 5 <= shell.session.retry_at - shell.now <= 6
    shell.fail()
    assert shell.session.failures == 1  # the failed dial after it counts


@pytest.mark.parametrize("stalls", [True, False])
def test_a_connection_that_was_healthy_is_no_failed_attempt_however_it_ends(stalls: bool) -> None:
    shell = Shell(Policy(max_attempts=1))
    for _ in range(3):
        shell.healthy()
        if stalls:
            assert shell.step(Stalled("no data")) == [Close("no data")]
        assert shell.step(Failed(LOST)) == []
        assert (shell.session.state, shell.session.failures) == (State.WAITING, 0)

    shell.dial()
    assert shell.step(Failed(REFUSED)) == [GiveUp(AttemptsExhausted(1, str(REFUSED)))]


@pytest.mark.parametrize("attempts", [1, 3, 5, 10])
def test_it_gives_up_at_exactly_the_attempts_allowed(attempts: int) -> None:
    shell = Shell(Policy(max_attempts=attempts))
    for _ in range(attempts - 1):
        shell.fail()
        assert shell.session.state in WAITS
    shell.dial()
    shell.step(Opened(), DataSeen())

    actions = shell.step(Failed(LOST))

    assert actions == [GiveUp(AttemptsExhausted(attempts, str(LOST)))]
    assert shell.session.state is State.EXHAUSTED
    shell.now += 1e6
    assert shell.step(Tick(), Opened(), Failed(LOST), Stop()) == []
    assert shell.session.state is State.EXHAUSTED
    assert len(shell.dials) == attempts


def test_without_a_limit_it_never_gives_up() -> None:
    shell = Shell()
    for _ in range(300):
        shell.fail()

    assert shell.session.state is State.BROKEN


def test_a_dead_connection_is_closed_once_and_then_replaced() -> None:
    shell = Shell()
    shell.dial()
    shell.step(Opened())

    assert shell.step(Stalled("neither frame nor ping")) == [Close("neither frame nor ping")]
    assert shell.step(Stalled("no data"), DataSeen(), Tick(), Opened()) == []
    shell.step(Failed(LOST))
    assert (shell.session.state, shell.session.failures) == (State.WAITING, 1)


@pytest.mark.parametrize("initial_delay", [0.0, 0.5, 5.0])
@pytest.mark.parametrize("data", [True, False])
def test_an_exchange_that_accepts_and_closes_gets_no_more_than_the_budget(
    initial_delay: float, data: bool
) -> None:
    shell = Shell(Policy(initial_delay=initial_delay, breaker_failures=10**6, max_delay=1.0))
    end = shell.now + 600.0
    while shell.session.wake_at(shell.now) < end:
        shell.dial()
        shell.step(Opened())
        if data:
            shell.step(DataSeen())
        shell.step(Failed(ConnectionLost(1000)))

    assert 30 < len(shell.dials) <= 60
    for first, later in zip(shell.dials, shell.dials[30:], strict=False):
        assert later >= first + 300.0


def test_with_the_usual_policy_ten_minutes_of_that_are_few_dials() -> None:
    shell = Shell()
    end = shell.now + 600.0
    while shell.session.wake_at(shell.now) < end:
        shell.dial()
        shell.step(Opened(), Failed(ConnectionLost(1000)))

    assert 5 <= len(shell.dials) <= 15


def test_connections_of_a_relay_share_the_budget() -> None:
    one, other = Shell(limit=3), Shell()
    other.session = Session(Policy(initial_delay=0.0), one.budget, Random(2))
    one.fail()
    other.fail()
    other.fail()

    assert one.step(Tick()) == []
    assert one.session.wake_at(one.now) == pytest.approx(one.dials[0] + 300.0)


EVENTS: tuple[Event, ...] = (
    Opened(),
    DataSeen(),
    Failed(LOST),
    Stalled("x"),
    ShutdownAnnounced(),
    Promoted(),
    Tick(),
    Stop(),
)


def reach(state: State) -> Shell:
    """Lead a session into a state, by events only."""
    shell = Shell(Policy(max_attempts=1 if state is State.EXHAUSTED else 0))
    if state is State.EXHAUSTED:
        shell.fail()
    if state in {State.BROKEN, State.PROBING}:
        for _ in range(5):
            shell.fail()
    if state in DIALS | OPEN | CLOSES:
        shell.dial()
    if state in OPEN | CLOSES:
        shell.step(Opened())
    if state in {State.STREAMING, State.HEALTHY}:
        shell.step(DataSeen())
    if state is State.HEALTHY:
        shell.now += 60.0
        shell.step(DataSeen())
    if state is State.LEAVING:
        shell.step(ShutdownAnnounced())
    if state is State.REPLACING:
        shell.step(Stalled("no data"))
    if state in {State.STOPPING, State.STOPPED}:
        shell.step(Stop())
    assert shell.session.state is state
    return shell


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_any_event_in_any_state_is_taken_or_ignored(state: State, event: Event) -> None:
    shell = reach(state)

    shell.step(event)

    assert shell.session.state is state or shell.session.state in TRANSITIONS[state].values()


@pytest.mark.parametrize("state", [state for state in State if state not in ENDS])
def test_stop_leads_to_the_end_from_every_state(state: State) -> None:
    shell = reach(state)

    actions = shell.step(Stop())

    assert actions == ([Close("stopping")] if state in OPEN else [])
    if state in OPEN | CLOSES:
        assert shell.state() is State.STOPPING
        shell.step(Failed(LOST))
    assert shell.state() is State.STOPPED
    assert shell.step(*EVENTS) == []
    assert shell.state() is State.STOPPED


def test_every_state_has_a_row_and_one_role() -> None:
    assert set(TRANSITIONS) == set(State)
    roles = [WAITS, DIALS, OPEN, CLOSES, ENDS]
    assert sorted(state for role in roles for state in role) == sorted(State)
    assert all(Trigger.STOP in row for state, row in TRANSITIONS.items() if state in WAITS | OPEN)
    assert [state for state, row in TRANSITIONS.items() if not row] == [
        state for state in State if state in ENDS
    ]


def test_the_diagram_shows_every_row() -> None:
    lines = [line.strip() for line in draw().splitlines()]

    assert lines[:2] == ["stateDiagram-v2", "[*] --> waiting"]
    rows = [
        f"{state} --> {target}: {trigger}"
        for state, row in TRANSITIONS.items()
        for trigger, target in row.items()
    ]
    ends = ["stopped --> [*]", "exhausted --> [*]"]
    assert lines[2:] == rows + ends

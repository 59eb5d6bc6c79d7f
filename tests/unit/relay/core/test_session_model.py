"""Arbitrary lives of several connections that share a budget, against the rules written once more."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from streamset_relay.core.backoff import ConnectBudget
from streamset_relay.core.session import (
    ENDS,
    OPEN,
    TRANSITIONS,
    WAITS,
    Action,
    Close,
    DataSeen,
    Dial,
    Event,
    Failed,
    GiveUp,
    Opened,
    Policy,
    Session,
    ShutdownAnnounced,
    Stalled,
    State,
    Stop,
    Subscribe,
    Tick,
)
from streamset_relay.errors import (
    ConnectFailed,
    ConnectionLost,
    ExchangeError,
    UpgradeRejected,
)

LIMIT, WINDOW = 4, 100.0
LIFETIME = 2_000.0
URL = "wss://exchange.test/stream"
ERRORS: tuple[ExchangeError, ...] = (
    ConnectFailed(URL, "refused"),
    ConnectionLost(1006),
    *(UpgradeRejected(URL, status) for status in (403, 418, 429, 451, 502)),
    *(UpgradeRejected(URL, 429, retry_after) for retry_after in (0.0, 7.0, 200.0)),
)


@dataclass
class Line:
    """One connection as the world sees it."""

    session: Session
    dialing: bool = False
    open: bool = False
    closing: bool = False
    stopping: bool = False
    leaving: bool = False
    opened_at: float = 0.0
    failures: int = 0
    data_since: float | None = None
    proven: bool = False
    may_dial_at: float = 0.0


def some(fits: Callable[[Line], bool], **arguments: Any) -> Callable[[Callable[..., None]], Any]:
    """A rule about one of the lines that fit; it is no choice while none does."""

    def decorate(about: Callable[..., None]) -> Any:
        def run(self: "SessionModel", which: int, **drawn: Any) -> None:
            fitting = [line for line in self.lines if fits(line)]
            about(self, fitting[which % len(fitting)], **drawn)

        def possible(self: "SessionModel") -> bool:
            return any(map(fits, self.lines))

        run.__name__ = about.__name__
        as_rule: Any = rule(which=st.integers(0, 2), **arguments)
        return precondition(possible)(as_rule(run))

    return decorate


class SessionModel(RuleBasedStateMachine):
    """Dials succeed or fail, connections live and die, time passes, some are stopped."""

    @initialize(
        seed=st.integers(0, 1_000),
        max_attempts=st.sampled_from([0, 0, 3, 7]),
        initial_delay=st.sampled_from([0.0, 0.25, 5.0]),
        breaker_failures=st.integers(1, 5),
    )
    def start(
        self, seed: int, max_attempts: int, initial_delay: float, breaker_failures: int
    ) -> None:
        self.policy = Policy(
            initial_delay=initial_delay,
            max_delay=30.0,
            max_attempts=max_attempts,
            breaker_failures=breaker_failures,
            lifetime=LIFETIME,
        )
        self.budget = ConnectBudget(LIMIT, WINDOW)
        self.lines = [Line(Session(self.policy, self.budget, Random(seed))) for _ in range(3)]
        self.now = 0.0
        self.dials: list[float] = []

    def step(self, line: Line, event: Event) -> list[Action]:
        before = line.session.state
        actions = line.session.step(event, self.now)
        after = line.session.state
        if after is not before:
            assert after in TRANSITIONS[before].values()
        for action in actions:
            match action:
                case Dial():
                    self._dialed(line)
                case Close():
                    assert line.open
                    assert not line.closing
                    line.closing = True
                case Subscribe():
                    assert line.open
                case GiveUp(error):
                    assert error.attempts == line.failures == self.policy.max_attempts
        return actions

    def _dialed(self, line: Line) -> None:
        assert not line.dialing
        assert not line.open
        assert not line.stopping
        assert self.now >= line.may_dial_at
        line.dialing = True
        line.proven = False
        self.dials.append(self.now)
        if len(self.dials) > LIMIT:
            assert self.now >= self.dials[-LIMIT - 1] + WINDOW

    @some(lambda line: line.session.state in WAITS)
    def wake_on_time(self, line: Line) -> None:
        self.now = max(self.now, line.session.wake_at(self.now))
        assert self.step(line, Tick()) == [Dial()]

    @rule(seconds=st.sampled_from([0.0, 0.1, 1.0, 5.0, 29.0, 60.0, 400.0]))
    def let_time_pass(self, seconds: float) -> None:
        self.now += seconds
        for line in self.lines:
            self.step(line, Tick())
            self._age(line)

    @some(lambda line: line.dialing)
    def finish_dial(self, line: Line) -> None:
        line.dialing, line.open, line.data_since = False, True, None
        line.opened_at = self.now
        assert self.step(line, Opened()) == [Subscribe()]

    @some(lambda line: line.dialing, error=st.sampled_from(ERRORS))
    def fail_dial(self, line: Line, error: ExchangeError) -> None:
        self._fail(line, error)

    @some(
        lambda line: line.session.state in WAITS,
        error=st.sampled_from(ERRORS),
        dials=st.integers(2, 5),
    )
    def fail_dials(self, line: Line, error: ExchangeError, dials: int) -> None:
        while dials and line.session.state in WAITS:
            self.now = max(self.now, line.session.wake_at(self.now))
            assert self.step(line, Tick()) == [Dial()]
            self._fail(line, error)
            dials -= 1

    @some(
        lambda line: line.open, error=st.sampled_from([ConnectionLost(1000), ConnectionLost(1008)])
    )
    def lose_connection(self, line: Line, error: ExchangeError) -> None:
        self._fail(line, error)

    def _fail(self, line: Line, error: ExchangeError) -> None:
        line.dialing = line.open = line.closing = False
        line.stopping |= line.leaving
        if not line.stopping:
            line.failures = 0 if line.proven else line.failures + 1
        actions = self.step(line, Failed(error))
        if line.stopping:
            assert line.session.state is State.STOPPED
        elif self.policy.max_attempts and line.failures >= self.policy.max_attempts:
            assert [type(action) for action in actions] == [GiveUp]
            assert line.session.state is State.EXHAUSTED
        else:
            self._waits(line, error)

    def _waits(self, line: Line, error: ExchangeError) -> None:
        """The wait is the longest of what the rules ask for, and at most a second more."""
        policy = self.policy
        doublings = max(line.failures, 1) - 1
        waits = [min(policy.initial_delay * 2**doublings, policy.max_delay)]
        if isinstance(error, UpgradeRejected):
            if error.status in {403, 451}:
                waits.append(300.0)
            if error.status in {418, 429}:
                waits.append(60.0 if error.retry_after is None else error.retry_after)
        broken = line.failures >= policy.breaker_failures
        if broken:
            waits.append(60.0)
        wait = line.session.retry_at - self.now
        assert max(waits) - 1e-6 <= wait <= max(waits) + 1.0
        assert line.session.breaker == ("open" if broken else "closed")
        assert line.session.failures == line.failures
        line.may_dial_at = self.now + max(waits) - 1e-6

    @some(
        lambda line: line.open and not line.closing and not line.leaving,
        seconds=st.sampled_from([0.0, 20.0, 59.0, 60.0, 61.0]),
    )
    def see_data(self, line: Line, seconds: float) -> None:
        if line.data_since is None:
            line.data_since = self.now
        for pause in (0.0, seconds):
            self.now += pause
            self.step(line, DataSeen())
        if self.now - line.data_since >= self.policy.healthy_after:
            line.proven, line.failures = True, 0
        assert line.session.state is (State.HEALTHY if line.proven else State.STREAMING)

    @some(lambda line: line.open and not line.closing)
    def stall(self, line: Line) -> None:
        assert self.step(line, Stalled("no data")) == [Close("no data")]
        line.stopping |= line.leaving

    @some(lambda line: line.open and not line.closing, chance=st.integers(0, 4))
    def announce_the_end(self, line: Line, chance: int) -> None:
        if not chance:
            assert self.step(line, ShutdownAnnounced()) == []
            line.leaving = True

    def _age(self, line: Line) -> None:
        """A connection leaves in the last tenth of its life."""
        if line.open and not line.closing and not line.leaving:
            line.leaving = line.session.state is State.LEAVING
            age = self.now - line.opened_at
            assert line.leaving or age < LIFETIME
            assert not line.leaving or age >= 0.9 * LIFETIME

    @some(lambda line: True, event=st.sampled_from([Opened(), DataSeen(), Stalled("x")]))
    def hear_nonsense(self, line: Line, event: Event) -> None:
        """Events that cannot mean anything now, as a late callback may bring them."""
        if line.dialing or line.open:
            event = Opened() if line.open else DataSeen()
        before = line.session.state
        assert self.step(line, event) == []
        assert line.session.state is before

    @some(lambda line: line.session.state not in ENDS, chance=st.integers(0, 9))
    def stop(self, line: Line, chance: int) -> None:
        if chance:
            return
        close = line.open and not line.closing
        line.stopping = True
        assert self.step(line, Stop()) == ([Close("stopping")] if close else [])
        line.dialing = False  # the shell cancels the dial
        assert line.session.state is (State.STOPPING if line.open else State.STOPPED)

    @invariant()
    def state_and_world_agree(self) -> None:
        for line in self.lines:
            state = line.session.state
            assert (state in OPEN) == (line.open and not line.closing)
            assert (state in WAITS | ENDS) == (not line.dialing and not line.open)
            assert (state is State.LEAVING) == (
                line.leaving and line.open and not line.closing and not line.stopping
            )
            wait = line.session.wake_at(self.now) - self.now
            assert math.isfinite(wait)
            assert wait <= 301.0


TestSessionModel = SessionModel.TestCase
TestSessionModel.settings = settings(deadline=None, max_examples=40, stateful_step_count=50)


def test_every_row_of_the_table_happens() -> None:
    """A long random life, the same in every run, goes through each row at least once."""
    table = {(state, target) for state, row in TRANSITIONS.items() for target in row.values()}
    assert len(table) == sum(len(set(row)) for row in TRANSITIONS.values())  # a pair is a row
    random, seen = Random(7), set()
    for life in range(2_000):
        policy = Policy(
            max_attempts=random.choice([0, 2, 4, 9]), breaker_failures=random.choice([1, 3, 5])
        )
        session, now = Session(policy, ConnectBudget(30, 300.0), Random(life)), 0.0
        for _ in range(60):
            now += random.choice([0.0, 1.0, 30.0, 60.0, 300.0])
            failed = Failed(random.choice(ERRORS))
            events: list[Event] = [Tick(), Tick(), Opened(), DataSeen(), Stalled("x"), failed]
            rare: dict[int, Event] = {0: Stop(), 1: ShutdownAnnounced()}
            event = rare.get(random.randrange(100)) or random.choice(events)
            before = session.state
            session.step(event, now)
            if session.state is not before:
                seen.add((before, session.state))

    assert seen == table

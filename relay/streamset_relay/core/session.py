"""The life of one WebSocket connection: a state machine without I/O.

The shell performs what `Session.step` returns and reports back what came of it. Everything that decides a
transition is in this file. The circuit breaker towards the exchange is a name for some of the states.
"""

from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final, TypeAlias

from ..errors import (
    AttemptsExhausted,
    ExchangeError,
    UpgradeRejected,
)
from .backoff import ConnectBudget, delay


class State(StrEnum):
    """Where a connection is."""

    WAITING = "waiting"  # for the backoff and the connect budget
    CONNECTING = "connecting"
    SUBSCRIBING = "subscribing"  # open, no data yet: an acknowledgement proves nothing
    STREAMING = "streaming"  # data comes
    HEALTHY = "healthy"  # data has come for long enough; earlier failures are forgotten
    LEAVING = "leaving"  # open until another connection has taken over; it does not come back
    BROKEN = "broken"  # too many failures in a row: the breaker is open
    PROBING = "probing"  # connecting once to see whether the exchange is back
    REPLACING = "replacing"  # closing a connection that went dead
    STOPPING = "stopping"  # closing for good
    STOPPED = "stopped"
    EXHAUSTED = "exhausted"  # gave up


class Trigger(StrEnum):
    """What moves it."""

    DUE = "backoff over, budget left"
    OPENED = "handshake done"
    DATA = "first data frame"
    PROVEN = "data for 60 s"
    STALLED = "went silent"
    EXPIRED = "too old, or shutdown announced"
    FAILED = "failed or closed"
    TRIPPED = "failed 5 times in a row"
    GAVE_UP = "attempts exhausted"
    STOP = "stop"


_S, _T = State, Trigger
_FAILURES: Final = {
    _T.FAILED: _S.WAITING,
    _T.TRIPPED: _S.BROKEN,
    _T.GAVE_UP: _S.EXHAUSTED,
}

TRANSITIONS: Final[dict[State, dict[Trigger, State]]] = {
    _S.WAITING: {_T.DUE: _S.CONNECTING, _T.STOP: _S.STOPPED},
    _S.CONNECTING: {_T.OPENED: _S.SUBSCRIBING, **_FAILURES, _T.STOP: _S.STOPPED},
    _S.SUBSCRIBING: {
        _T.DATA: _S.STREAMING,
        _T.STALLED: _S.REPLACING,
        _T.EXPIRED: _S.LEAVING,
        **_FAILURES,
        _T.STOP: _S.STOPPING,
    },
    _S.STREAMING: {
        _T.PROVEN: _S.HEALTHY,
        _T.STALLED: _S.REPLACING,
        _T.EXPIRED: _S.LEAVING,
        **_FAILURES,
        _T.STOP: _S.STOPPING,
    },
    _S.HEALTHY: {
        _T.STALLED: _S.REPLACING,
        _T.EXPIRED: _S.LEAVING,
        _T.FAILED: _S.WAITING,
        _T.STOP: _S.STOPPING,
    },
    _S.LEAVING: {_T.FAILED: _S.STOPPED, _T.STOP: _S.STOPPING},
    _S.BROKEN: {_T.DUE: _S.PROBING, _T.STOP: _S.STOPPED},
    _S.PROBING: {
        _T.OPENED: _S.SUBSCRIBING,
        _T.TRIPPED: _S.BROKEN,
        _T.GAVE_UP: _S.EXHAUSTED,
        _T.STOP: _S.STOPPED,
    },
    _S.REPLACING: {**_FAILURES, _T.STOP: _S.STOPPING},
    _S.STOPPING: {_T.FAILED: _S.STOPPED},
    _S.STOPPED: {},
    _S.EXHAUSTED: {},
}

WAITS: Final = frozenset({State.WAITING, State.BROKEN})
DIALS: Final = frozenset({State.CONNECTING, State.PROBING})
STAYS: Final = frozenset({State.SUBSCRIBING, State.STREAMING, State.HEALTHY})
OPEN: Final = STAYS | {State.LEAVING}
CLOSES: Final = frozenset({State.REPLACING, State.STOPPING})
LASTS: Final = frozenset({State.LEAVING, State.STOPPING})  # their end is the last
ENDS: Final = frozenset({State.STOPPED, State.EXHAUSTED})

_BREAKER: Final = {State.BROKEN: "open", State.PROBING: "half_open"}


@dataclass(frozen=True)
class Opened:
    """The handshake is done."""


@dataclass(frozen=True)
class DataSeen:
    """A data frame came. Wanted once a connection and again on each tick with data, not for every frame."""


@dataclass(frozen=True)
class Failed:
    """The dial failed, or the open connection ended."""

    error: ExchangeError


@dataclass(frozen=True)
class Stalled:
    """The connection is open and dead."""

    reason: str


@dataclass(frozen=True)
class ShutdownAnnounced:
    """The exchange is about to end this connection (event `serverShutdown`)."""


@dataclass(frozen=True)
class Promoted:
    """The spare connection has taken over: from now on it is the one that counts."""


@dataclass(frozen=True)
class Tick:
    """Time went by."""


@dataclass(frozen=True)
class Stop:
    """Close for good."""

    reason: str = "stopping"


Event: TypeAlias = Opened | DataSeen | Failed | Stalled | ShutdownAnnounced | Promoted | Tick | Stop


@dataclass(frozen=True)
class Dial:
    """Open the connection."""


@dataclass(frozen=True)
class Subscribe:
    """The connection is new: nothing is subscribed on it."""


@dataclass(frozen=True)
class Close:
    """Close the connection; report its end as `Failed`."""

    reason: str


@dataclass(frozen=True)
class GiveUp:
    """End the process: no attempt is left."""

    error: AttemptsExhausted


Action: TypeAlias = Dial | Subscribe | Close | GiveUp


@dataclass(frozen=True)
class Policy:
    """The times and limits of a session, in seconds. `max_attempts` 0 never gives up."""

    initial_delay: float = 5.0
    max_delay: float = 60.0
    max_attempts: int = 0
    healthy_after: float = 60.0
    breaker_failures: int = 5
    breaker_open: float = 60.0
    forbidden_delay: float = 300.0  # HTTP 403 and 451: asking again soon changes nothing
    rate_limited_delay: float = 60.0  # HTTP 418 and 429 without Retry-After
    lifetime: float = 82_800.0  # the exchange cuts a connection at 24 h
    lifetime_jitter: float = 0.1  # share of it by which its end comes sooner, at random


class Session:
    """One connection's state, and why.

    `failures` counts connects in a row without lasting data; `retry_at` is when the next may start. A `spare`
    has another connection to replace: it tries for as long as that takes, and does not age.
    """

    def __init__(self, policy: Policy, budget: ConnectBudget, random: Random) -> None:
        self._policy = policy
        self._budget = budget
        self._random = random
        self.spare = False
        self.state = State.WAITING
        self.failures = 0
        self.connects = 0
        self.retry_at = 0.0
        self.last_error: ExchangeError | None = None
        self.told = False  # the exchange has announced the end of this connection
        self._data_since = 0.0
        self._proven = False
        self._expires_at = 0.0

    def successor(self, now: float) -> "Session":
        """A spare session that is to take over from this one.

        The second connection in a row that leaves before it was healthy counts as a failure: an exchange that
        announces the end of each new connection is not asked for one after the other.
        """
        spare = Session(self._policy, self._budget, self._random)
        spare.spare = True
        if not self._proven:
            spare.failures = self.failures + 1
            spare.retry_at = now + (self._wait(self.failures) if self.failures else 0.0)
        return spare

    @property
    def breaker(self) -> str:
        """`closed`, `open` or `half_open`."""
        return _BREAKER.get(self.state, "closed")

    def wake_at(self, now: float) -> float:
        """When a waiting session wants its next `Tick`: after the backoff, and when the budget has a connect."""
        return max(self.retry_at, self._budget.available_at(now))

    def step(self, event: Event, now: float) -> list[Action]:
        """Take an event at time `now`; an event that means nothing in this state does nothing."""
        match event:
            case Tick() if self.state in WAITS and now >= self.wake_at(now):
                self._budget.spend(now)
                self.connects += 1
                self._proven = False
                self._move(Trigger.DUE)
                return [Dial()]
            case Opened() if self.state in DIALS:
                self.told = False
                jitter = self._policy.lifetime_jitter * self._random.random()
                self._expires_at = now + self._policy.lifetime * (1 - jitter)
                self._move(Trigger.OPENED)
                return [Subscribe()]
            case DataSeen() if self.state in OPEN:
                self._data(now)
            case Tick() if self.state in STAYS:
                self._expire(now)
            case ShutdownAnnounced() if self.state in OPEN:
                self.told = True
                self._expire(now)
            case Promoted():
                self.spare = False
                self._expire(now)
            case Stalled(reason) if self.state in OPEN:
                leaves = self.state is State.LEAVING
                self._move(Trigger.STOP if leaves else Trigger.STALLED)
                return [Close(reason)]
            case Failed(error):
                return self._fail(error, now)
            case Stop(reason) if self.state not in CLOSES | ENDS:
                was_open = self.state in OPEN
                self._move(Trigger.STOP)
                return [Close(reason)] if was_open else []
            case Stop() if self.state is State.REPLACING:
                self._move(Trigger.STOP)
        return []

    def _data(self, now: float) -> None:
        if self.state is State.SUBSCRIBING:
            self._data_since = now
            self._move(Trigger.DATA)
        elif self.state is State.STREAMING and now - self._data_since >= self._policy.healthy_after:
            self.failures = 0
            self._proven = True
            self._move(Trigger.PROVEN)

    def _expire(self, now: float) -> None:
        due = self.told or now >= self._expires_at
        if due and not self.spare and self.state in STAYS:
            self._move(Trigger.EXPIRED)

    def _fail(self, error: ExchangeError, now: float) -> list[Action]:
        if self.state in WAITS | ENDS:
            return []
        if self.state in LASTS:
            self._move(Trigger.FAILED)
            return []
        policy = self._policy
        self.last_error = error
        self.failures = 0 if self._proven else self.failures + 1
        exhausted = policy.max_attempts and self.failures >= policy.max_attempts
        if exhausted and not self._proven and not self.spare:
            self._move(Trigger.GAVE_UP)
            return [GiveUp(AttemptsExhausted(self.failures, str(error)))]
        wait = max(self._wait(max(self.failures, 1)), self._penalty(error))
        if self.failures >= policy.breaker_failures:
            self._move(Trigger.TRIPPED)
            wait = max(wait, policy.breaker_open)
        else:
            self._move(Trigger.FAILED)
        self.retry_at = now + wait
        return []

    def _wait(self, failures: int) -> float:
        policy = self._policy
        jitter = self._random.random() * min(1.0, policy.initial_delay)
        return delay(failures, policy.initial_delay, policy.max_delay, jitter)

    def _penalty(self, error: ExchangeError) -> float:
        """The least wait that the exchange asks for."""
        match error:
            case UpgradeRejected(status=403 | 451):
                return self._policy.forbidden_delay
            case UpgradeRejected(status=418 | 429, retry_after=asked):
                return self._policy.rate_limited_delay if asked is None else asked
            case _:
                return 0.0

    def _move(self, trigger: Trigger) -> None:
        self.state = TRANSITIONS[self.state][trigger]


def draw() -> str:
    """The table as a Mermaid state diagram, for ARCHITECTURE.md."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.WAITING.value}"]
    for state, row in TRANSITIONS.items():
        for trigger, target in row.items():
            lines.append(f"    {state.value} --> {target.value}: {trigger.value}")
    lines += [f"    {state.value} --> [*]" for state in State if state in ENDS]
    return "\n".join(lines) + "\n"

"""The life of the link to NATS: a state machine without I/O.

`CoreSink` performs the activity of the current state and reports what came of it. One state is one
activity, so there is never a second connect under way. The circuit breaker towards NATS is a name
for some of the states: it stops publishing, never reconnecting, and only a PONG closes it.
"""

from enum import StrEnum
from random import Random
from typing import Final, Literal, NamedTuple, TypeAlias

FIRST_DELAY: Final = 0.1
"""Seconds before the first reconnect. NATS is ours, one hop away, and often just restarting."""

Breaker: TypeAlias = Literal["closed", "open", "half_open"]


class LinkStatus(NamedTuple):
    """How it stands with NATS: a snapshot."""

    connected: bool
    """Whether messages are taken, as far as is known."""
    breaker: Breaker
    """`closed` lets messages out; `half_open` while it is tried; `open` otherwise."""
    reconnects: int
    """Connections made after the first."""
    failure: str | None
    """A short name of what went wrong last."""
    last_error: str | None
    """The same in words."""


class State(StrEnum):
    """Where the link is."""

    CONNECTING = "connecting"
    PROBING = "probing"  # connected; one PING has to come back before anything is published
    CONNECTED = "connected"
    LEAVING = "leaving"  # the connection is to be replaced: it still serves meanwhile
    SUSPECT = "suspect"  # a PING stayed unanswered: half-open, or as good as dead
    WAITING = "waiting"  # for the backoff
    STOPPED = "stopped"


class Trigger(StrEnum):
    """What moves it."""

    OPENED = "handshake done"
    FAILED = "no connection"
    PONG = "PONG"
    UNANSWERED = "no PONG in time"
    LOST = "connection ended"
    LAME_DUCK = "server announced its end"
    ROTATED = "credentials changed"
    REPLACED = "successor found"
    DUE = "backoff over"
    STOP = "stop"


_S, _T = State, Trigger

TRANSITIONS: Final[dict[State, dict[Trigger, State]]] = {
    _S.CONNECTING: {
        _T.OPENED: _S.PROBING,
        _T.FAILED: _S.WAITING,
        _T.STOP: _S.STOPPED,
    },
    _S.PROBING: {
        _T.PONG: _S.CONNECTED,
        _T.UNANSWERED: _S.SUSPECT,
        _T.LOST: _S.WAITING,
        _T.STOP: _S.STOPPED,
    },
    _S.CONNECTED: {
        _T.PONG: _S.CONNECTED,
        _T.LAME_DUCK: _S.LEAVING,
        _T.ROTATED: _S.LEAVING,
        _T.UNANSWERED: _S.SUSPECT,
        _T.LOST: _S.WAITING,
        _T.STOP: _S.STOPPED,
    },
    _S.LEAVING: {
        _T.REPLACED: _S.CONNECTING,
        _T.UNANSWERED: _S.SUSPECT,
        _T.LOST: _S.WAITING,
        _T.STOP: _S.STOPPED,
    },
    _S.SUSPECT: {
        _T.LOST: _S.WAITING,
        _T.STOP: _S.STOPPED,
    },
    _S.WAITING: {
        _T.DUE: _S.CONNECTING,
        _T.STOP: _S.STOPPED,
    },
    _S.STOPPED: {},
}

PUBLISHES: Final = frozenset({State.CONNECTED, State.LEAVING})

_BREAKER: Final[dict[State, Breaker]] = {
    State.CONNECTING: "half_open",
    State.PROBING: "half_open",
    State.CONNECTED: "closed",
    State.LEAVING: "closed",
    State.SUSPECT: "open",
    State.WAITING: "open",
    State.STOPPED: "open",
}


class NatsLink:
    """The link's state, and when it may connect again.

    `failures` counts attempts in a row that brought no connection, or one that did not last for
    `backoff_max` seconds: a server that accepts and cuts at once is not hammered either.
    """

    def __init__(self, backoff_max: float, random: Random) -> None:
        self._backoff_max = backoff_max
        self._random = random
        self._connected_at: float | None = None
        self.state = State.CONNECTING
        self.failures = 0
        self.retry_at = 0.0

    @property
    def breaker(self) -> Breaker:
        """`closed` lets messages out; `half_open` while a connection is tried; `open` otherwise."""
        return _BREAKER[self.state]

    @property
    def publishes(self) -> bool:
        """Whether messages may be written: connected, and a PONG has come."""
        return self.state in PUBLISHES

    def step(self, trigger: Trigger, now: float) -> State:
        """Move; `now` is in seconds of a clock that never goes back.

        Raises KeyError when the trigger means nothing in this state: the shell reports what came of
        the one activity it performs, so that would be a bug in it.
        """
        self.state = TRANSITIONS[self.state][trigger]
        if self.state is State.CONNECTED and self._connected_at is None:
            self._connected_at = now
        elif self.state is State.WAITING:
            self._fail(now)
        return self.state

    def _fail(self, now: float) -> None:
        lasted = self._connected_at is not None and now - self._connected_at >= self._backoff_max
        self._connected_at = None
        self.failures = 1 if lasted else self.failures + 1
        self.retry_at = now + backoff(self.failures, self._backoff_max, self._random)


def backoff(failures: int, maximum: float, random: Random) -> float:
    """Seconds to wait after the nth failure in a row: doubling, at most `maximum`.

    Half of it is random, so that the relays of a restarted server do not return in step.
    """
    ceiling: float = min(maximum, FIRST_DELAY * 2 ** min(failures - 1, 16))
    return ceiling * random.uniform(0.5, 1.0)


def draw() -> str:
    """The table as a Mermaid state diagram, for ARCHITECTURE.md."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.CONNECTING.value}"]
    for state, row in TRANSITIONS.items():
        for trigger, target in row.items():
            lines.append(f"    {state.value} --> {target.value}: {trigger.value}")
    lines.append(f"    {State.STOPPED.value} --> [*]")
    return "\n".join(lines) + "\n"

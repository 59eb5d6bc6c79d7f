"""Delivery into a JetStream stream, on top of the link to NATS: a state machine without I/O.

`JetStreamSink` performs the activity of the current state and reports what came of it. Messages leave
in `open` only, and every way there leads through `checking`: the stream is asked for at each connect,
and whenever it refused something or did not answer.
"""

from enum import StrEnum
from random import Random
from typing import Final

from .nats_link import Breaker, backoff

PATIENCE: Final = 2
"""Pauses in a row after which it is no hiccup."""


class State(StrEnum):
    """Where delivery is."""

    AWAY = "away"  # no connection
    CHECKING = "checking"  # is the stream there, and as it should be?
    OPEN = "open"  # messages flow; first those that are to be written again
    SETTLING = "settling"  # something was refused: nothing more until the rest has been answered
    PAUSED = "paused"  # letting the stream recover, or somebody mend it
    STOPPED = "stopped"


class Trigger(StrEnum):
    """What moves it."""

    UP = "connected"
    DOWN = "connection lost"
    RIGHT = "stream is right"
    WRONG = "stream is not right"
    REFUSED = "message refused"
    OVERDUE = "answer overdue"
    SETTLED = "rest answered"
    DUE = "pause over"
    STOP = "stop"


_S, _T = State, Trigger

TRANSITIONS: Final[dict[State, dict[Trigger, State]]] = {
    _S.AWAY: {
        _T.UP: _S.CHECKING,
        _T.STOP: _S.STOPPED,
    },
    _S.CHECKING: {
        _T.RIGHT: _S.OPEN,
        _T.WRONG: _S.PAUSED,
        _T.DOWN: _S.AWAY,
        _T.STOP: _S.STOPPED,
    },
    _S.OPEN: {
        _T.REFUSED: _S.SETTLING,
        _T.OVERDUE: _S.PAUSED,
        _T.DOWN: _S.AWAY,
        _T.STOP: _S.STOPPED,
    },
    _S.SETTLING: {
        _T.SETTLED: _S.PAUSED,
        _T.OVERDUE: _S.PAUSED,
        _T.DOWN: _S.AWAY,
        _T.STOP: _S.STOPPED,
    },
    _S.PAUSED: {
        _T.DUE: _S.CHECKING,
        _T.DOWN: _S.AWAY,
        _T.STOP: _S.STOPPED,
    },
    _S.STOPPED: {},
}

_BREAKER: Final[dict[State, Breaker]] = {
    State.AWAY: "open",
    State.CHECKING: "half_open",
    State.OPEN: "closed",
    State.SETTLING: "open",
    State.PAUSED: "open",
    State.STOPPED: "open",
}


class Delivery:
    """The state, and how long a pause is: it doubles until the stream takes something again."""

    def __init__(self, pause_max: float, random: Random) -> None:
        self._pause_max = pause_max
        self._random = random
        self.state = State.AWAY
        self.failures = 0
        self.retry_at = 0.0

    @property
    def stuck(self) -> bool:
        """Whether trying again has not helped: no message was taken since the pause before the last."""
        return self.failures >= PATIENCE

    @property
    def breaker(self) -> Breaker:
        """`closed` lets messages out; `half_open` while the stream is checked; `open` otherwise."""
        return _BREAKER[self.state]

    def step(self, trigger: Trigger, now: float) -> State:
        """Move; `now` is in seconds of a clock that never goes back.

        Raises KeyError when the trigger means nothing in this state: a bug of the shell.
        """
        self.state = TRANSITIONS[self.state][trigger]
        if self.state is State.PAUSED:
            self.failures += 1
            self.retry_at = now + backoff(self.failures, self._pause_max, self._random)
        return self.state

    def succeeded(self) -> None:
        """The stream took a message: the next pause is a short one."""
        self.failures = 0


def draw() -> str:
    """The table as a Mermaid state diagram, for ARCHITECTURE.md."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.AWAY.value}"]
    for state, row in TRANSITIONS.items():
        for trigger, target in row.items():
            lines.append(f"    {state.value} --> {target.value}: {trigger.value}")
    lines.append(f"    {State.STOPPED.value} --> [*]")
    return "\n".join(lines) + "\n"

"""One stream on two connections: which of the new one's events the old one has delivered.

Both deliver the same sequence, each in order, one of them ahead. Numbered events are compared by their numbers:
whatever the old connection has passed is done with, also when the two never show the same number (partial books).
All others are compared for equality of their hashes; without any equal pair, their event times decide, where they
have one.
"""

from collections import Counter, deque
from typing import Final, NamedTuple, Protocol

from .classify import Message

#: Hashes of the old connection's events that are remembered per stream.
MEMORY: Final = 10_000


class Held(NamedTuple):
    """A message of the new connection; `arrival` orders all of them."""

    arrival: int
    received_at: int
    arrived: float
    event_time: int
    """As sent, 0 where the event shows none."""
    message: Message


class Lane(Protocol):
    """What a handover knows of a stream. Methods that give lists give messages that are held no longer."""

    aligned: bool
    """An event was seen on both connections, or two that follow each other."""
    led_at: float | None
    """When the old connection first delivered it."""
    followed: bool
    """Whether the new connection ever delivered it."""

    def old(self, identity: int, event_time: int) -> list[Held]:
        """The old connection delivered an event; gives the messages which that makes duplicates."""

    def new(self, held: Held) -> list[Held]:
        """The new connection delivered one: hold it; gives the messages that turn out to be duplicates."""

    def clear(self) -> list[Held]:
        """Hold nothing; gives what was held."""

    def switch(self) -> tuple[list[Held], list[Held]]:
        """From now on the new connection leads; gives what goes on, and what something later has overtaken."""

    def expects(self, held: Held) -> bool:
        """After the switch: whether the old connection has delivered this event of the new one."""

    @property
    def caught_up(self) -> bool:
        """After the switch: whether all that is to come is new."""


class Numbered:
    """A lane of numbered events; `last` is the number that the old connection delivered last, -1 if none."""

    def __init__(self, last: int) -> None:
        self.aligned = False
        self.led_at: float | None = None
        self.followed = False
        self.caught_up = False
        self._last = last
        self._newest = -1
        self._ahead: deque[Held] = deque()

    def old(self, identity: int, event_time: int) -> list[Held]:
        """See `Lane`."""
        del event_time
        self._last = identity
        passed: list[Held] = []
        while self._ahead and self._ahead[0].message[2] <= identity:
            passed.append(self._ahead.popleft())
            self.aligned = True
        return passed

    def new(self, held: Held) -> list[Held]:
        """See `Lane`."""
        self._newest = number = held.message[2]
        self.aligned |= 0 <= self._last >= number - 1  # between two that follow there is no other
        if number <= self._last:
            return [held]
        self._ahead.append(held)
        return []

    def clear(self) -> list[Held]:
        """See `Lane`."""
        held = list(self._ahead)
        self._ahead.clear()
        return held

    def switch(self) -> tuple[list[Held], list[Held]]:
        """See `Lane`. What is held is beyond the last number."""
        self.caught_up = self._newest >= self._last
        return self.clear(), []

    def expects(self, held: Held) -> bool:
        """See `Lane`."""
        number = held.message[2]
        restarted = number < self._newest
        self._newest = number
        self.caught_up |= restarted or number > self._last
        return not self.caught_up


class Hashed:
    """A lane of events that only their payload names."""

    def __init__(self) -> None:
        self.aligned = False
        self.led_at: float | None = None
        self.followed = False
        self._ahead: deque[Held] = deque()
        self._hashes: Counter[int] = Counter()  # of those ahead
        self._behind: dict[int, None] = {}  # what the new connection has yet to deliver, in order
        self._time = 0

    def old(self, identity: int, event_time: int) -> list[Held]:
        """See `Lane`."""
        self._time = event_time
        if identity not in self._hashes:
            self._behind[identity] = None
            if len(self._behind) > MEMORY:
                del self._behind[next(iter(self._behind))]
            return []
        self.aligned = True
        self._behind.clear()  # they came before what the new connection began with
        passed: list[Held] = []
        while not passed or passed[-1].message[2] != identity:
            passed.append(self._ahead.popleft())
            self._uncount(passed[-1].message[2])
        return passed

    def new(self, held: Held) -> list[Held]:
        """See `Lane`."""
        if self._delivered(held.message[2]):
            self.aligned = True
            return [*self.clear(), held]  # those before it are older still
        self._ahead.append(held)
        self._hashes[held.message[2]] += 1
        return []

    def clear(self) -> list[Held]:
        """See `Lane`."""
        held = list(self._ahead)
        self._ahead.clear()
        self._hashes.clear()
        return held

    def switch(self) -> tuple[list[Held], list[Held]]:
        """See `Lane`."""
        going: list[Held] = []
        overtaken: list[Held] = []
        for held in self.clear():
            (overtaken if self._overtaken(held) else going).append(held)
        return going, overtaken

    def expects(self, held: Held) -> bool:
        """See `Lane`."""
        if self._delivered(held.message[2]) or self._overtaken(held):
            return True
        if self.aligned:
            self._behind.clear()
        return False

    @property
    def caught_up(self) -> bool:
        """See `Lane`."""
        return not self._behind

    def _delivered(self, identity: int) -> bool:
        """Whether the old connection has delivered it; if so, what it delivered before is not to come either."""
        if identity not in self._behind:
            return False
        while (first := next(iter(self._behind))) != identity:
            del self._behind[first]
        del self._behind[identity]
        return True

    def _overtaken(self, held: Held) -> bool:
        """Whether the old connection has delivered a later one; of aligned lanes, equality tells."""
        return not self.aligned and 0 < held.event_time < self._time

    def _uncount(self, identity: int) -> None:
        self._hashes[identity] -= 1
        if not self._hashes[identity]:
            del self._hashes[identity]

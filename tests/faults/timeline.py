"""What an independent subscriber sees of numbered streams: what is missing, double or out of order, and every pause."""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.subscriber import Received, Subscriber

NUMBERS = {"trade": "t", "aggTrade": "a", "depth": "u", "bookTicker": "u"}
"""Kind of channel to the member that numbers its events; all others are told apart by their time."""


@dataclass
class Line:
    """One stream in the order in which it came. `doubled` and `reordered` are numbers that came again, or late."""

    first: int
    last: int = -1
    count: int = 0
    doubled: list[int] = field(default_factory=list)
    reordered: list[int] = field(default_factory=list)
    longest: float = 0.0
    """Seconds between two messages, at most."""
    at: float = 0.0

    def add(self, number: int, now: float) -> None:
        """The next message."""
        if number == self.last:
            self.doubled.append(number)
        elif number < self.last:
            self.reordered.append(number)
        self.longest = max(self.longest, now - self.at)
        self.last, self.at = max(number, self.last), now
        self.count += 1


class Timeline:
    """All streams of a number of messages, live or stored."""

    def __init__(self) -> None:
        self.lines: dict[str, Line] = {}

    def add(self, payload: bytes, now: float) -> None:
        """Take an envelope that arrived at `now`, on whatever clock."""
        envelope = json.loads(payload)
        name, data = envelope["stream"], envelope["data"]
        number = _number(name, data)
        line = self.lines.get(name)
        if line is None:
            line = self.lines[name] = Line(number, at=now)
        line.add(number, now)

    @property
    def count(self) -> int:
        """All messages."""
        return sum(line.count for line in self.lines.values())

    @property
    def longest(self) -> float:
        """The longest pause of any stream, in seconds."""
        return max((line.longest for line in self.lines.values()), default=0.0)

    def difference(self, sent: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
        """How this differs from what the exchange says to have sent: messages lost, doubled and reordered.

        `sent` is `Stats.streams` of the simulator, which knows each event by the same number.
        """
        lost = 0
        for name, stream in sent.items():
            line = self.lines.get(name, Line(0))
            again = len(line.doubled) + len(line.reordered)
            lost += abs(stream["count"] - (line.count - again))
            if line.count and (stream["first"], stream["last"]) != (line.first, line.last):
                lost += 1
        lines = self.lines.values()
        return {
            "lost": lost,
            "doubled": sum(len(line.doubled) for line in lines),
            "reordered": sum(len(line.reordered) for line in lines),
        }


NOTHING = {"lost": 0, "doubled": 0, "reordered": 0}


def stored(messages: Iterable[Received]) -> Timeline:
    """The timeline of what a stream holds, in its order; without times."""
    timeline = Timeline()
    for message in messages:
        timeline.add(message.payload, 0.0)
    return timeline


class Live(Subscriber):
    """Follows messages as they come; keeps none."""

    def __init__(self, url: str, subject: str = ">") -> None:
        super().__init__(url, subject)
        self.timeline = Timeline()

    def _received(self, subject: bytes, headers: bytes, payload: bytes) -> None:
        super()._received(subject, headers, payload)
        self.timeline.add(payload, time.monotonic())


def _number(name: str, data: dict[str, Any]) -> int:
    if "lastUpdateId" in data:
        return int(data["lastUpdateId"])
    kind = name.partition("@")[2].partition("@")[0].rstrip("0123456789")
    return int(data[NUMBERS.get(kind, "E")])

"""How the events of one stream look: a ring of byte templates, and the integers that go into them."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from operator import add

Value = int | bytes
Numbers = Callable[[int, int, int, int], tuple[Value, ...]]
"""(number of the event, its time, time to the next event, units per millisecond) → template values.

Times are integers in the unit of the connection: milliseconds (scale 1) or microseconds (scale 1000).
"""


@dataclass(frozen=True)
class Layout:
    """The events of one stream.

    Event `n` is `templates[n % len(templates)] % numbers(n, …)`: prices and quantities repeat after
    one turn of the ring, identities and times never do.
    """

    templates: tuple[bytes, ...]
    numbers: Numbers
    identity: Callable[[int, int], int]
    """(number, time in ms) → the exchange's own identity of the event: `t`, `a`, `u`, `lastUpdateId`,
    or the event time where a channel has no id."""
    steady: bool = False
    """Every number is a time that goes with the event's, or an id that grows evenly: by a multiple of 100
    in `pool.BLOCK` events."""

    def payload(self, number: int, time_us: int, step_us: int, *, microseconds: bool) -> bytes:
        """Encode one event."""
        template = self.templates[number % len(self.templates)]
        if microseconds:
            return template % self.numbers(number, time_us, step_us, 1000)
        return template % self.numbers(number, time_us // 1000, step_us // 1000, 1)


class Widths:
    """A repeating pattern of how many ids an event covers, with what is skipped before each.

    Gives ids in closed form, so that any event can be made without those before it.
    """

    def __init__(self, pattern: tuple[int, ...], skip: tuple[int, ...], first: int) -> None:
        ends = tuple(accumulate(map(add, pattern, skip or (0,) * len(pattern))))
        self._spans = tuple(
            (first + end - width, first + end - 1) for end, width in zip(ends, pattern, strict=True)
        )
        self._turn = ends[-1]

    def span(self, number: int) -> tuple[int, int]:
        """First and last id of event `number`."""
        turns, place = divmod(number, len(self._spans))
        start, end = self._spans[place]
        shift = turns * self._turn
        return start + shift, end + shift


def escape(template: str) -> bytes:
    """Turn JSON text with `<d>` (and `<s>`) for the values into a template for bytes formatting."""
    return template.replace("%", "%%").replace("<d>", "%d").replace("<s>", "%s").encode()

"""Blocks of pre-encoded frames: what `flood` sends, several times faster than event by event.

In `BLOCK` neighbouring events of a steady stream at one moment, only two kinds of digits differ from those of
any other block: the times, and the leading digits of ids (the last two are the same in every block, as
ids grow by a multiple of 100 from block to block). A pool is the bytes between those digits.
"""

from dataclasses import dataclass
from operator import itemgetter

from exchange_simulator.core.frames import header
from exchange_simulator.sources.layout import Layout

BLOCK = 400
"""Events. A multiple of the length of every template ring and id pattern."""
TAIL = 100
"""What is below this stays in an id."""


@dataclass(frozen=True)
class _Digits:
    """Digits to fill in.

    They are a time that much `above` the block's (`place` None), or the leading digits of the payload's
    number `place`, that much above those of the block's first event.
    """

    place: int | None
    above: int


class Pool:
    """The blocks of one stream in one form, while its numbers have as many digits as at first."""

    def __init__(self, layout: Layout, first: int, time: int, scale: int, prefix: bytes) -> None:
        """Take the block that begins with event `first` as the model; times are in the form's unit."""
        self._layout = layout
        self._scale = scale
        slots: list[_Digits] = []
        self._literals = [b""]
        suffix = b"}" if prefix else b""
        self._leading = self._leading_digits(first, time)
        for number in range(first, first + BLOCK):
            literals, found = self._event(number, time)
            size = sum(map(len, literals)) + sum(len(self._text(slot, time)) for slot in found)
            start = header(size + len(prefix) + len(suffix)) + prefix
            self._literals[-1] += start + literals[0]
            self._literals += literals[1:]
            self._literals[-1] += suffix
            slots += found
        self._distinct = list(dict.fromkeys(slots))
        self._pick = itemgetter(*map(self._distinct.index, slots))
        self._lengths = [len(self._text(slot, time)) for slot in self._distinct]
        # Below 100 an id has no leading digits, and a block of such ids no two alike.
        self._usable = all(
            slot.place is None or self._leading[slot.place] + slot.above > 0
            for slot in self._distinct
        )

    def frames(self, first: int, time: int) -> bytes | None:
        """The joined frames of a block; None if they are longer or shorter than the model's."""
        self._leading = self._leading_digits(first, time)
        texts = [self._text(slot, time) for slot in self._distinct]
        if not self._usable or list(map(len, texts)) != self._lengths:
            return None
        parts = [b""] * (2 * len(self._literals) - 1)
        parts[::2] = self._literals
        parts[1::2] = self._pick(texts)
        return b"".join(parts)

    def _leading_digits(self, number: int, time: int) -> list[int]:
        return [int(value) // TAIL for value in self._layout.numbers(number, time, 0, self._scale)]

    def _text(self, slot: _Digits, time: int) -> bytes:
        start = time if slot.place is None else self._leading[slot.place]
        return b"%d" % (start + slot.above)

    def _event(self, number: int, time: int) -> tuple[list[bytes], list[_Digits]]:
        """The bytes around the digits of one event, and what the digits are."""
        layout, scale = self._layout, self._scale
        template = layout.templates[number % len(layout.templates)]
        literals = [part.replace(b"%%", b"%") for part in template.split(b"%d")]
        slots = []
        values = layout.numbers(number, time, 0, scale)
        moved = layout.numbers(number, time + scale, 0, scale)
        for place, (value, after) in enumerate(zip(values, moved, strict=True)):
            if value == after:
                leading, tail = divmod(int(value), TAIL)
                slots.append(_Digits(place, leading - self._leading[place]))
                literals[place + 1] = b"%02d" % tail + literals[place + 1]
            else:
                slots.append(_Digits(None, int(value) - time))
        return literals, slots

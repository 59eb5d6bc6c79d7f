"""Which stream belongs to which relay.

What is minimal, in this order:

1. the number of relays: as many as the cap asks for, `ceil(streams / cap)`;
2. the number of streams that move: those that some relay had and that another one has now.

A relay that stays keeps its number, so the numbers of a set may have holes: of the relays 0, 1 and
2 it is 1 that goes when it has the least to move. A new relay takes the lowest number that no relay
has. New streams go to the fullest relay that has room, so that the last one stays small and can be
given up at the price of few moves.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import count

Assignment = dict[int, tuple[str, ...]]
"""Number of a relay → its streams."""


def assign(streams: Iterable[str], previous: Mapping[int, Sequence[str]], cap: int) -> Assignment:
    """Place every stream on one relay of at most `cap` streams each; no relay is empty.

    `previous` is the last result. Applied to its own result, this changes nothing. Streams of a
    relay keep their order, new ones come behind.
    """
    wanted = dict.fromkeys(streams)
    placed = _kept(wanted, previous, cap)
    at_home = {name for names in placed.values() for name in names}
    homeless = [name for name in wanted if name not in at_home]
    for number in sorted(placed, key=lambda number: (-len(placed[number]), number)):
        room = cap - len(placed[number])
        placed[number] += homeless[:room]
        del homeless[:room]
    return {number: tuple(placed[number]) for number in sorted(placed)}


def _kept(
    wanted: Mapping[str, None], previous: Mapping[int, Sequence[str]], cap: int
) -> dict[int, list[str]]:
    """Return the relays that there will be, each with the streams that it keeps.

    A relay can keep what is still wanted, up to the cap. Every stream that is not kept by the relay
    that had it moves, so the relays that can keep the most are those that stay.
    """
    seen: set[str] = set()  # a stream that was on two relays, after some accident, stays on one
    able: dict[int, list[str]] = {}
    for number in sorted(previous):
        names = [name for name in dict.fromkeys(previous[number]) if name in wanted]
        able[number] = [name for name in names if name not in seen][:cap]
        seen.update(able[number])
    size = -(-len(wanted) // cap)
    stay = sorted(able, key=lambda number: (-len(able[number]), number))[:size]
    unused = (number for number in count() if number not in previous)
    fresh = [next(unused) for _ in range(size - len(stay))]
    return {number: able.get(number, []) for number in (*stay, *fresh)}

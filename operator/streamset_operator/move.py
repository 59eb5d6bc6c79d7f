"""Moving a stream from one relay to another: first it is added, then removed.

While a stream moves, both relays list it. The old one drops it when the new one is known to carry
it, so no message is missed; on core NATS some arrive twice meanwhile. The state of the moves is in
the ConfigMaps themselves: an operator that is killed on the way goes on where it stopped.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
    """What one relay lists: the streams that belong to it, and behind them those that leave it."""

    stays: tuple[str, ...] = ()
    leaving: tuple[str, ...] = ()

    @property
    def listed(self) -> tuple[str, ...]:
        """Every stream that the relay's configuration names."""
        return self.stays + self.leaving


NOTHING = Share()


def transition(
    current: Mapping[int, Share],
    target: Mapping[int, tuple[str, ...]],
    active: Mapping[int, Collection[str]],
) -> dict[int, Share]:
    """Return what each relay is to list now, on the way from `current` to `target`.

    `active` says which streams a relay is known to carry. A stream that nobody wants any more is
    dropped at once; one that moves stays where it was listed until its new relay carries it. A
    relay that is left with nothing is not in the result. When everything is active, the result is
    the target.
    """
    home = {name: number for number, names in target.items() for name in names}
    shares = {}
    for number in sorted({*current, *target}):
        leaving = (
            name
            for name in current.get(number, NOTHING).listed
            if home.get(name, number) != number and name not in active.get(home[name], ())
        )
        share = Share(target.get(number, ()), tuple(dict.fromkeys(leaving)))
        if share.listed:
            shares[number] = share
    return shares


def settled(target: Mapping[int, tuple[str, ...]]) -> dict[int, Share]:
    """Return the shares of a set in which nothing moves."""
    return {number: Share(names) for number, names in target.items()}


def carried(
    share: Share, *, runs_it: bool, active: int, ran_for: float, patience: float
) -> tuple[str, ...]:
    """Return the streams that a relay is known to carry, from what it reports.

    `runs_it` says that it reports the hash of the file that lists `share`. A stream is active at
    its first message, and a relay reports how many are, not which. So all are, or, after it ran the
    file for `patience` seconds, those that are not are quiet ones: a liquidation stream may have
    nothing to say for hours, and its old relay is not to be kept for that.
    """
    if not runs_it or (active < len(share.listed) and ran_for < patience):
        return ()
    return share.listed

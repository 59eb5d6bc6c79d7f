"""When to touch a relay's pod, so that the kubelet looks at its ConfigMap now.

A kubelet refreshes mounted ConfigMaps when it syncs the pod: once a minute, or at once when the pod
changes. Setting an annotation is such a change. The kubelet may still read an older ConfigMap from
its cache, so a pod is touched again, at growing intervals, until its relay reports what it should.

Pure: time comes in.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from streamset_api.resource import GROUP
from streamset_operator.observed import ObservedRelay

TOUCHED = f"{GROUP}/touched"
"""On a pod: the configuration that its relay is to pick up, and how often it was told so."""

FIRST = 1.0
LONGEST = 60.0
"""Seconds between two touches: doubled with each, up to the longest."""


@dataclass(frozen=True)
class Touch:
    """How often a pod was touched for a configuration, and when to do so again."""

    pod: str
    config_hash: str
    count: int
    next_at: float

    @property
    def annotation(self) -> str:
        """The value of `TOUCHED`."""
        return f"{self.config_hash}-{self.count}"


def touches(
    relays: Iterable[ObservedRelay], before: Mapping[str, Touch], now: float
) -> dict[str, Touch]:
    """Return the touches of the relays that run an older stream list, by relay.

    One that differs from `before` is due now. A relay that is being replaced, or has not reported,
    is left alone: a new pod mounts what there is.
    """
    return {
        relay.name: _next(before.get(relay.name), pod, relay.wanted_hash, now)
        for relay, pod in _outdated(relays)
    }


def _outdated(relays: Iterable[ObservedRelay]) -> Iterator[tuple[ObservedRelay, str]]:
    for relay in relays:
        rolled_out = relay.workload is not None and relay.workload.rolled_out
        speaks = relay.report is not None and relay.pod is not None and relay.pod.running
        if rolled_out and speaks and not relay.runs_it and relay.pod is not None:
            yield relay, relay.pod.name


def _next(last: Touch | None, pod: str, config_hash: str, now: float) -> Touch:
    if last is None or (last.pod, last.config_hash) != (pod, config_hash):
        return Touch(pod, config_hash, 1, now + FIRST)
    if now < last.next_at:
        return last
    wait = min(FIRST * 2.0 ** min(last.count, 30), LONGEST)
    return Touch(pod, config_hash, last.count + 1, now + wait)

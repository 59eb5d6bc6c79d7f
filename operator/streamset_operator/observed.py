"""What was seen of a set, as plain facts. `observe.py` makes them, `status.py` judges them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from streamset_api.status import RelayReport
from streamset_operator.reasons import Reason


@dataclass(frozen=True)
class Failure:
    """What kept the operator from making the set's objects as they should be.

    One of `reasons.REJECTIONS` is a matter for a person; any other is tried again.
    """

    reason: Reason
    message: str


@dataclass(frozen=True)
class Workload:
    """What a live Deployment says.

    `rolled_out`: the newest template is what runs, or what is starting; `available`: its pod is
    ready; `stopped`: it has no pods. `refused` is why no pod can be made, if none can.
    """

    rolled_out: bool = False
    available: bool = False
    stopped: bool = False
    refused: Failure | None = None


@dataclass(frozen=True)
class PodState:
    """What the pod says that stands for a relay: its newest ready one, or the newest at all."""

    name: str
    ready: bool = False
    running: bool = False
    trouble: Failure | None = None


@dataclass(frozen=True)
class Sighting:
    """When something was first seen as it is, by the operator's own clock, in seconds.

    `at` is the time of the last change of `what`; `ran_at` of the reported hash alone.
    """

    what: object
    at: float
    ran_hash: str | None
    ran_at: float


@dataclass(frozen=True)
class ObservedRelay:
    """One wanted relay, and what there is of it.

    `report` is the entry of the pod that stands for it; an entry of another pod is not believed.
    `silent_for` is how long nothing has changed since that pod runs; a report always changes.
    """

    name: str
    wanted_hash: str
    streams: int
    leaving: int = 0
    workload: Workload | None = None
    pod: PodState | None = None
    report: RelayReport | None = None
    silent_for: float = 0.0
    ran_for: float = 0.0

    @property
    def runs_it(self) -> bool:
        """Whether it reports that it runs what it should."""
        return self.report is not None and self.report.config_hash == self.wanted_hash


@dataclass(frozen=True)
class Observed:
    """A set, as it is now.

    `streams` are those that the set asks for. `failure` is what went wrong on the way here.
    `missing_pod_monitor`: one is asked for, and the cluster has no such kind. `sightings` belong to
    the next observation. `stale` are entries of nobody, which the operator removes.
    """

    generation: int
    relays: tuple[ObservedRelay, ...] = ()
    paused: bool = False
    suspended: bool = False
    failure: Failure | None = None
    missing_pod_monitor: bool = False
    silent_after: float = 90.0
    sightings: Mapping[str, Sighting] = field(default_factory=dict)
    stale: tuple[str, ...] = ()

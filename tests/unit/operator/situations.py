"""Sets in one situation each, as facts. `SITUATIONS` is the table of the design, row by row."""

from dataclasses import replace
from typing import Any, NamedTuple

from streamset_api.status import RelayReport
from streamset_api.validation import validate
from streamset_operator.observed import Failure, Observed, ObservedRelay, PodState, Workload
from streamset_operator.reasons import Reason
from tests.unit.operator.worlds import entry


def report(**fields: Any) -> RelayReport:
    """Return what a relay reports when all is well; keyword arguments replace fields."""
    return validate(RelayReport, entry("a-0", **fields))


FINE = ObservedRelay(
    name="a-0",
    wanted_hash="wanted",
    streams=1,
    workload=Workload(rolled_out=True, available=True),
    pod=PodState("a-0-pod", ready=True, running=True),
    report=report(),
)
"""A relay of which nothing is the matter."""

UNREADY: dict[str, Any] = {
    "workload": Workload(rolled_out=True),
    "pod": PodState("a-0-pod", running=True),
}
"""A relay whose own probe says no: it has trouble with the exchange or NATS."""

STOPPED: dict[str, Any] = {
    "workload": Workload(rolled_out=True, stopped=True),
    "pod": None,
    "report": None,
}


def seen(*relays: ObservedRelay, **facts: Any) -> Observed:
    """Return a set of these relays at generation 3."""
    return replace(Observed(generation=3, relays=relays), **facts)


def relay(name: str = "a-0", **facts: Any) -> ObservedRelay:
    """Return a relay of which nothing is the matter but for the facts given."""
    return replace(FINE, name=name, **facts)


def reporting(**fields: Any) -> Observed:
    """Return a set of one relay that reports something else than that all is well."""
    trouble = any(fields.get(side, {}).get("reason") for side in ("webSocket", "nats"))
    return seen(relay(report=report(**fields), **(UNREADY if trouble else {})))


def away(reason: str, message: str = "told by the relay") -> dict[str, Any]:
    """Return a side of a relay that is not connected."""
    return {"connected": False, "reason": reason, "message": message}


class Case(NamedTuple):
    """A situation and what has to come of it."""

    observed: Observed
    ready: str
    reconciling: str
    stalled: str
    reason: str
    others: dict[str, str] = {}  # noqa: RUF012 - never written
    """Further conditions: type → status."""


REJECTED = ("False", "False", "True")
TRYING = ("False", "True", "False")
UNKNOWN = ("Unknown", "True", "False")
GOOD = ("True", "False", "False")

ALL_WELL = {"Accepted": "True", "Connected": "True", "Delivering": "True"}


def failed(reason: Reason) -> Observed:
    """Return a set whose objects could not be made as they should be; its relay runs on."""
    return seen(relay(), failure=Failure(reason, "says what to do"))


SITUATIONS: dict[str, Case] = {
    # accepted, objects being made or rolled, or a relay has not reported the wanted configHash
    "nothing there yet": Case(seen(), *TRYING, "Progressing", {"Accepted": "True"}),
    "no Deployment yet": Case(seen(relay(workload=None)), *TRYING, "Progressing"),
    "being rolled": Case(seen(relay(workload=Workload())), *TRYING, "Progressing"),
    "no pod yet": Case(seen(relay(pod=None, report=None)), *TRYING, "Progressing"),
    "pod not running yet": Case(
        seen(relay(pod=PodState("p"), report=None)), *TRYING, "Progressing"
    ),
    "not reported yet": Case(
        seen(relay(report=None)), *TRYING, "Progressing", {"Connected": "Unknown"}
    ),
    "reports another hash": Case(
        reporting(configHash="older"), *TRYING, "Progressing", {"Delivering": "True"}
    ),
    "draining": Case(reporting(phase="Draining"), *TRYING, "Progressing"),
    "starting": Case(
        reporting(phase="Starting", webSocket={"connected": False}), *TRYING, "Progressing"
    ),
    "nothing published yet": Case(
        reporting(streams={"desired": 1, "active": 0}),
        *TRYING,
        "Progressing",
        {"Connected": "True", "Delivering": "Unknown"},
    ),
    "probe says no, report yes": Case(seen(relay(**UNREADY)), *TRYING, "Progressing"),
    "streams moving": Case(seen(relay(leaving=2)), *TRYING, "Progressing", ALL_WELL),
    # all as it should be
    "streaming": Case(seen(relay()), *GOOD, "Streaming", ALL_WELL),
    # the same, but single periodic streams are silent
    "silent streams": Case(
        reporting(silentStreams={"count": 1, "names": ["a@ticker"]}),
        *GOOD,
        "StreamsSilent",
        ALL_WELL,
    ),
    # exchange unreachable, or no data
    "exchange unreachable": Case(
        reporting(webSocket=away("Unreachable")),
        *TRYING,
        "ExchangeUnreachable",
        {"Connected": "False", "Delivering": "False"},
    ),
    "exchange away without a word": Case(
        reporting(webSocket={"connected": False}),
        *TRYING,
        "ExchangeUnreachable",
        {"Connected": "False"},
    ),
    "word of a newer relay": Case(
        reporting(webSocket=away("Teapot")), *TRYING, "ExchangeUnreachable", {"Connected": "False"}
    ),
    "no data": Case(
        reporting(webSocket=away("NoData") | {"connected": True}),
        *TRYING,
        "NoData",
        {"Connected": "False"},
    ),
    # HTTP 451 or 403
    "geo-blocked": Case(
        reporting(webSocket=away("GeoBlocked")), *REJECTED, "GeoBlocked", {"Connected": "False"}
    ),
    "forbidden": Case(
        reporting(webSocket=away("Forbidden")), *REJECTED, "Forbidden", {"Connected": "False"}
    ),
    "geo-blocked, mended, rolling": Case(
        reporting(configHash="older", webSocket=away("GeoBlocked")), *TRYING, "Progressing"
    ),
    "geo-blocked while starting": Case(
        reporting(phase="Starting", webSocket=away("GeoBlocked")), *REJECTED, "GeoBlocked"
    ),
    # NATS unreachable, stream missing or full, credentials refused
    "NATS unreachable": Case(
        reporting(nats=away("Unreachable")),
        *TRYING,
        "NatsUnreachable",
        {"Connected": "True", "Delivering": "False"},
    ),
    "stream missing": Case(
        reporting(nats=away("StreamMissing")), *TRYING, "StreamMissing", {"Delivering": "False"}
    ),
    "stream full": Case(
        reporting(nats=away("StreamFull")), *TRYING, "StreamFull", {"Delivering": "False"}
    ),
    "credentials refused": Case(
        reporting(nats=away("Refused")), *TRYING, "NatsRefused", {"Delivering": "False"}
    ),
    # a referenced Secret or key is missing
    "secret missing": Case(
        reporting(nats=away("SecretMissing", "Secret nats has no key creds")),
        *TRYING,
        "SecretMissing",
        {"Delivering": "False"},
    ),
    # three reports missed
    "silent relay": Case(seen(relay(silent_for=91)), *UNKNOWN, "RelaySilent", {"Accepted": "True"}),
    "relay that never spoke": Case(
        seen(relay(report=None, silent_for=91)), *UNKNOWN, "RelaySilent", {"Connected": "Unknown"}
    ),
    # what only a person can mend in spec or objects
    "invalid spec": Case(
        failed(Reason.INVALID_SPEC),
        *REJECTED,
        "InvalidSpec",
        {"Accepted": "False", "Connected": "True", "Delivering": "True"},
    ),
    "name conflict": Case(
        failed(Reason.NAME_CONFLICT), *REJECTED, "NameConflict", {"Accepted": "False"}
    ),
    "permission denied": Case(
        failed(Reason.PERMISSION_DENIED), *REJECTED, "PermissionDenied", {"Accepted": "False"}
    ),
    "quota exceeded": Case(
        failed(Reason.QUOTA_EXCEEDED), *REJECTED, "QuotaExceeded", {"Accepted": "False"}
    ),
    "pod refused": Case(
        seen(relay(workload=Workload(refused=Failure(Reason.POD_REFUSED, "violates")))),
        *REJECTED,
        "PodRefused",
        {"Accepted": "True"},
    ),
    # what is tried again by itself
    "apply failed": Case(failed(Reason.APPLY_FAILED), *TRYING, "ApplyFailed", {"Accepted": "True"}),
    "container failing": Case(
        seen(relay(pod=PodState("p", trouble=Failure(Reason.CONTAINER_FAILING, "exit code 2")))),
        *TRYING,
        "ContainerFailing",
    ),
    # suspended
    "suspended": Case(
        seen(relay(**STOPPED), suspended=True),
        *GOOD,
        "Suspended",
        {"Accepted": "True", "Connected": "False", "Delivering": "False"},
    ),
    "stopping": Case(
        seen(relay(workload=Workload(rolled_out=True)), suspended=True),
        *TRYING,
        "Progressing",
        {"Delivering": "False"},
    ),
    # paused
    "paused while it streams": Case(
        seen(relay(), paused=True), *GOOD, "Streaming", {"Paused": "True", "Connected": "True"}
    ),
    "paused while the exchange is away": Case(
        replace(reporting(webSocket=away("Unreachable")), paused=True),
        *TRYING,
        "ExchangeUnreachable",
        {"Paused": "True"},
    ),
    "paused from the start": Case(
        seen(paused=True), "False", "False", "False", "Paused", {"Paused": "True"}
    ),
    "no PodMonitor in the cluster": Case(
        seen(relay(), missing_pod_monitor=True), *GOOD, "Streaming", {"Accepted": "True"}
    ),
}

"""What is the matter with a set: one finding for each relay, and one for the set.

A relay's finding is what the first check says that has something to say; when none has, it streams.
The set's is that of the situation which comes first in `reasons.TABLE`.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from streamset_api.status import Link, Phase
from streamset_operator.observed import Failure, Observed, ObservedRelay
from streamset_operator.reasons import (
    EXCHANGE_WORDS,
    NATS_WORDS,
    REJECTIONS,
    TABLE,
    Reason,
    Situation,
)

NAMED = 5
"""A message names at most so many relays."""

LONGEST = 1024
"""Characters of a message."""

EXCHANGE_MESSAGES: dict[str, str] = {
    Reason.EXCHANGE_UNREACHABLE: "not connected to the exchange",
    Reason.NO_DATA: "connected to the exchange, and no data comes",
    Reason.GEO_BLOCKED: "the exchange does not serve this place (HTTP 451)",
    Reason.FORBIDDEN: "the exchange refuses the connection (HTTP 403)",
}
"""What to say where the relay gave no words."""


class Finding(NamedTuple):
    """A situation, its reason for programs, and words for people."""

    situation: Situation
    reason: str
    message: str


def of_set(observed: Observed) -> Finding:
    """Return the finding that decides the set's conditions."""
    if observed.failure is not None:
        return _failure(observed.failure)
    if observed.suspended:
        return _suspended(observed)
    if not observed.relays:
        return _nothing(observed)
    found = [(relay.name, of_relay(relay, observed)) for relay in observed.relays]
    ranks = list(TABLE)
    worst = min((finding for _, finding in found), key=lambda f: ranks.index(f.situation))
    if worst.situation is Situation.STREAMING:
        streams = sum(relay.streams for relay in observed.relays)
        message = f"{_counted(streams, 'stream')} on {_counted(len(found), 'relay')}"
        return worst._replace(message=message)
    names = [name for name, finding in found if finding == worst]
    return worst._replace(message=f"{_listed(names)}: {worst.message}"[:LONGEST])


def of_relay(relay: ObservedRelay, observed: Observed) -> Finding:
    """Return what is the matter with one relay."""
    for check in CHECKS:
        finding = check(relay, observed)
        if finding is not None:
            return finding
    return Finding(Situation.STREAMING, Reason.STREAMING, "")


def exchange_trouble(link: Link | None) -> Finding | None:
    """Return what a relay reports of its connections to the exchange, if it is trouble."""
    if link is None or (link.connected and link.reason is None):
        return None
    unreachable = (Situation.EXCHANGE, Reason.EXCHANGE_UNREACHABLE)
    situation, reason = EXCHANGE_WORDS.get(link.reason or "", unreachable)
    return Finding(situation, reason, link.message or EXCHANGE_MESSAGES[reason])


def nats_trouble(link: Link | None) -> Finding | None:
    """Return what a relay reports of its connection to NATS, if it is trouble.

    A word that is not known here is the reason: a newer relay may know more of them.
    """
    if link is None or (link.connected and link.reason is None):
        return None
    said = link.reason or "Unreachable"
    message = link.message or f"not connected to NATS: {said}"
    return Finding(Situation.NATS, NATS_WORDS.get(said, said), message)


def _failure(failure: Failure) -> Finding:
    rejected = failure.reason in REJECTIONS
    situation = Situation.REJECTED if rejected else Situation.RETRYING
    return Finding(situation, failure.reason, failure.message[:LONGEST])


def _suspended(observed: Observed) -> Finding:
    running = [
        relay.name
        for relay in observed.relays
        if relay.pod is not None or relay.workload is None or not relay.workload.stopped
    ]
    if running:
        return _progressing(f"{_listed(running)}: stopping, because the set is suspended")
    return Finding(Situation.SUSPENDED, Reason.SUSPENDED, "suspended: no relay runs")


def _nothing(observed: Observed) -> Finding:
    if observed.paused:
        message = "paused before anything was made"
        return Finding(Situation.PAUSED, Reason.PAUSED, message)
    return _progressing("the set's objects are being made")


def _refused(relay: ObservedRelay, _: Observed) -> Finding | None:
    refused = relay.workload.refused if relay.workload is not None else None
    return Finding(Situation.REFUSED, *_parts(refused)) if refused is not None else None


def _not_made(relay: ObservedRelay, _: Observed) -> Finding | None:
    return _progressing("the Deployment is being made") if relay.workload is None else None


def _failing(relay: ObservedRelay, _: Observed) -> Finding | None:
    trouble = relay.pod.trouble if relay.pod is not None else None
    return Finding(Situation.FAILING, *_parts(trouble)) if trouble is not None else None


def _rolling(relay: ObservedRelay, _: Observed) -> Finding | None:
    rolled_out = relay.workload is not None and relay.workload.rolled_out
    return None if rolled_out else _progressing("the pod is being replaced")


def _not_running(relay: ObservedRelay, _: Observed) -> Finding | None:
    running = relay.pod is not None and relay.pod.running
    return None if running else _progressing("the pod is starting")


def _silent(relay: ObservedRelay, observed: Observed) -> Finding | None:
    if relay.silent_for <= observed.silent_after:
        return None
    message = "the pod runs and has missed three reports"
    return Finding(Situation.SILENT, Reason.RELAY_SILENT, message)


def _unreported(relay: ObservedRelay, _: Observed) -> Finding | None:
    return _progressing("the relay has not reported yet") if relay.report is None else None


def _outdated(relay: ObservedRelay, _: Observed) -> Finding | None:
    message = "the relay has not reported the wanted configuration yet"
    return None if relay.runs_it else _progressing(message)


def _draining(relay: ObservedRelay, _: Observed) -> Finding | None:
    draining = relay.report is not None and relay.report.phase == Phase.DRAINING
    return _progressing("the relay is draining") if draining else None


def _exchange(relay: ObservedRelay, _: Observed) -> Finding | None:
    report = relay.report
    if report is None or (report.phase == Phase.STARTING and not _says_why(report.web_socket)):
        return None
    return exchange_trouble(report.web_socket)


def _nats(relay: ObservedRelay, _: Observed) -> Finding | None:
    report = relay.report
    if report is None or (report.phase == Phase.STARTING and not _says_why(report.nats)):
        return None
    return nats_trouble(report.nats)


def _nothing_yet(relay: ObservedRelay, _: Observed) -> Finding | None:
    report = relay.report
    active = report is not None and report.streams is not None and report.streams.active
    starting = report is not None and report.phase == Phase.STARTING
    return _progressing("nothing was published yet") if starting or not active else None


def _unready(relay: ObservedRelay, _: Observed) -> Finding | None:
    available = relay.workload is not None and relay.workload.available
    return None if available else _progressing("the pod is not ready")


def _moving(relay: ObservedRelay, _: Observed) -> Finding | None:
    return _progressing("streams are moving to another relay") if relay.leaving else None


def _streams_silent(relay: ObservedRelay, _: Observed) -> Finding | None:
    silent = relay.report.silent_streams if relay.report is not None else None
    if silent is None or not silent.count:
        return None
    message = "streams that should tick are silent; status.relays names them"
    return Finding(Situation.STREAMS_SILENT, Reason.STREAMS_SILENT, message)


Check = Callable[[ObservedRelay, Observed], Finding | None]

CHECKS: tuple[Check, ...] = (
    _refused,  # no pod can be made
    _not_made,
    _failing,  # the pod cannot run
    _rolling,
    _not_running,
    _silent,  # the pod runs, and nobody speaks
    _unreported,
    _outdated,  # what it reports is of another configuration
    _draining,
    _nats,
    _exchange,
    _nothing_yet,
    _unready,  # all is well by the report, and the probe says no
    _moving,
    _streams_silent,
)
"""In order: each may rely on those before it having nothing to say."""


def _progressing(message: str) -> Finding:
    return Finding(Situation.PROGRESSING, Reason.PROGRESSING, message)


def _parts(failure: Failure) -> tuple[str, str]:
    return failure.reason, failure.message


def _says_why(link: Link | None) -> bool:
    return link is not None and link.reason is not None


def _listed(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"

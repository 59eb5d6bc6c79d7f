"""From what was seen to the operator's part of `status`: conditions, generation, summary.

Pure, and still: the same facts give the same status to the byte, so that at rest nothing is
written. No message holds an age or a rate for that reason.
"""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from streamset_api.errors import ConfigError
from streamset_api.resource import API_VERSION, KIND
from streamset_api.status import (
    BinanceStreamSetStatus,
    Condition,
    ConditionStatus,
    RelayReport,
    Summary,
)
from streamset_api.validation import validate
from streamset_operator import findings
from streamset_operator.findings import Finding
from streamset_operator.observed import Observed, ObservedRelay
from streamset_operator.reasons import (
    FALSE,
    REJECTIONS,
    TABLE,
    TRUE,
    UNKNOWN,
    ConditionType,
    Reason,
)

RATE_MOVED = 0.2
"""A rate is written anew when it moved by more than this share of what is written."""


def settle(observed: Observed, before: BinanceStreamSetStatus, now: str) -> BinanceStreamSetStatus:
    """Return the operator's part of the status; `before` is what the resource has.

    `now` is the time of day (RFC 3339) for conditions whose status changes; for the others the old
    one stays. The result has no entries of relays: those belong to the relays.
    """
    found = findings.of_set(observed)
    generation = before.observed_generation if observed.paused else observed.generation
    verdicts = [*_outcome(found), _accepted(observed), *_links(observed, found)]
    if observed.paused:
        message = "the operator touches nothing of this set"
        verdicts.append(_Verdict(ConditionType.PAUSED, TRUE, Reason.PAUSED, message))
    return BinanceStreamSetStatus(
        observed_generation=generation,
        conditions=conditions(verdicts, before.conditions, generation, now),
        summary=_summary(observed, before.summary),
    )


def read(document: object) -> BinanceStreamSetStatus:
    """Return the `status` of a live resource; one that nobody could have written counts as none."""
    try:
        return validate(BinanceStreamSetStatus, document or {})
    except ConfigError:
        return BinanceStreamSetStatus()


def own_part(status: BinanceStreamSetStatus) -> BinanceStreamSetStatus:
    """Return a status without what the relays wrote: what the operator would write anew."""
    return status.model_copy(update={"relays": ()})


def body(name: str, namespace: str, uid: str, status: BinanceStreamSetStatus) -> dict[str, Any]:
    """Return what server-side apply on `/status` takes.

    It is complete, because what a field manager leaves out is removed. The uid says which set is
    meant; the API server (seen with 1.37) takes it for a later set of the name all the same.
    """
    part = own_part(status).model_dump(mode="json", by_alias=True, exclude_none=True)
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name, "namespace": namespace, "uid": uid},
        "status": {field: value for field, value in part.items() if field != "relays"},
    }


def next_look(observed: Observed, patience: float) -> float | None:
    """Return the seconds until the passing of time alone may change something, if it may.

    A relay turns silent, or its quiet streams count as arrived (`patience`).
    """
    moving = any(relay.leaving for relay in observed.relays)
    due = [
        observed.silent_after - relay.silent_for
        for relay in observed.relays
        if relay.pod is not None and relay.pod.running
    ]
    due += [patience - relay.ran_for for relay in observed.relays if moving and relay.runs_it]
    return min((seconds for seconds in due if seconds >= 0), default=None)


def conditions(
    verdicts: Iterable["_Verdict"], before: Iterable[Condition], generation: int, now: str
) -> tuple[Condition, ...]:
    """Return verdicts as conditions; the time of the last transition stays while the status does."""
    old = {condition.type: condition for condition in before}
    result = []
    for verdict in verdicts:
        last = old.get(verdict.type)
        flipped = last is None or last.status is not verdict.status
        result.append(
            Condition(
                type=verdict.type,
                status=verdict.status,
                observed_generation=generation if generation >= 0 else None,
                last_transition_time=now if last is None or flipped else last.last_transition_time,
                reason=verdict.reason,
                message=verdict.message,
            )
        )
    return tuple(result)


class _Verdict(NamedTuple):
    """A condition without times."""

    type: ConditionType
    status: ConditionStatus
    reason: str
    message: str = ""


def _outcome(found: Finding) -> list[_Verdict]:
    """Return the three conditions that say where the set is going, by the table of situations."""
    row = TABLE[found.situation]
    statuses = {
        ConditionType.READY: row.ready,
        ConditionType.RECONCILING: row.reconciling,
        ConditionType.STALLED: row.stalled,
    }
    return [
        _Verdict(kind, status, found.reason, found.message) for kind, status in statuses.items()
    ]


def _accepted(observed: Observed) -> _Verdict:
    failure = observed.failure
    if failure is not None and failure.reason in REJECTIONS:
        return _Verdict(ConditionType.ACCEPTED, FALSE, failure.reason, failure.message)
    if observed.missing_pod_monitor:
        message = "accepted, without a PodMonitor: the cluster does not know the kind"
        return _Verdict(ConditionType.ACCEPTED, TRUE, Reason.POD_MONITOR_MISSING, message)
    return _Verdict(ConditionType.ACCEPTED, TRUE, Reason.ACCEPTED)


def _links(observed: Observed, found: Finding) -> list[_Verdict]:
    """Return what the relays report of both their sides, whatever else is the matter.

    Without the exchange nothing is delivered either.
    """
    connected, delivering = ConditionType.CONNECTED, ConditionType.DELIVERING
    if observed.suspended:
        message = "the set is suspended"
        return [
            _Verdict(kind, FALSE, Reason.SUSPENDED, message) for kind in (connected, delivering)
        ]
    reports = [relay.report for relay in observed.relays]
    exchange = _first(findings.exchange_trouble(r.web_socket) for r in reports if r is not None)
    nats = _first(findings.nats_trouble(r.nats) for r in reports if r is not None)
    unheard = not reports or any(map(_is_unheard, observed.relays))
    idle = any(r is None or r.streams is None or not r.streams.active for r in reports)
    return [
        _link(connected, exchange, found, unknown=unheard, fine=Reason.CONNECTED),
        _link(delivering, nats or exchange, found, unknown=unheard or idle, fine=Reason.STREAMING),
    ]


def _link(
    kind: ConditionType, trouble: Finding | None, found: Finding, *, unknown: bool, fine: Reason
) -> _Verdict:
    if trouble is not None:
        return _Verdict(kind, FALSE, trouble.reason, trouble.message)
    return _Verdict(kind, UNKNOWN, found.reason) if unknown else _Verdict(kind, TRUE, fine)


def _is_unheard(relay: ObservedRelay) -> bool:
    return relay.report is None or relay.report.web_socket is None or relay.report.nats is None


def _first(troubles: Iterable[Finding | None]) -> Finding | None:
    """Return the trouble that matters most; among equals, that of the first relay."""
    ranks = list(TABLE)
    found = [trouble for trouble in troubles if trouble is not None]
    return min(found, key=lambda trouble: ranks.index(trouble.situation), default=None)


def _summary(observed: Observed, before: Summary | None) -> Summary:
    wanted = sum(relay.streams for relay in observed.relays)
    heard = [relay for relay in observed.relays if _speaks(relay, observed)]
    reports = [relay.report for relay in heard if relay.report is not None]
    active = sum(report.streams.active for report in reports if report.streams is not None)
    ready = sum(1 for relay in heard if relay.runs_it)
    written = before.messages_per_second if before is not None else None
    return Summary(
        streams=f"{min(active, wanted)}/{wanted}",
        relays=f"{ready}/{len(observed.relays)}",
        messages_per_second=_rate(reports, written),
    )


def _speaks(relay: ObservedRelay, observed: Observed) -> bool:
    return relay.report is not None and relay.silent_for <= observed.silent_after


def _rate(reports: Iterable[RelayReport], written: float | None) -> float:
    rate = sum(report.messages_per_second or 0.0 for report in reports)
    if written and rate and abs(rate - written) <= RATE_MOVED * written:
        return written
    return two_digits(rate)


def two_digits(number: float) -> float:
    """Return a number to two significant digits."""
    return round(number, 1 - math.floor(math.log10(number))) if number > 0 else 0.0

"""Situations of a set, what each means for its conditions, and the words that conditions use.

`TABLE` is the table of situations of the design, as data: `status.py` finds the situations, the
first one of the table that is there decides. `Ready`, `Reconciling` and `Stalled` are what kstatus
and `kubectl wait` read.
"""

from enum import StrEnum, auto
from typing import NamedTuple

from streamset_api.status import ConditionStatus

TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN


class ConditionType(StrEnum):
    """Conditions of a set."""

    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    ACCEPTED = "Accepted"
    CONNECTED = "Connected"
    DELIVERING = "Delivering"
    PAUSED = "Paused"


class Reason(StrEnum):
    """Why a condition is what it is. Relays may report further ones for their NATS connection."""

    # Only a person can mend these, in the spec or in other objects.
    INVALID_SPEC = "InvalidSpec"
    NAME_CONFLICT = "NameConflict"
    PERMISSION_DENIED = "PermissionDenied"
    QUOTA_EXCEEDED = "QuotaExceeded"
    POD_REFUSED = "PodRefused"
    GEO_BLOCKED = "GeoBlocked"
    FORBIDDEN = "Forbidden"

    # These may mend themselves, and are tried again.
    APPLY_FAILED = "ApplyFailed"
    NATS_UNREACHABLE = "NatsUnreachable"
    NATS_REFUSED = "NatsRefused"
    STREAM_MISSING = "StreamMissing"
    SECRET_MISSING = "SecretMissing"  # noqa: S105 - a reason
    EXCHANGE_UNREACHABLE = "ExchangeUnreachable"
    NO_DATA = "NoData"
    IMAGE_UNAVAILABLE = "ImageUnavailable"
    CONTAINER_FAILING = "ContainerFailing"
    UNSCHEDULABLE = "Unschedulable"
    PROGRESSING = "Progressing"
    RELAY_SILENT = "RelaySilent"

    # All is as it should be.
    SUSPENDED = "Suspended"
    PAUSED = "Paused"
    STREAMS_SILENT = "StreamsSilent"
    STREAMING = "Streaming"
    ACCEPTED = "Accepted"
    POD_MONITOR_MISSING = "PodMonitorMissing"
    CONNECTED = "Connected"


class Situation(StrEnum):
    """What a set, or one of its relays, can be in; a row of `TABLE`."""

    REJECTED = auto()
    REFUSED = auto()
    BLOCKED = auto()
    RETRYING = auto()
    NATS = auto()
    EXCHANGE = auto()
    FAILING = auto()
    PROGRESSING = auto()
    SILENT = auto()
    PAUSED = auto()
    SUSPENDED = auto()
    STREAMS_SILENT = auto()
    STREAMING = auto()


class Row(NamedTuple):
    """What a situation means."""

    ready: ConditionStatus
    reconciling: ConditionStatus
    stalled: ConditionStatus


TABLE: dict[Situation, Row] = {
    Situation.REJECTED: Row(FALSE, FALSE, TRUE),
    Situation.REFUSED: Row(FALSE, FALSE, TRUE),
    Situation.BLOCKED: Row(FALSE, FALSE, TRUE),
    Situation.RETRYING: Row(FALSE, TRUE, FALSE),
    Situation.NATS: Row(FALSE, TRUE, FALSE),
    Situation.EXCHANGE: Row(FALSE, TRUE, FALSE),
    Situation.FAILING: Row(FALSE, TRUE, FALSE),
    Situation.PROGRESSING: Row(FALSE, TRUE, FALSE),
    Situation.SILENT: Row(UNKNOWN, TRUE, FALSE),
    Situation.PAUSED: Row(FALSE, FALSE, FALSE),
    Situation.SUSPENDED: Row(TRUE, FALSE, FALSE),
    Situation.STREAMS_SILENT: Row(TRUE, FALSE, FALSE),
    Situation.STREAMING: Row(TRUE, FALSE, FALSE),
}
"""In order of precedence: what a person has to mend comes first, what is known before what is not."""

REJECTIONS = frozenset(
    {
        Reason.INVALID_SPEC,
        Reason.NAME_CONFLICT,
        Reason.PERMISSION_DENIED,
        Reason.QUOTA_EXCEEDED,
    }
)
"""Failures that trying again does not mend; any other is retried."""

EXCHANGE_WORDS = {
    "GeoBlocked": (Situation.BLOCKED, Reason.GEO_BLOCKED),
    "Forbidden": (Situation.BLOCKED, Reason.FORBIDDEN),
    "NoData": (Situation.EXCHANGE, Reason.NO_DATA),
}
"""A relay's word for its trouble with the exchange → what it is; any other is `Unreachable`."""

NATS_WORDS = {"Unreachable": Reason.NATS_UNREACHABLE, "Refused": Reason.NATS_REFUSED}
"""A relay's word for its trouble with NATS → the reason; any other is the reason itself."""

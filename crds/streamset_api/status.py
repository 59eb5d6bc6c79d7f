"""`status` of a BinanceStreamSet: what is. The operator and the relays write it, each its own part.

The operator owns `observedGeneration`, `conditions` and `summary`; each relay owns its entry of
`relays`. All write by server-side apply, which merges the two lists by their keys, so nobody's part
is lost. Words that a later relay may add to (`phase`, reasons) are free text in the schema: an older
CRD would refuse a whole report for one new word.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from streamset_api.model import Model

SILENT_NAMES = 20
"""A relay names at most so many of its silent streams, and counts all."""

Time = Annotated[str, Field(max_length=64, json_schema_extra={"format": "date-time"})]
Count = Annotated[int, Field(ge=0)]
Word = Annotated[str, Field(max_length=64)]
Message = Annotated[str, Field(max_length=1024)]


class ConditionStatus(StrEnum):
    """Whether a condition holds."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Phase(StrEnum):
    """What a relay is doing."""

    STARTING = "Starting"
    RUNNING = "Running"
    DRAINING = "Draining"


class Condition(Model):
    """One aspect of the set, as `metav1.Condition` of Kubernetes has it."""

    type: Annotated[str, Field(min_length=1, max_length=316)]
    """Ready, Reconciling, Stalled, Accepted, Connected, Delivering or Paused."""
    status: ConditionStatus
    """Whether it holds."""
    observed_generation: Count | None = None
    """Generation of the resource that this was found for."""
    last_transition_time: Time
    """When `status` last changed."""
    reason: Annotated[str, Field(min_length=1, max_length=1024)]
    """Why, in one word for programs."""
    message: Annotated[str, Field(max_length=32_768)]
    """Why, for people."""


class Summary(Model):
    """The set in a few numbers, for the columns of `kubectl get`."""

    streams: Word | None = None
    """Streams that deliver, of those wanted: "1200/1200"."""
    relays: Word | None = None
    """Relays that report the wanted configuration, of those wanted: "6/6"."""
    messages_per_second: Annotated[float, Field(ge=0)] | None = None
    """Messages per second over all relays, to two digits."""


class Link(Model):
    """One side of a relay: its connections to the exchange, or to NATS."""

    connected: bool
    """Whether all connections are up."""
    reason: Word | None = None
    """Why not, in one word: Unreachable, GeoBlocked, Forbidden, NoData, StreamMissing and others."""
    message: Message | None = None
    """Why not, for people."""


class StreamCount(Model):
    """How many streams a relay carries."""

    desired: Count
    """Streams that its configuration names."""
    active: Count
    """Those of which a message has arrived."""


class SilentStreams(Model):
    """Streams that tick by the clock and are overdue."""

    count: Count
    """How many they are."""
    names: Annotated[
        tuple[Annotated[str, Field(max_length=128)], ...], Field(max_length=SILENT_NAMES)
    ] = ()
    """The first of them."""


class LastError(Model):
    """What went wrong last; it may long be over."""

    message: Message
    """What it was, without credentials."""
    time: Time
    """When it was."""


class RelayReport(Model):
    """What one relay says of itself."""

    name: Annotated[str, Field(min_length=1, max_length=63)]
    """Name of the relay: the set's name and a number."""
    pod: Annotated[str, Field(max_length=253)] | None = None
    """Pod that speaks; during a rollout two share the name of the relay."""
    set_uid: Annotated[str, Field(max_length=64)] | None = None
    """Uid of the set that the relay belongs to; tells a deleted namesake's report apart."""
    config_hash: Word | None = None
    """Hash of the configuration that it runs."""
    phase: Word | None = None
    """Starting, Running or Draining."""
    last_report_time: Time | None = None
    """When this was written. It changes with every report, so that a report is seen as one."""
    web_socket: Link | None = None
    """Its connections to the exchange."""
    nats: Link | None = None
    """Its connection to NATS."""
    streams: StreamCount | None = None
    """How many streams it carries."""
    silent_streams: SilentStreams | None = None
    """Streams that tick by the clock and are overdue."""
    messages_per_second: Annotated[float, Field(ge=0)] | None = None
    """Messages received per second, to two digits; rewritten when it moved by more than 20 %."""
    last_message_time: Time | None = None
    """When the last message was received."""
    reconnects: Count | None = None
    """Connections to the exchange that were replaced, since the relay started."""
    dropped: Count | None = None
    """Messages dropped since the relay started, for any reason."""
    gaps: Count | None = None
    """Gaps seen in the exchange's numbering since the relay started."""
    last_error: LastError | None = None
    """What went wrong last."""


class BinanceStreamSetStatus(Model):
    """What is, as the operator and the relays see it."""

    observed_generation: Annotated[int, Field(ge=-1)] = -1
    """Generation of `spec` that the rest speaks of; -1 until an operator has seen the resource."""
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
            }
        ),
    ] = ()
    """What holds and why; `Ready` is the one to wait for."""
    summary: Summary | None = None
    """The set in a few numbers."""
    relays: Annotated[
        tuple[RelayReport, ...],
        Field(
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
            }
        ),
    ] = ()
    """What each relay says of itself."""

"""The parts of a relay's pod that a manifest may decide: image, resources, placement, additions.

A curated choice and no embedded PodTemplateSpec, which would make the CRD too large to apply and
leave what the operator relies on (probes, volumes, strategy) open. Structures that Kubernetes
validates itself when the Deployment is applied are passed on as they are.
"""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, JsonValue, WithJsonSchema

from streamset_api.fields import matching
from streamset_api.model import VALIDATIONS, Model, Rule
from streamset_api.nats import ObjectName

QUANTITY_PATTERN = (
    r"^\+?([0-9]+|[0-9]+\.[0-9]*|\.[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,2})?$"
)
QUANTITY_LENGTH = 32
QUANTITY_ALLOWED = "a quantity such as 500m, 2 or 256Mi"

PassedOn = Annotated[
    dict[str, JsonValue],
    WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
]
Text = Annotated[str, Field(max_length=4096)]
Name = Annotated[str, Field(min_length=1, max_length=253)]

_NAMED = Rule(
    "self.all(name, size(name) >= 1 && size(name) <= 253)",
    "names of 1 to 253 characters",
    lambda entries: all(1 <= len(name) <= 253 for name in entries),
)
Labels = Annotated[dict[str, Text], Field(max_length=64), _NAMED]


def _as_text(value: Any) -> Any:
    """Kubernetes takes `cpu: 1` for `cpu: "1"`; it knows no integers beyond 64 bits."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(int(value)) if number and abs(value) < 2**63 and value == int(value) else value


# The pattern decides; a rule of CEL with the same would cost too much, because CEL takes no note of
# the length of what may also be a number. It gives the message.
Quantity = Annotated[
    str,
    BeforeValidator(_as_text),
    Field(max_length=QUANTITY_LENGTH),
    matching(QUANTITY_PATTERN, QUANTITY_ALLOWED),
    WithJsonSchema(
        {
            "x-kubernetes-int-or-string": True,
            "minimum": 0,
            "maxLength": QUANTITY_LENGTH,
            "pattern": QUANTITY_PATTERN,
            VALIDATIONS: [
                {"rule": "type(self) != string || isQuantity(self)", "message": QUANTITY_ALLOWED}
            ],
        }
    ),
]
Quantities = Annotated[dict[str, Quantity], Field(max_length=8), _NAMED]


class ImagePullPolicy(StrEnum):
    """When the image is pulled."""

    ALWAYS = "Always"
    IF_NOT_PRESENT = "IfNotPresent"
    NEVER = "Never"


class ImageUpdatePolicy(StrEnum):
    """What an update of the operator means for running relays."""

    STAY = "Stay"
    FOLLOW_OPERATOR = "FollowOperator"


class LocalObjectRef(Model):
    """An object in the namespace of the resource."""

    name: ObjectName
    """Name of the object."""


class Resources(Model):
    """Compute resources of a relay."""

    requests: Quantities = Field(default={"memory": "256Mi", "cpu": "200m"})
    """What is set aside for it."""
    limits: Quantities = Field(default={"memory": "2Gi", "cpu": "1000m"})
    """What it may use."""


class EnvVar(Model):
    """One environment variable of the relay's container."""

    name: Name
    """Name of the variable."""
    value: Text | None = None
    """Value; without it, `valueFrom` or the empty string."""
    value_from: PassedOn | None = None
    """Source of the value: an EnvVarSource of Kubernetes."""


class Toleration(Model):
    """A taint that relays tolerate."""

    key: Name | None = None
    """Key of the taint; absent for all."""
    operator: Annotated[str, Field(max_length=16)] | None = None
    """Equal or Exists."""
    value: Text | None = None
    """Value of the taint."""
    effect: Annotated[str, Field(max_length=32)] | None = None
    """NoSchedule, PreferNoSchedule or NoExecute; absent for all."""
    toleration_seconds: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    """How long a NoExecute taint is tolerated."""


class VolumeMount(Model):
    """Where a volume appears in the relay's container."""

    name: Name
    """Name of the volume."""
    mount_path: Annotated[str, Field(min_length=1, max_length=1024)]
    """Path in the container."""
    sub_path: Text | None = None
    """Path within the volume."""
    read_only: bool | None = None
    """Whether the container may only read it."""


class Pod(Model):
    """What is added to the pods of the relays."""

    labels: Labels = Field(default={})
    """Labels; the operator's own win."""
    annotations: Labels = Field(default={})
    """Annotations; the operator's own win."""
    env: Annotated[tuple[EnvVar, ...], Field(max_length=64)] = ()
    """Environment variables. Those that the relay reads win over the manifest's fields."""
    env_from: Annotated[tuple[PassedOn, ...], Field(max_length=16)] = ()
    """Sources of environment variables: EnvFromSource of Kubernetes."""
    node_selector: Labels = Field(default={})
    """Labels that a node must have."""
    affinity: PassedOn | None = None
    """Affinity of Kubernetes."""
    tolerations: Annotated[tuple[Toleration, ...], Field(max_length=32)] = ()
    """Taints that are tolerated."""
    topology_spread_constraints: Annotated[tuple[PassedOn, ...], Field(max_length=8)] = ()
    """TopologySpreadConstraint of Kubernetes."""
    priority_class_name: ObjectName | None = None
    """Priority class."""
    service_account_name: ObjectName | None = None
    """Service account; without it the operator makes one."""
    security_context: PassedOn | None = None
    """PodSecurityContext of Kubernetes, over the operator's restricted one."""
    termination_grace_period_seconds: Annotated[int, Field(ge=10, le=3600)] = 30
    """Time to drain the buffer at the end; the relay is done 5 s earlier."""
    extra_volumes: Annotated[tuple[PassedOn, ...], Field(max_length=32)] = ()
    """Volumes of Kubernetes."""
    extra_volume_mounts: Annotated[tuple[VolumeMount, ...], Field(max_length=32)] = ()
    """Where those volumes appear in the relay's container."""

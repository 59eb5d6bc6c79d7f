"""The resource: `BinanceStreamSet` of `streams.petrosa.io/v1alpha1`."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from streamset_api.fields import matching
from streamset_api.model import Model, as_served
from streamset_api.spec import BinanceStreamSetSpec
from streamset_api.validation import validate

GROUP = "streams.petrosa.io"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "BinanceStreamSet"
PLURAL = "binancestreamsets"
SINGULAR = "binancestreamset"
SHORT_NAMES = ("bss",)
CATEGORIES = ("streams",)

NAME_LENGTH = 40
"""Names of relays, `<set>-<n>`, and of their pods have to fit into a label's 63 characters."""

SetName = Annotated[
    str,
    Field(min_length=1, max_length=NAME_LENGTH),
    matching(
        r"^[a-z]([-a-z0-9]*[a-z0-9])?$",
        f"lower-case letters, digits and -, from a letter to a letter or digit, "
        f"at most {NAME_LENGTH} characters",
    ),
]


class Metadata(Model):
    """What this project reads of an object's metadata; the rest is Kubernetes' business."""

    model_config = ConfigDict(extra="allow")

    name: SetName
    """Name of the set: a DNS label (RFC 1035), because a Service carries it."""
    namespace: Annotated[str, Field(max_length=63)] | None = None
    """Namespace of the set."""
    labels: dict[str, str] = Field(default={})
    """Labels."""
    annotations: dict[str, str] = Field(default={})
    """Annotations."""
    uid: str | None = None
    """What tells two sets of one name apart."""
    generation: int | None = None
    """Number of the version of `spec`."""
    deletion_timestamp: str | None = None
    """When its deletion began."""


class BinanceStreamSet(Model):
    """A set of Binance market data streams that is kept flowing into NATS."""

    api_version: Literal["streams.petrosa.io/v1alpha1"]
    """Version of the API."""
    kind: Literal["BinanceStreamSet"]
    """Kind of the object."""
    metadata: Metadata
    """Name and namespace."""
    spec: BinanceStreamSetSpec
    """What is wanted."""
    status: dict[str, Any] | None = None
    """What is. Never read from a manifest."""


def parse(document: object, *, strict: bool = False) -> BinanceStreamSet:
    """Return a document as a resource. Raises `ConfigError`.

    The operator and the relay ignore fields that they do not know, because a newer CRD may come
    first; the command line refuses them (`strict`). Nulls and numbers mean what they mean to an API
    server (`as_served`).
    """
    return validate(BinanceStreamSet, as_served(BinanceStreamSet, document), strict=strict)

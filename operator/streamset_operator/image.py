"""Which image the relays run: the resource's, else the operator's default, else the built-in one.

With `imageUpdatePolicy: Stay`, a relay that runs a default image keeps that one when the operator's
default changes. What it was is remembered on its Deployment (`labels.DEFAULT_IMAGE`) and not read
from the running container, because that may be what somebody changed by hand.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from streamset_api.pod import ImageUpdatePolicy
from streamset_api.spec import BinanceStreamSetSpec
from streamset_operator.labels import DEFAULT_IMAGE


@dataclass(frozen=True)
class Image:
    """An image, and whether it is the operator's choice and no manifest's."""

    name: str
    is_default: bool


def choose(spec: BinanceStreamSetSpec, default: str, remembered: str | None) -> Image:
    """Return the image of a relay; `remembered` is the default that it was made with, if it was."""
    if spec.image is not None:
        return Image(spec.image, is_default=False)
    if spec.image_update_policy is ImageUpdatePolicy.STAY and remembered:
        return Image(remembered, is_default=True)
    return Image(default, is_default=True)


def remembered(deployment: Mapping[str, Any] | None) -> str | None:
    """Return the default image that a live Deployment was made with."""
    metadata = (deployment or {}).get("metadata", {})
    found = (metadata.get("annotations") or {}).get(DEFAULT_IMAGE)
    return found if isinstance(found, str) else None

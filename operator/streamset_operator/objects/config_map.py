"""The ConfigMap of a relay: the file that it runs from, and what of it is on the move."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from streamset_api.errors import ConfigError
from streamset_api.relay_config import RelayConfig, relay_document, to_yaml
from streamset_operator import labels
from streamset_operator.move import NOTHING, Share
from streamset_operator.plan import Relay

FILE = "relay.yaml"


def config_map(relay: Relay) -> dict[str, Any]:
    """Return the relay's whole resolved configuration; it reads nothing else of the set."""
    annotations = {labels.CONFIG_HASH: relay.config_hash}
    if relay.share.leaving:
        annotations[labels.LEAVING] = str(len(relay.share.leaving))
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": relay.name, "annotations": annotations},
        "data": {FILE: _text(relay.config)},
    }


def read_share(live: Mapping[str, Any]) -> Share:
    """Return the share that a live ConfigMap lists.

    One that somebody has spoilt lists nothing: its streams are placed anew and it is written anew.
    """
    listed = _streams((live.get("data") or {}).get(FILE) or "")
    leaving = annotation(live, labels.LEAVING) or "0"
    count = int(leaving) if leaving.isascii() and leaving.isdecimal() else 0
    border = max(len(listed) - count, 0)
    return Share(listed[:border], listed[border:]) if listed else NOTHING


def annotation(live: Mapping[str, Any], name: str) -> str | None:
    """Return an annotation of an object."""
    found = (live.get("metadata", {}).get("annotations") or {}).get(name)
    return found if isinstance(found, str) else None


@lru_cache(maxsize=4096)
def _text(config: RelayConfig) -> str:
    """Return the text of a relay's file. Writing YAML is slow, and configurations rarely change."""
    return to_yaml(config)


@lru_cache(maxsize=4096)
def _streams(text: str) -> tuple[str, ...]:
    """Return the streams of a relay's file. Reading it is slow too."""
    try:
        document = relay_document(text)
    except ConfigError:
        return ()
    listed = document.get("streams") if isinstance(document, dict) else None
    return (
        tuple(name for name in listed if isinstance(name, str)) if isinstance(listed, list) else ()
    )

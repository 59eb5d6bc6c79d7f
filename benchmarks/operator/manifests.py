"""The sets that are made: all alike, so that only their number makes a difference."""

from collections.abc import Iterator
from typing import Any

from streamset_api.resource import API_VERSION, KIND

NAMESPACES = tuple(f"bench-{number}" for number in range(10))

SYMBOLS = ("btcusdt", "ethusdt", "bnbusdt", "solusdt", "xrpusdt")
CHANNELS = ("trade", "ticker", "depth20@100ms")

OWNED = ("ServiceAccount", "Role", "RoleBinding", "Service", "ConfigMap", "Deployment")
"""What a set of one relay is made of, with neither a NetworkPolicy nor a PodMonitor."""


def manifests(count: int) -> Iterator[dict[str, Any]]:
    """Yield so many sets of one relay with 15 streams each, in turn over all namespaces."""
    for number in range(count):
        namespace = NAMESPACES[number % len(NAMESPACES)]
        yield {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"name": f"set-{number:05}", "namespace": namespace},
            "spec": {
                "symbols": list(SYMBOLS),
                "channels": list(CHANNELS),
                "nats": {"servers": ["nats://nats:4222"]},
            },
        }

"""Documents that tests start from."""

from typing import Any


def manifest(**spec: Any) -> dict[str, Any]:
    """Return a complete manifest; keyword arguments replace fields of its `spec`."""
    return {
        "apiVersion": "streams.petrosa.io/v1alpha1",
        "kind": "BinanceStreamSet",
        "metadata": {"name": "majors", "namespace": "data"},
        "spec": {
            "symbols": ["btcusdt"],
            "channels": ["trade"],
            "nats": {"servers": ["nats://nats:4222"]},
        }
        | spec,
    }


def nats(**fields: Any) -> dict[str, Any]:
    """Return `spec.nats` with further fields."""
    return {"servers": ["nats://nats:4222"]} | fields

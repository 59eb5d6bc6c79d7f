"""The PodMonitor of a set, for clusters with the Prometheus operator."""

from typing import Any

from streamset_operator import labels, names
from streamset_operator.objects.container import PORT_NAME


def pod_monitor(set_name: str) -> dict[str, Any]:
    """Return what makes Prometheus scrape every relay of the set."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": {"name": names.shared(set_name)},
        "spec": {
            "selector": {"matchLabels": labels.set_selector(set_name)},
            "podMetricsEndpoints": [{"port": PORT_NAME, "path": "/metrics"}],
            "podTargetLabels": [labels.SET, labels.RELAY],
        },
    }

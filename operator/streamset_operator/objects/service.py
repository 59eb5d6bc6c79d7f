"""The Service of a set: health, status and metrics of its relays."""

from typing import Any

from streamset_operator import labels, names
from streamset_operator.objects.container import PORT_NAME


def service(set_name: str) -> dict[str, Any]:
    """Return the Service; port 80 leads to the relays' HTTP server."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": names.shared(set_name)},
        "spec": {
            "selector": labels.set_selector(set_name),
            "ports": [{"name": PORT_NAME, "port": 80, "protocol": "TCP", "targetPort": PORT_NAME}],
        },
    }

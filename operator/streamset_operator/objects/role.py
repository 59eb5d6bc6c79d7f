"""The Role of a set's relays."""

from typing import Any

from streamset_api.resource import GROUP, PLURAL
from streamset_operator import names


def role(set_name: str) -> dict[str, Any]:
    """Return the one right that a relay has: to patch the status of its own set.

    Server-side apply on an object that exists needs no more.
    """
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": names.identity(set_name)},
        "rules": [
            {
                "apiGroups": [GROUP],
                "resources": [f"{PLURAL}/status"],
                "resourceNames": [set_name],
                "verbs": ["patch"],
            }
        ],
    }

"""The RoleBinding of a set's relays."""

from typing import Any

from streamset_operator import names


def role_binding(set_name: str, namespace: str, account: str) -> dict[str, Any]:
    """Return what gives the set's Role to the account that its relays run as."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": names.identity(set_name)},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "Role",
            "name": names.identity(set_name),
        },
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
    }

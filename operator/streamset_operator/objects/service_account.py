"""The ServiceAccount of a set's relays."""

from typing import Any

from streamset_operator import names


def service_account(set_name: str) -> dict[str, Any]:
    """Return the account that the relays report as. Its token is mounted by the pods themselves."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": names.identity(set_name)},
        "automountServiceAccountToken": False,
    }

"""Names of what the operator makes. This is the only place where one is formed.

A relay is `<set>-<number>`; its ConfigMap and its Deployment have its name. No two sets meet: the
set `majors-0` has relays `majors-0-0` and so on, and a kind is named either after the relay or
after the set, never both. The relays' identity is `<set>-relay` and not `<set>`, because every
namespace has a ServiceAccount `default`, and a set may be called so.

A set's name has at most 40 characters, so a relay's has at most 46, and those of its pods fit into
the 63 of a label.
"""

import re


def relay(set_name: str, number: int) -> str:
    """Return the name of a relay, of its ConfigMap and of its Deployment."""
    return f"{set_name}-{number}"


def number(set_name: str, relay_name: str) -> int | None:
    """Return the number in a relay's name; None where the name is not one of this set's relays."""
    found = re.fullmatch(re.escape(set_name) + r"-(0|[1-9][0-9]{0,4})", relay_name)
    return int(found[1]) if found else None


def identity(set_name: str) -> str:
    """Return the name of the set's ServiceAccount, Role and RoleBinding."""
    return f"{set_name}-relay"


def shared(set_name: str) -> str:
    """Return the name of the set's Service, NetworkPolicy and PodMonitor."""
    return set_name

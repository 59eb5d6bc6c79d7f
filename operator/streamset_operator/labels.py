"""Labels and annotations of what the operator makes.

A selector is the set, or the set and the relay, and nothing else: selectors of a Deployment cannot
change, and everything else may. `app.kubernetes.io/version` is never on a pod template, where an
update of the operator would restart every relay. Nothing is copied from the resource's own labels:
tools that track by label would take the children for theirs.
"""

from streamset_api.resource import GROUP

Labels = dict[str, str]

MANAGER = "streamset-operator"
"""Field manager of every write, and the value of `app.kubernetes.io/managed-by`."""

MANAGED_BY = "app.kubernetes.io/managed-by"
VERSION = "app.kubernetes.io/version"
SET = f"{GROUP}/set"
RELAY = f"{GROUP}/relay"

RECONCILE = f"{GROUP}/reconcile"
PAUSED = "paused"
"""Value of the resource's annotation `RECONCILE` with which the operator touches nothing."""

RESTARTED_AT = f"{GROUP}/restartedAt"
"""On the resource: any new value restarts the relays, because it is copied to the pods."""

RESTART_HASH = f"{GROUP}/restart-hash"
"""On the pod template: stands for everything in the configuration that takes a restart."""

CONFIG_HASH = f"{GROUP}/config-hash"
"""On a ConfigMap: what the relay reports once it runs this file."""

LEAVING = f"{GROUP}/leaving"
"""On a ConfigMap: how many streams at the end of its list are moving to another relay."""

DEFAULT_IMAGE = f"{GROUP}/default-image"
"""On a Deployment whose set names no image: the operator's default at the time."""


def of_set(set_name: str) -> Labels:
    """Return the labels of a set's pods and of everything made for it."""
    return {
        "app.kubernetes.io/name": "binance-streamset-relay",
        "app.kubernetes.io/instance": set_name,
        "app.kubernetes.io/component": "relay",
        MANAGED_BY: MANAGER,
        SET: set_name,
    }


def of_relay(set_name: str, relay: str) -> Labels:
    """Return the labels of one relay's pods and objects."""
    return of_set(set_name) | {RELAY: relay}


def set_selector(set_name: str) -> Labels:
    """Return what selects all pods of a set."""
    return {SET: set_name}


def relay_selector(set_name: str, relay: str) -> Labels:
    """Return what selects the pods of one relay."""
    return {SET: set_name, RELAY: relay}

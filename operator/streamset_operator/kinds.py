"""The kinds of object that the operator reads and writes, as the API server addresses them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from streamset_api import resource

Key = tuple[str, str]
"""A set: namespace and name."""


@dataclass(frozen=True)
class Kind:
    """One kind: `apps/v1`, `Deployment`, `deployments`."""

    api_version: str
    kind: str
    plural: str

    @property
    def group(self) -> str:
        """The group; empty for the core."""
        return self.api_version.rpartition("/")[0]

    @property
    def version(self) -> str:
        """The version within the group."""
        return self.api_version.rpartition("/")[2]

    @property
    def resource(self) -> str:
        """What rights are granted on: `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


SETS = Kind(resource.API_VERSION, resource.KIND, resource.PLURAL)

SERVICE_ACCOUNTS = Kind("v1", "ServiceAccount", "serviceaccounts")
ROLES = Kind("rbac.authorization.k8s.io/v1", "Role", "roles")
ROLE_BINDINGS = Kind("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings")
NETWORK_POLICIES = Kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies")
SERVICES = Kind("v1", "Service", "services")
POD_MONITORS = Kind("monitoring.coreos.com/v1", "PodMonitor", "podmonitors")
CONFIG_MAPS = Kind("v1", "ConfigMap", "configmaps")
DEPLOYMENTS = Kind("apps/v1", "Deployment", "deployments")

PODS = Kind("v1", "Pod", "pods")
EVENTS = Kind("v1", "Event", "events")
REVIEWS = Kind("authorization.k8s.io/v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews")

OWNED = (
    SERVICE_ACCOUNTS,
    ROLES,
    ROLE_BINDINGS,
    NETWORK_POLICIES,
    SERVICES,
    CONFIG_MAPS,
    DEPLOYMENTS,
)
"""What sets are made of in every cluster; PodMonitors come on top where the cluster knows them."""

_BY_KIND = {kind.kind: kind for kind in (SETS, *OWNED, POD_MONITORS, PODS)}


def of(document: Mapping[str, Any]) -> Kind:
    """Return the kind of an object that the operator made or watches."""
    return _BY_KIND[document["kind"]]


def watched(*, pod_monitors: bool) -> tuple[Kind, ...]:
    """Return the kinds that the operator follows."""
    return (SETS, *OWNED, PODS, *([POD_MONITORS] if pod_monitors else []))

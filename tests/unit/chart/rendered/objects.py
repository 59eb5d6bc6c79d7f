"""What a chart renders, by kind."""

from collections.abc import Sequence
from typing import Any, NamedTuple

Object = dict[str, Any]


class Grant(NamedTuple):
    """A verb on a resource of a group."""

    group: str
    resource: str
    verb: str


class Objects:
    """Rendered objects; the pod of `helm test` is the one with a hook."""

    def __init__(self, documents: Sequence[Object]) -> None:
        self.all = list(documents)

    def of(self, kind: str) -> list[Object]:
        """Return the objects of a kind."""
        return [document for document in self.all if document["kind"] == kind]

    def one(self, kind: str) -> Object:
        """Return the only object of a kind."""
        [found] = self.of(kind)
        return found

    @property
    def kinds(self) -> list[str]:
        """Return the kinds, sorted, each as often as there are objects of it."""
        return sorted(document["kind"] for document in self.all)

    @property
    def pod(self) -> Object:
        """Return the spec of the operator's pod."""
        spec: Object = self.one("Deployment")["spec"]["template"]["spec"]
        return spec

    @property
    def container(self) -> Object:
        """Return the operator's container."""
        [container] = self.pod["containers"]
        found: Object = container
        return found

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables of the operator that have a value."""
        return {
            entry["name"]: entry["value"] for entry in self.container["env"] if "value" in entry
        }


def grants(role: Object) -> list[Grant]:
    """Return what a role grants, one by one."""
    return [
        Grant(group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    ]

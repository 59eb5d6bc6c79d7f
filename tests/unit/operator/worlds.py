"""Builders of what there is in a cluster: a set, and the objects that others fill in."""

from collections.abc import Iterable
from typing import Any

from streamset_api.resource import BinanceStreamSet, parse
from streamset_api.spec import streams_of
from streamset_operator import labels
from streamset_operator.assign import assign
from streamset_operator.move import settled
from streamset_operator.objects import build
from streamset_operator.plan import Relay, plan
from streamset_operator.settings import Settings
from tests.unit.api.documents import manifest

UID = "11111111-2222-3333-4444-555555555555"
SETTINGS = Settings(version="1.2.3", relay_image="relay:default")


def resource(metadata: dict[str, Any] | None = None, **spec: Any) -> BinanceStreamSet:
    """Return a set of one stream, as the API server has it; keyword arguments replace fields."""
    document = manifest(**spec)
    document["metadata"] |= {"uid": UID, "generation": 3} | (metadata or {})
    return parse(document)


def relays_of(found: BinanceStreamSet) -> tuple[Relay, ...]:
    """Return the relays of a set in which nothing moves."""
    spec = found.spec
    return plan(found, settled(assign(streams_of(spec), {}, spec.max_streams_per_relay)))


def objects_of(found: BinanceStreamSet, **options: Any) -> list[dict[str, Any]]:
    """Return the objects of such a set."""
    return build(found, relays_of(found), SETTINGS, **{"pod_monitors": True} | options)


def of_kind(objects: Iterable[dict[str, Any]], kind: str) -> dict[str, Any]:
    """Return the only object of a kind."""
    [found] = [thing for thing in objects if thing["kind"] == kind]
    return found


def pod_of(**spec: Any) -> dict[str, Any]:
    """Return the pod's spec of a set with one relay."""
    found: dict[str, Any] = of_kind(objects_of(resource(**spec)), "Deployment")
    return dict(found["spec"]["template"]["spec"])


def container_of(**spec: Any) -> dict[str, Any]:
    """Return the relay's container of a set with one relay."""
    [container] = pod_of(**spec)["containers"]
    return dict(container)


def deployment(name: str, *, replicas: int = 1, **status: Any) -> dict[str, Any]:
    """Return a live Deployment whose pod is ready; keyword arguments replace fields of `status`."""
    ready = {
        "observedGeneration": 1,
        "replicas": replicas,
        "updatedReplicas": replicas,
        "availableReplicas": replicas,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "generation": 1},
        "spec": {"replicas": replicas},
        "status": ready | status,
    }


def pod(
    name: str,
    relay: str,
    *,
    ready: bool = True,
    created: str = "2026-01-01T00:00:00Z",
    state: dict[str, Any] | None = None,
    **container: Any,
) -> dict[str, Any]:
    """Return a live pod; keyword arguments are further fields of its container's status."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "labels": {labels.RELAY: relay},
            "creationTimestamp": created,
        },
        "status": {
            "phase": "Running",
            "conditions": [
                {"type": "PodScheduled", "status": "True"},
                {"type": "Ready", "status": str(ready)},
            ],
            "containerStatuses": [
                {"name": "relay", "image": "relay:default", "state": state or {"running": {}}}
                | container
            ],
        },
    }


def entry(relay: str, **fields: Any) -> dict[str, Any]:
    """Return what a relay reports when all is well; keyword arguments replace fields."""
    return {
        "name": relay,
        "pod": f"{relay}-pod",
        "setUid": UID,
        "configHash": "wanted",
        "phase": "Running",
        "webSocket": {"connected": True},
        "nats": {"connected": True},
        "streams": {"desired": 1, "active": 1},
        "silentStreams": {"count": 0, "names": []},
        "messagesPerSecond": 120.0,
    } | fields

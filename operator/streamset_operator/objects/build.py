"""All objects of a set, in the order in which they are applied."""

from collections.abc import Mapping, Sequence
from typing import Any

from streamset_api.resource import API_VERSION, KIND, BinanceStreamSet
from streamset_operator import image, labels
from streamset_operator.objects.config_map import config_map
from streamset_operator.objects.deployment import deployment
from streamset_operator.objects.network_policy import network_policy
from streamset_operator.objects.pod import account
from streamset_operator.objects.pod_monitor import pod_monitor
from streamset_operator.objects.role import role
from streamset_operator.objects.role_binding import role_binding
from streamset_operator.objects.service import service
from streamset_operator.objects.service_account import service_account
from streamset_operator.plan import Relay
from streamset_operator.settings import Settings

Object = dict[str, Any]


def build(
    resource: BinanceStreamSet,
    relays: Sequence[Relay],
    settings: Settings,
    live: Mapping[str, Object] | None = None,
    *,
    pod_monitors: bool,
) -> list[Object]:
    """Return the objects of a set whose relays are `relays`.

    `live` are the Deployments that there are, by name: only the image that they were made with is
    read from them. `pod_monitors` says whether the cluster knows that kind. The set has a namespace.
    """
    name, namespace = resource.metadata.name, resource.metadata.namespace or ""
    spec, live = resource.spec, live or {}
    own_account = spec.pod.service_account_name is None
    shared = [
        *([service_account(name)] if own_account else []),
        role(name),
        role_binding(name, namespace, account(resource)),
        *([network_policy(name, spec, settings)] if spec.network_policy.enabled else []),
        service(name),
        *([pod_monitor(name)] if spec.monitoring.pod_monitor.enabled and pod_monitors else []),
    ]
    return [
        *(_of_set(resource, settings, thing, labels.of_set(name)) for thing in shared),
        *(
            _of_set(resource, settings, thing, labels.of_relay(name, relay.name))
            for relay in relays
            for thing in (
                config_map(relay),
                deployment(resource, relay, _image(resource, relay, settings, live), settings),
            )
        ),
    ]


def _image(
    resource: BinanceStreamSet, relay: Relay, settings: Settings, live: Mapping[str, Object]
) -> image.Image:
    remembered = image.remembered(live.get(relay.name))
    return image.choose(resource.spec, settings.default_image, remembered)


def _of_set(
    resource: BinanceStreamSet, settings: Settings, thing: Object, its_labels: labels.Labels
) -> Object:
    """Return the object with namespace, labels and owner: what all have in common."""
    owner = resource.metadata
    metadata: Object = {
        "name": thing["metadata"]["name"],
        "namespace": owner.namespace,
        "labels": its_labels | {labels.VERSION: settings.version},
    }
    if thing["metadata"].get("annotations"):
        metadata["annotations"] = thing["metadata"]["annotations"]
    if owner.uid is not None:  # a manifest that was never applied has none
        # No blockOwnerDeletion: it would ask for a right on the set's finalizers.
        reference = {"apiVersion": API_VERSION, "kind": KIND, "name": owner.name, "uid": owner.uid}
        metadata["ownerReferences"] = [reference | {"controller": True}]
    head = {"apiVersion": thing["apiVersion"], "kind": thing["kind"], "metadata": metadata}
    return head | {name: value for name, value in thing.items() if name not in head}

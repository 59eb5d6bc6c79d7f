"""The Deployment of a relay."""

from typing import Any

from streamset_api.resource import BinanceStreamSet
from streamset_operator import labels
from streamset_operator.image import Image
from streamset_operator.objects.pod import pod_spec
from streamset_operator.plan import Relay
from streamset_operator.settings import Settings


def deployment(
    resource: BinanceStreamSet, relay: Relay, image: Image, settings: Settings
) -> dict[str, Any]:
    """Return a Deployment of one pod, or of none while the set is suspended.

    A new pod comes first, and the old one goes when that is ready: then it hands the streams over.
    Nothing of the template depends on the streams or on the operator's version.
    """
    name, spec = resource.metadata.name, resource.spec
    annotations = {labels.DEFAULT_IMAGE: image.name} if image.is_default else {}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": relay.name, "annotations": annotations},
        "spec": {
            "replicas": 0 if spec.suspend else 1,
            "revisionHistoryLimit": 2,
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
            },
            "selector": {"matchLabels": labels.relay_selector(name, relay.name)},
            "template": {
                "metadata": {
                    "labels": dict(spec.pod.labels) | labels.of_relay(name, relay.name),
                    "annotations": _annotations(resource, relay),
                },
                "spec": pod_spec(resource, relay, image.name, settings),
            },
        },
    }


def _annotations(resource: BinanceStreamSet, relay: Relay) -> dict[str, str]:
    annotations = dict(resource.spec.pod.annotations) | {labels.RESTART_HASH: relay.restart_hash}
    restarted_at = resource.metadata.annotations.get(labels.RESTARTED_AT)
    if restarted_at is not None:
        annotations[labels.RESTARTED_AT] = restarted_at
    return annotations

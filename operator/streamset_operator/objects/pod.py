"""The pod of a relay, restricted as the pod security standard of that name asks for.

What a manifest adds (`spec.pod`) goes where it can do no harm to what the operator relies on: our
labels, annotations, variables and mounts win over those of the same name. Lists that the API server
keeps by key hold each key once, because it refuses anything else.
"""

from typing import Any

from streamset_api.resource import BinanceStreamSet
from streamset_api.spec import BinanceStreamSetSpec
from streamset_operator import names, secrets
from streamset_operator.objects.container import container, given, once
from streamset_operator.plan import Relay
from streamset_operator.settings import Settings

USER = 65532
TOKEN_LIFE = 3600

Dict = dict[str, Any]


def pod_spec(resource: BinanceStreamSet, relay: Relay, image: str, settings: Settings) -> Dict:
    """Return the `spec` of the pod template."""
    spec, pod = resource.spec, resource.spec.pod
    chosen = {
        "nodeSelector": dict(pod.node_selector),
        "affinity": pod.affinity,
        "tolerations": [given(toleration) for toleration in pod.tolerations],
        "topologySpreadConstraints": list(pod.topology_spread_constraints),
        "priorityClassName": pod.priority_class_name,
        "imagePullSecrets": _pull_secrets(spec, settings),
    }
    return {
        "serviceAccountName": account(resource),
        "automountServiceAccountToken": False,  # the projected token below, which can expire
        "enableServiceLinks": False,  # a Service called `health` would set HEALTH_PORT
        "terminationGracePeriodSeconds": pod.termination_grace_period_seconds,
        "securityContext": _security(pod.security_context or {}),
        "containers": [container(spec, image)],
        "volumes": once("name", [*pod.extra_volumes, *_volumes(spec, relay)]),
    } | {name: value for name, value in chosen.items() if value}


def account(resource: BinanceStreamSet) -> str:
    """Return the ServiceAccount that the relays run as."""
    return resource.spec.pod.service_account_name or names.identity(resource.metadata.name)


def _security(chosen: Dict) -> Dict:
    context = {
        "runAsNonRoot": True,
        "runAsUser": USER,
        "runAsGroup": USER,
        "fsGroup": USER,
        "seccompProfile": {"type": "RuntimeDefault"},
    } | chosen
    return {name: value for name, value in context.items() if value is not None}


def _volumes(spec: BinanceStreamSetSpec, relay: Relay) -> list[Dict]:
    namespace = {"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}
    sources: list[Dict] = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": TOKEN_LIFE}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [namespace]}},
    ]
    return [
        {"name": "config", "configMap": {"name": relay.name}},
        {"name": "tmp", "emptyDir": {}},
        {"name": "api-access", "projected": {"sources": sources}},
        *secrets.volumes(spec),
    ]


def _pull_secrets(spec: BinanceStreamSetSpec, settings: Settings) -> list[Dict]:
    wanted = [reference.name for reference in spec.image_pull_secrets]
    return [{"name": name} for name in dict.fromkeys([*wanted, *settings.relay_image_pull_secrets])]

"""The NetworkPolicy of a set: what its relays need, and nothing else.

A policy knows addresses and ports, no names, and it sees traffic behind a Service's translation: it
allows the ports that the manifest names, to anywhere. Where the NATS Service has another port than
its pods, a further policy has to allow theirs.
"""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from streamset_api.market import MARKETS
from streamset_api.spec import BinanceStreamSetSpec
from streamset_operator import labels, names
from streamset_operator.objects.container import PORT
from streamset_operator.settings import Settings

DNS_PORT = 53
DEFAULT_PORTS = {"nats": 4222, "tls": 4222, "ws": 80, "wss": 443, "http": 80, "https": 443}


def network_policy(set_name: str, spec: BinanceStreamSetSpec, settings: Settings) -> dict[str, Any]:
    """Return what lets relays out to what they talk to, and probes and metrics in."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": names.shared(set_name)},
        "spec": {
            "podSelector": {"matchLabels": labels.set_selector(set_name)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": _ingress(settings),
            "egress": [
                {
                    "ports": [
                        {"port": DNS_PORT, "protocol": "UDP"},
                        {"port": DNS_PORT, "protocol": "TCP"},
                    ]
                },
                {"ports": _tcp(_ports(spec))},
                _api_server(settings),
            ],
        },
    }


def _ingress(settings: Settings) -> list[dict[str, Any]]:
    """Return the one rule; without a namespace none, because an empty `from` lets everybody in."""
    allowed = sorted({*settings.ingress_namespaces, *settings.monitoring_namespaces})
    if not allowed:
        return []
    expression = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": allowed}
    peer = {"namespaceSelector": {"matchExpressions": [expression]}}
    return [{"from": [peer], "ports": _tcp([PORT])}]


def _api_server(settings: Settings) -> dict[str, Any]:
    rule: dict[str, Any] = {"ports": _tcp(settings.api_server_ports)}
    if settings.api_server_cidrs:
        rule["to"] = [{"ipBlock": {"cidr": cidr}} for cidr in settings.api_server_cidrs]
    return rule


def _ports(spec: BinanceStreamSetSpec) -> list[int]:
    addresses = [*spec.nats.servers, spec.endpoint or MARKETS[spec.market].url]
    if spec.telemetry.otlp_endpoint is not None:
        addresses.append(spec.telemetry.otlp_endpoint)
    return [_port(address) for address in addresses]


def _port(address: str) -> int:
    parts = urlsplit(address)
    return parts.port or DEFAULT_PORTS[parts.scheme]


def _tcp(ports: Iterable[int]) -> list[dict[str, Any]]:
    return [{"port": port, "protocol": "TCP"} for port in sorted(set(ports))]

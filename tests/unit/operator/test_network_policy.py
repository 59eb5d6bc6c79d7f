"""The NetworkPolicy: what the manifest and the operator's settings ask for, and nothing else."""

from typing import Any

import pytest

from streamset_operator.objects.network_policy import network_policy
from streamset_operator.settings import Settings
from tests.unit.api.documents import nats
from tests.unit.operator.worlds import resource


def policy(settings: Settings | None = None, **spec: Any) -> Any:
    found = resource(**spec)
    return network_policy("majors", found.spec, settings or Settings(version="1"))["spec"]


def out(**spec: Any) -> list[int]:
    return [port["port"] for port in policy(**spec)["egress"][1]["ports"]]


def test_dns_on_both_protocols() -> None:
    assert policy()["egress"][0] == {
        "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]
    }


@pytest.mark.parametrize(
    ("spec", "ports"),
    [
        ({}, [4222, 9443]),
        ({"market": "usdm"}, [443, 4222]),
        ({"endpoint": "ws://proxy"}, [80, 4222]),
        ({"endpoint": "wss://[fd00::1]:8443/ws"}, [4222, 8443]),
        ({"nats": nats(servers=["nats://a:4223", "tls://b", "nats://c:4223"])}, [4222, 4223, 9443]),
        ({"telemetry": {"otlpEndpoint": "http://collector:4318"}}, [4222, 4318, 9443]),
        ({"telemetry": {"otlpEndpoint": "https://collector/v1"}}, [443, 4222, 9443]),
    ],
)
def test_the_ports_of_the_manifest(spec: dict[str, Any], ports: list[int]) -> None:
    assert out(**spec) == ports


def test_the_api_server() -> None:
    assert policy()["egress"][2] == {
        "ports": [{"port": port, "protocol": "TCP"} for port in (443, 6443, 16443)]
    }
    narrow = Settings(version="1", api_server_ports=(6443,), api_server_cidrs=("10.0.0.1/32",))
    assert policy(narrow)["egress"][2] == {
        "ports": [{"port": 6443, "protocol": "TCP"}],
        "to": [{"ipBlock": {"cidr": "10.0.0.1/32"}}],
    }


def test_in_come_the_ingress_and_the_monitoring() -> None:
    settings = Settings(version="1", ingress_namespaces=("b",), monitoring_namespaces=("a", "b"))

    assert policy(settings)["ingress"] == [
        {
            "from": [
                {
                    "namespaceSelector": {
                        "matchExpressions": [
                            {
                                "key": "kubernetes.io/metadata.name",
                                "operator": "In",
                                "values": ["a", "b"],
                            }
                        ]
                    }
                }
            ],
            "ports": [{"port": 8080, "protocol": "TCP"}],
        }
    ]


def test_without_a_namespace_nobody_comes_in() -> None:
    """An empty `from` would let everybody in."""
    settings = Settings(version="1", ingress_namespaces=(), monitoring_namespaces=())

    assert policy(settings)["ingress"] == []
    assert policy(settings)["policyTypes"] == ["Ingress", "Egress"]

"""What else the chart makes: names, labels, selectors, and what is optional."""

from typing import Any

import pytest

from streamset_api import crd
from tests.unit.chart.rendered.conftest import Render

SELECTOR = {
    "app.kubernetes.io/name": "binance-streamset-operator",
    "app.kubernetes.io/instance": "streamset",
    "app.kubernetes.io/component": "operator",
}
DEFAULT = [
    *("ClusterRole", "ClusterRole", "ClusterRole", "ClusterRoleBinding"),
    *("CustomResourceDefinition", "Deployment", "Pod", "Service", "ServiceAccount"),
]
CLUSTER_WIDE = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"}


def test_what_is_made_by_default(render: Render) -> None:
    assert render().kinds == DEFAULT


@pytest.mark.parametrize(
    ("release", "values", "name"),
    [
        ("streamset", {}, "streamset-binance-streamset-operator"),
        ("binance-streamset-operator", {}, "binance-streamset-operator"),
        ("streamset", {"nameOverride": "bss"}, "streamset-bss"),
        ("streamset", {"fullnameOverride": "bss"}, "bss"),
        ("r" * 53, {}, f"{'r' * 53}-binance-s"),
    ],
)
def test_names(render: Render, release: str, values: dict[str, str], name: str) -> None:
    objects = render(values, release)

    for kind in ("Deployment", "Service", "ServiceAccount", "ClusterRoleBinding"):
        assert objects.one(kind)["metadata"]["name"] == name
        assert len(name) <= 63
    assert len(objects.one("Pod")["metadata"]["name"]) <= 63


def test_every_object_says_where_it_is(render: Render) -> None:
    """Written into the object, so that plain `kubectl apply` of what was rendered does the same."""
    objects = render({"networkPolicy.enabled": True, "metrics.podMonitor.enabled": True})

    for found in objects.all:
        wide = found["kind"] in CLUSTER_WIDE
        assert found["metadata"].get("namespace") == (None if wide else "ops"), found["kind"]


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"commonLabels": {"app.kubernetes.io/name": "x", "team": "data"}},
        {"podLabels": {"app.kubernetes.io/component": "x"}},
        {"image.tag": "9.9.9", "watch.namespaces": ["a"], "crds.enabled": False},
    ],
)
def test_selectors_are_stable_and_select_the_operator_alone(
    render: Render, values: dict[str, Any]
) -> None:
    """A Deployment's selector cannot change: an upgrade with another one is refused."""
    objects = render({**values, "networkPolicy.enabled": True, "metrics.podMonitor.enabled": True})
    deployment = objects.one("Deployment")["spec"]
    labels = deployment["template"]["metadata"]["labels"]

    assert deployment["selector"] == {"matchLabels": SELECTOR}
    assert objects.one("Service")["spec"]["selector"] == SELECTOR
    assert objects.one("NetworkPolicy")["spec"]["podSelector"] == {"matchLabels": SELECTOR}
    assert objects.one("PodMonitor")["spec"]["selector"] == {"matchLabels": SELECTOR}
    assert labels.items() >= SELECTOR.items()
    assert not objects.one("Pod")["metadata"]["labels"].items() >= SELECTOR.items()


def test_labels_of_ones_own_are_on_everything(render: Render) -> None:
    objects = render({"commonLabels": {"team": "data"}, "podLabels": {"mesh": "off"}})
    template = objects.one("Deployment")["spec"]["template"]["metadata"]["labels"]

    assert {found["metadata"]["labels"]["team"] for found in objects.all} == {"data"}
    assert template == SELECTOR | {"team": "data", "mesh": "off"}


def test_annotations_go_where_they_are_asked_for(render: Render) -> None:
    mine = {"mine": "yes"}
    objects = render(
        {
            "podAnnotations": mine,
            "serviceAccount.annotations": mine,
            "metrics.serviceAnnotations": mine,
            "crds.annotations": mine,
        }
    )

    assert objects.one("Deployment")["spec"]["template"]["metadata"]["annotations"] == mine
    assert objects.one("ServiceAccount")["metadata"]["annotations"] == mine
    assert objects.one("Service")["metadata"]["annotations"] == mine
    assert (
        objects.one("CustomResourceDefinition")["metadata"]["annotations"].items() >= mine.items()
    )


def test_the_crd_is_the_generated_one_and_outlives_the_release(render: Render) -> None:
    found = render().one("CustomResourceDefinition")
    wanted = crd.definition()

    assert found["spec"] == wanted["spec"]
    assert found["metadata"]["name"] == wanted["metadata"]["name"]
    assert found["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_the_crd_may_go_with_the_release_or_come_from_elsewhere(render: Render) -> None:
    going = render({"crds.keep": False}).one("CustomResourceDefinition")

    assert "annotations" not in going["metadata"]
    assert "CustomResourceDefinition" not in render({"crds.enabled": False}).kinds


def test_the_metrics_are_behind_a_service(render: Render) -> None:
    service = render({"metrics.port": 9191}).one("Service")["spec"]

    assert service["ports"] == [{"name": "metrics", "port": 9191, "targetPort": "metrics"}]


def test_the_network_policy_lets_out_what_the_operator_needs(render: Render) -> None:
    values = {
        "networkPolicy.enabled": True,
        "networkPolicy.apiServerPorts": [6443],
        "networkPolicy.apiServerCIDRs": ["10.0.0.1/32", "::/0"],
    }
    policy = render(values).one("NetworkPolicy")["spec"]

    assert policy["policyTypes"] == ["Ingress", "Egress"]
    dns, api_server = policy["egress"]
    assert dns == {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}
    assert api_server == {
        "ports": [{"port": 6443}],
        "to": [{"ipBlock": {"cidr": "10.0.0.1/32"}}, {"ipBlock": {"cidr": "::/0"}}],
    }


def test_the_network_policy_lets_in_monitoring_and_the_test(render: Render) -> None:
    objects = render({"networkPolicy.enabled": True, "networkPolicy.monitoringNamespaces": ["m"]})
    [rule] = objects.one("NetworkPolicy")["spec"]["ingress"]
    test, monitoring = rule["from"]

    assert rule["ports"] == [{"port": "metrics"}]
    assert monitoring["namespaceSelector"]["matchExpressions"][0]["values"] == ["m"]
    wanted = test["podSelector"]["matchLabels"]
    assert objects.one("Pod")["metadata"]["labels"].items() >= wanted.items()


def test_without_monitoring_the_test_alone_gets_in(render: Render) -> None:
    """An empty `from` would let everybody in."""
    values = {"networkPolicy.enabled": True, "networkPolicy.monitoringNamespaces": []}
    [rule] = render(values).one("NetworkPolicy")["spec"]["ingress"]

    assert [list(peer) for peer in rule["from"]] == [["podSelector"]]


def test_a_pod_monitor_scrapes_the_metrics(render: Render) -> None:
    values = {
        "metrics.podMonitor.enabled": True,
        "metrics.podMonitor.labels": {"release": "prometheus"},
        "metrics.podMonitor.interval": "30s",
    }
    found = render(values).one("PodMonitor")

    assert found["metadata"]["labels"]["release"] == "prometheus"
    assert found["spec"]["podMetricsEndpoints"] == [
        {"port": "metrics", "path": "/metrics", "interval": "30s"}
    ]

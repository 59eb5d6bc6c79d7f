"""The operator's pod: one at a time, restricted, probed where the operator answers."""

from typing import Any

import pytest

from tests.unit.chart.rendered.conftest import Render
from tests.unit.chart.rendered.objects import Object

TOLERATION = {"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}
AFFINITY: Object = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": []}}


def pods(render: Render, values: dict[str, Any]) -> list[Object]:
    objects = render(values)
    return [objects.pod, objects.one("Pod")["spec"]]


def test_there_is_never_a_second_operator(render: Render) -> None:
    spec = render().one("Deployment")["spec"]

    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}


def test_pods_are_restricted(render: Render) -> None:
    """As the pod security standard of that name asks for; the API server's own check is elsewhere."""
    for pod in pods(render, {}):
        [container] = pod["containers"]
        assert pod["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert pod["enableServiceLinks"] is False


def test_a_platform_may_choose_the_numbers(render: Render) -> None:
    values = {"podSecurityContext.runAsUser": None, "podSecurityContext.runAsGroup": None}

    for pod in pods(render, values):
        assert set(pod["securityContext"]) == {"runAsNonRoot", "seccompProfile"}


def test_only_the_operator_gets_a_token(render: Render) -> None:
    objects = render()

    assert objects.pod["automountServiceAccountToken"] is True
    assert objects.one("Pod")["spec"]["automountServiceAccountToken"] is False
    assert objects.one("ServiceAccount")["automountServiceAccountToken"] is False


def test_probes_ask_where_the_operator_answers(render: Render) -> None:
    container = render({"health.port": 8181, "metrics.port": 9191}).container
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    probes = {name: container[f"{name}Probe"]["httpGet"] for name in ("liveness", "readiness")}

    assert ports == {"health": 8181, "metrics": 9191}
    assert probes == {
        "liveness": {"path": "/healthz", "port": "health"},
        "readiness": {"path": "/ready", "port": "health"},
    }


@pytest.mark.parametrize(
    ("values", "field", "expected"),
    [
        ({"nodeSelector": {"disk": "ssd"}}, "nodeSelector", {"disk": "ssd"}),
        ({"tolerations": [TOLERATION]}, "tolerations", [TOLERATION]),
        ({"affinity": AFFINITY}, "affinity", AFFINITY),
        ({"priorityClassName": "high"}, "priorityClassName", "high"),
        ({"image.pullSecrets": ["one"]}, "imagePullSecrets", [{"name": "one"}]),
        ({"terminationGracePeriodSeconds": 5}, "terminationGracePeriodSeconds", 5),
        ({"serviceAccount.name": "mine"}, "serviceAccountName", "mine"),
        ({"serviceAccount.create": False}, "serviceAccountName", "default"),
    ],
)
def test_a_value_reaches_the_pod(
    render: Render, values: dict[str, Any], field: str, expected: object
) -> None:
    assert render(values).pod[field] == expected


def test_what_is_not_given_is_not_there(render: Render) -> None:
    optional = {"nodeSelector", "tolerations", "affinity", "priorityClassName", "imagePullSecrets"}

    assert not optional & set(render().pod)


def test_resources_and_pull_policy_reach_the_container(render: Render) -> None:
    limits = {"cpu": 1, "memory": "1Gi"}
    container = render({"resources.limits": limits, "image.pullPolicy": "Always"}).container

    assert container["resources"]["limits"] == limits
    assert container["imagePullPolicy"] == "Always"


def test_the_helm_test_can_run_where_the_operator_can(render: Render) -> None:
    """On the same nodes, with the same image, from the same registry; else it would fail for its own reasons."""
    values = {
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [TOLERATION],
        "image.pullSecrets": ["one"],
    }
    operator, test = pods(render, values)

    for field in ("nodeSelector", "tolerations", "imagePullSecrets", "securityContext"):
        assert test[field] == operator[field]
    for field in ("image", "imagePullPolicy", "resources"):
        assert test["containers"][0][field] == operator["containers"][0][field]

"""What Deployments and pods say."""

from typing import Any

import pytest

from streamset_operator.observed import Failure, PodState, Workload
from streamset_operator.reasons import Reason
from streamset_operator.workloads import pod_state, workload
from tests.unit.operator.worlds import deployment, pod


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        (deployment("a-0"), Workload(rolled_out=True, available=True)),
        (deployment("a-0", replicas=0), Workload(rolled_out=True, stopped=True)),
        (deployment("a-0", availableReplicas=0), Workload(rolled_out=True)),
        (deployment("a-0", observedGeneration=0), Workload()),
        (deployment("a-0", updatedReplicas=0), Workload(available=True)),
        (deployment("a-0", replicas=0) | {"status": {}}, Workload()),
        ({"metadata": {"name": "a-0"}}, Workload()),
    ],
)
def test_a_deployment(live: dict[str, Any], expected: Workload) -> None:
    assert workload(live) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            'pods "a-0-7d4b-x2x7p" is forbidden: violates PodSecurity "restricted:latest": runAsUser',
            Failure(
                Reason.POD_REFUSED,
                'its pod is refused: violates PodSecurity "restricted:latest": runAsUser',
            ),
        ),
        (
            'pods "a-0-7d4b-zzzzz" is forbidden: exceeded quota: small, requested: cpu=1',
            Failure(
                Reason.QUOTA_EXCEEDED, "its pod is refused: exceeded quota: small, requested: cpu=1"
            ),
        ),
    ],
)
def test_why_no_pod_can_be_made_without_the_pods_name_which_is_another_each_time(
    said: str, expected: Failure
) -> None:
    conditions = [
        {"type": "Available", "status": "False"},
        {"type": "ReplicaFailure", "status": "True", "message": said},
    ]

    assert workload(deployment("a-0", conditions=conditions)).refused == expected


def test_a_failure_that_is_over_is_none() -> None:
    conditions = [{"type": "ReplicaFailure", "status": "False", "message": "x"}]

    assert workload(deployment("a-0", conditions=conditions)).refused is None


def waiting(reason: str) -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": "back-off 20s"}}


def ended(code: int, reason: str = "Error") -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason}}


FAILING: list[tuple[dict[str, Any], Reason, str]] = [
    ({"state": waiting("ImagePullBackOff")}, Reason.IMAGE_UNAVAILABLE, "relay:default"),
    ({"state": waiting("ErrImagePull")}, Reason.IMAGE_UNAVAILABLE, "relay:default"),
    ({"state": waiting("CreateContainerConfigError")}, Reason.CONTAINER_FAILING, "ConfigError"),
    (
        {"state": waiting("CrashLoopBackOff"), "lastState": ended(2)},
        Reason.CONTAINER_FAILING,
        "exit code 2, wrong configuration",
    ),
    ({"state": waiting("CrashLoopBackOff")}, Reason.CONTAINER_FAILING, "CrashLoopBackOff"),
    ({"state": ended(4)}, Reason.CONTAINER_FAILING, "exit code 4, the reconnect attempts"),
    ({"state": ended(137, "OOMKilled")}, Reason.CONTAINER_FAILING, "resources.limits.memory"),
    ({"state": ended(99)}, Reason.CONTAINER_FAILING, "exit code 99"),
]


@pytest.mark.parametrize(("status", "reason", "says"), FAILING)
def test_a_container_that_cannot_run(status: dict[str, Any], reason: Reason, says: str) -> None:
    state = pod_state(pod("p", "a-0", ready=False, **status))

    assert state.trouble is not None
    assert state.trouble.reason is reason
    assert says in state.trouble.message
    assert "back-off" not in state.trouble.message  # it is another one with each try


def test_both_words_of_a_pull_are_one_trouble() -> None:
    first, second = (
        pod_state(pod("p", "a-0", state=waiting(word)))
        for word in ("ErrImagePull", "ImagePullBackOff")
    )

    assert first == second


@pytest.mark.parametrize("state", [{"running": {}}, waiting("ContainerCreating"), ended(0)])
def test_a_container_on_its_way_is_no_trouble(state: dict[str, Any]) -> None:
    found = pod_state(pod("p", "a-0", ready=False, state=state, lastState=ended(1)))

    assert found == PodState("p", running="running" in state)


def test_a_pod_that_no_node_takes() -> None:
    live = pod("p", "a-0")
    live["status"] = {
        "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]
    }

    trouble = pod_state(live).trouble
    assert trouble is not None
    assert trouble.reason is Reason.UNSCHEDULABLE


def test_a_pod_that_has_said_nothing_yet() -> None:
    assert pod_state({"metadata": {"name": "p"}}) == PodState("p")

"""What Deployments and pods say, in few facts.

Messages are our own words: those of the kubelet hold counters and names that change with each try,
and every change would be written to the resource.
"""

import re
from collections.abc import Mapping
from typing import Any

from streamset_operator.observed import Failure, PodState, Workload
from streamset_operator.reasons import Reason

Object = Mapping[str, Any]

_IMAGE_WORDS = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}
_FAILING_WORDS = {
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
}
_ENDS = {
    1: "a bug, a lost task, no memory, or a standstill",
    2: "wrong configuration",
    4: "the reconnect attempts are exhausted",
    137: "killed, or out of memory",
}
"""Exit codes of the relay, as `docs/relay.md` has them."""


def workload(deployment: Object) -> Workload:
    """Return what a live Deployment says."""
    spec, status = deployment.get("spec") or {}, deployment.get("status") or {}
    generation = deployment["metadata"].get("generation", 0)
    current = status.get("observedGeneration", 0) >= generation
    pods, updated = status.get("replicas", 0), status.get("updatedReplicas", 0)
    return Workload(
        rolled_out=current and pods == updated == spec.get("replicas", 1),
        available=current and status.get("availableReplicas", 0) >= 1,
        stopped=current and spec.get("replicas", 1) == pods == 0,
        refused=_refused(status.get("conditions") or ()),
    )


def pod_state(pod: Object) -> PodState:
    """Return what a pod says."""
    status = pod.get("status") or {}
    conditions = {found["type"]: found for found in status.get("conditions") or ()}
    containers = status.get("containerStatuses") or ()
    container: Object = next((found for found in containers if found["name"] == "relay"), {})
    state = container.get("state") or {}
    return PodState(
        name=pod["metadata"]["name"],
        ready=conditions.get("Ready", {}).get("status") == "True",
        running="running" in state,
        trouble=_unscheduled(conditions.get("PodScheduled", {})) or _failing(container),
    )


def _refused(conditions: Any) -> Failure | None:
    for condition in conditions:
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            said = condition.get("message", "")
            # pods "majors-0-7d4b9c-x2x7p" is forbidden: the name is another one with each try.
            message = re.sub(r'^pods "[^"]*" is forbidden: ', "", said)
            quota = "exceeded quota" in message or "failed quota" in message
            reason = Reason.QUOTA_EXCEEDED if quota else Reason.POD_REFUSED
            return Failure(reason, f"its pod is refused: {message}")
    return None


def _unscheduled(condition: Object) -> Failure | None:
    if condition.get("status") != "False" or condition.get("reason") != "Unschedulable":
        return None
    return Failure(Reason.UNSCHEDULABLE, "no node takes its pod; `kubectl describe pod` says why")


def _failing(container: Object) -> Failure | None:
    state, last = container.get("state") or {}, container.get("lastState") or {}
    waiting = (state.get("waiting") or {}).get("reason", "")
    if waiting in _IMAGE_WORDS:
        image = container.get("image", "")
        return Failure(Reason.IMAGE_UNAVAILABLE, f"the image {image} cannot be pulled")
    ended = state.get("terminated") or (waiting == "CrashLoopBackOff" and last.get("terminated"))
    if ended and ended.get("exitCode"):
        return Failure(Reason.CONTAINER_FAILING, f"its container ends: {_end(ended)}")
    if waiting in _FAILING_WORDS:
        return Failure(Reason.CONTAINER_FAILING, f"its container does not start: {waiting}")
    return None


def _end(ended: Object) -> str:
    code = ended["exitCode"]
    if ended.get("reason") == "OOMKilled":
        return "out of memory; raise resources.limits.memory"
    meaning = _ENDS.get(code)
    return f"exit code {code}, {meaning}" if meaning else f"exit code {code}"

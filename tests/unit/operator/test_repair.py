"""What stands in the way of an apply is replaced in one step, and nothing else is touched."""

import copy
from typing import Any

import pytest

from streamset_operator.repair import replacements
from tests.unit.operator.worlds import objects_of, of_kind, resource

CONTAINER = "/spec/template/spec/containers/0"

CHANGES: dict[str, tuple[str, dict[str, Any]]] = {
    "variable": (f"{CONTAINER}/env/0", {"name": "POD_NAME", "value": "x"}),
    "volume": ("/spec/template/spec/volumes/0", {"name": "config", "emptyDir": {}}),
    "probe": (f"{CONTAINER}/livenessProbe", {"tcpSocket": {"port": 80}, "periodSeconds": 9}),
}
"""Path of what was changed by hand → what stands there now."""


def deployment() -> dict[str, Any]:
    return of_kind(objects_of(resource()), "Deployment")


def live_with(path: str = "", value: Any = None) -> dict[str, Any]:
    live = copy.deepcopy(deployment())
    live["metadata"]["resourceVersion"] = "7"
    if path:
        put(live, path, value)
    return live


def put(document: Any, path: str, value: Any) -> None:
    *parents, last = [int(part) if part.isdecimal() else part for part in path[1:].split("/")]
    for part in parents:
        document = document[part]
    document[last] = value


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_that_excludes_what_is_wanted_is_replaced(change: str) -> None:
    path, value = CHANGES[change]
    live, wanted = live_with(path, value), deployment()

    test, replace = replacements(live, wanted)

    assert test == {"op": "test", "path": "/metadata/resourceVersion", "value": "7"}
    assert (replace["op"], replace["path"]) == ("replace", path)
    put(live, path, replace["value"])
    assert live["spec"] == wanted["spec"]


def test_where_nothing_stands_in_the_way_nothing_is_patched() -> None:
    live = live_with()
    live["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] = "x"
    live["spec"]["template"]["spec"]["containers"].append({"name": "foreign", "image": "x"})
    live["spec"]["template"]["spec"]["dnsPolicy"] = "ClusterFirst"
    live["spec"]["replicas"] = 5  # an apply mends it

    assert replacements(live, deployment()) == []


def test_an_entry_is_found_wherever_it_stands() -> None:
    live = live_with()
    live["spec"]["template"]["spec"]["containers"].insert(0, {"name": "foreign"})
    live["spec"]["template"]["spec"]["containers"][1]["env"][0]["value"] = "x"

    [_, replace] = replacements(live, deployment())
    assert replace["path"] == "/spec/template/spec/containers/1/env/0"

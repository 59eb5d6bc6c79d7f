"""The objects of a set as a whole: whose they are, what rolls a pod and what does not."""

from typing import Any

import pytest

from streamset_api.resource import parse
from streamset_operator import labels
from streamset_operator.move import Share
from streamset_operator.objects import build
from streamset_operator.plan import plan
from streamset_operator.settings import Settings
from tests.unit.api.documents import manifest
from tests.unit.operator.worlds import SETTINGS, UID, objects_of, of_kind, relays_of, resource


def template(objects: list[dict[str, Any]]) -> Any:
    return of_kind(objects, "Deployment")["spec"]["template"]


def test_the_objects_and_their_order() -> None:
    found = resource(
        symbols=["a", "b"],
        maxStreamsPerRelay=1,
        networkPolicy={"enabled": True},
        monitoring={"podMonitor": {"enabled": True}},
    )

    assert [(o["kind"], o["metadata"]["name"]) for o in objects_of(found)] == [
        ("ServiceAccount", "majors-relay"),
        ("Role", "majors-relay"),
        ("RoleBinding", "majors-relay"),
        ("NetworkPolicy", "majors"),
        ("Service", "majors"),
        ("PodMonitor", "majors"),
        ("ConfigMap", "majors-0"),
        ("Deployment", "majors-0"),
        ("ConfigMap", "majors-1"),
        ("Deployment", "majors-1"),
    ]


def test_a_cluster_without_the_kind_gets_no_pod_monitor() -> None:
    found = resource(monitoring={"podMonitor": {"enabled": True}})

    assert "PodMonitor" not in {o["kind"] for o in objects_of(found, pod_monitors=False)}


def test_every_object_belongs_to_the_set_and_blocks_nobody() -> None:
    for thing in objects_of(resource(metadata={"labels": {"argocd": "x"}})):
        metadata = thing["metadata"]
        assert metadata["namespace"] == "data"
        assert metadata["ownerReferences"] == [
            {
                "apiVersion": "streams.petrosa.io/v1alpha1",
                "kind": "BinanceStreamSet",
                "name": "majors",
                "uid": UID,
                "controller": True,
            }
        ]
        assert metadata["labels"][labels.MANAGED_BY] == "streamset-operator"
        assert metadata["labels"][labels.SET] == "majors"
        assert metadata["labels"][labels.VERSION] == "1.2.3"
        assert "argocd" not in metadata["labels"]  # whoever tracks by label takes it for their own
        assert "status" not in thing


def test_a_manifest_that_was_never_applied_owns_nothing() -> None:
    found = parse(manifest())

    assert all("ownerReferences" not in o["metadata"] for o in objects_of(found))


def test_an_account_of_the_manifest_gets_the_right_and_none_is_made() -> None:
    objects = objects_of(resource(pod={"serviceAccountName": "mine"}))

    assert "ServiceAccount" not in {o["kind"] for o in objects}
    assert of_kind(objects, "RoleBinding")["subjects"] == [
        {"kind": "ServiceAccount", "name": "mine", "namespace": "data"}
    ]


def test_a_relay_may_patch_the_status_of_its_own_set_and_nothing_else() -> None:
    assert of_kind(objects_of(resource()), "Role")["rules"] == [
        {
            "apiGroups": ["streams.petrosa.io"],
            "resources": ["binancestreamsets/status"],
            "resourceNames": ["majors"],
            "verbs": ["patch"],
        }
    ]


def test_selectors_fit_the_pods_of_their_relay_and_of_no_other() -> None:
    objects = objects_of(resource(symbols=["a", "b"], maxStreamsPerRelay=1))
    first, second = (o["spec"] for o in objects if o["kind"] == "Deployment")

    for spec in (first, second):
        selected = spec["selector"]["matchLabels"].items()
        assert selected <= spec["template"]["metadata"]["labels"].items()
    assert not (
        first["selector"]["matchLabels"].items() <= second["template"]["metadata"]["labels"].items()
    )
    assert of_kind(objects, "Service")["spec"]["selector"] == {labels.SET: "majors"}


ROLLS: dict[str, dict[str, Any]] = {
    "endpoint": {"endpoint": "wss://proxy.example.com"},
    "subject": {"nats": {"servers": ["nats://nats:4222"], "subject": "x.{stream}"}},
    "server": {"nats": {"servers": ["nats://other:4222"]}},
    "buffer": {"buffer": {"maxMessages": 9}},
    "log level": {"logLevel": "DEBUG"},
    "reconnect": {"reconnect": {"pingIntervalSeconds": 9}},
    "heartbeat": {"heartbeat": {"enabled": False}},
    "image": {"image": "other:1"},
    "grace period": {"pod": {"terminationGracePeriodSeconds": 60}},
}


@pytest.mark.parametrize("change", ROLLS)
def test_what_takes_a_restart_changes_the_template(change: str) -> None:
    assert template(objects_of(resource(**ROLLS[change]))) != template(objects_of(resource()))


STAYS: dict[str, dict[str, Any]] = {
    "streams": {"symbols": ["btcusdt", "ethusdt"], "streams": ["!miniTicker@arr"]},
    "network policy": {"networkPolicy": {"enabled": True}},
    "pod monitor": {"monitoring": {"podMonitor": {"enabled": True}}},
    "suspend": {"suspend": True},
    "cap": {"maxStreamsPerRelay": 50},
    "default written out": {"logLevel": "INFO"},
}


@pytest.mark.parametrize("change", STAYS)
def test_what_takes_no_restart_leaves_the_template_alone(change: str) -> None:
    assert template(objects_of(resource(**STAYS[change]))) == template(objects_of(resource()))


def test_another_version_of_the_operator_leaves_the_template_alone() -> None:
    found = resource(image="relay:1")
    relays = relays_of(found)
    old, new = (
        template(build(found, relays, Settings(version=version), pod_monitors=True))
        for version in ("1.0.0", "2.0.0")
    )

    assert old == new


def test_a_move_is_in_the_config_map_and_restarts_nobody() -> None:
    found = resource(symbols=["a", "b"])
    still = build(found, plan(found, {0: Share(("a@trade",))}), SETTINGS, pod_monitors=True)
    moving = build(
        found, plan(found, {0: Share(("a@trade",), ("b@trade",))}), SETTINGS, pod_monitors=True
    )

    assert template(still) == template(moving)
    assert of_kind(still, "ConfigMap") != of_kind(moving, "ConfigMap")
    assert of_kind(moving, "ConfigMap")["metadata"]["annotations"][labels.LEAVING] == "1"


def test_a_restart_by_annotation_reaches_the_pods() -> None:
    asked = resource(metadata={"annotations": {labels.RESTARTED_AT: "now", "other": "x"}})

    annotations = template(objects_of(asked))["metadata"]["annotations"]
    assert annotations[labels.RESTARTED_AT] == "now"
    assert "other" not in annotations
    assert labels.RESTARTED_AT not in template(objects_of(resource()))["metadata"]["annotations"]


@pytest.mark.parametrize(("suspend", "replicas"), [(False, 1), (True, 0)])
def test_a_suspended_set_runs_no_pods(suspend: bool, replicas: int) -> None:
    spec = of_kind(objects_of(resource(suspend=suspend)), "Deployment")["spec"]

    assert spec["replicas"] == replicas
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_the_same_set_gives_the_same_objects_and_none_is_changed_on_the_way() -> None:
    found = resource(pod={"affinity": {"a": {}}, "securityContext": {"b": 1}})
    once = objects_of(found)

    assert objects_of(found) == once

"""What somebody changes by hand is put right; what is not ours is left alone."""

from typing import Any

import pytest

from streamset_api.resource import KIND
from tests.integration.operator.world import STRATEGIC, World, eventually

SPOILED: dict[str, tuple[str, dict[str, Any]]] = {
    "ConfigMap": ("majors-0", {"data": {"relay.yaml": "streams: []"}}),
    "Deployment": ("majors-0", {"spec": {"replicas": 0}}),
    "Role": ("majors-relay", {"rules": []}),
    "RoleBinding": ("majors-relay", {"subjects": []}),
    "Service": ("majors", {"spec": {"selector": {"app": "other"}}}),
    "ServiceAccount": ("majors-relay", {"automountServiceAccountToken": True}),
    "NetworkPolicy": ("majors", {"spec": {"egress": []}}),
    "PodMonitor": ("majors", {"spec": {"podMetricsEndpoints": []}}),
}

ALL: dict[str, Any] = {
    "networkPolicy": {"enabled": True},
    "monitoring": {"podMonitor": {"enabled": True}},
}


def essence(thing: dict[str, Any]) -> dict[str, Any]:
    """What of an object counts: all but what the API server and others keep about it."""
    metadata = thing["metadata"]
    kept = {name: metadata.get(name) for name in ("labels", "ownerReferences")}
    rest = {k: v for k, v in thing.items() if k not in {"metadata", "status"}}
    if thing["kind"] == "Service":  # a new one gets new addresses
        rest["spec"] = {k: v for k, v in rest["spec"].items() if not k.startswith("clusterIP")}
    return rest | {"metadata": kept}


@pytest.mark.parametrize("how", ["changed", "relabelled", "deleted"])
async def test_every_object_is_put_right(world: World, how: str) -> None:
    async with world.operator():
        await world.apply_set(**ALL)
        await world.settles()
        for kind, (name, spoiled) in SPOILED.items():
            right = essence(await world.admin.get(world.ref(kind, name)))
            if how == "changed":
                await world.admin.patch(world.ref(kind, name), spoiled)
            elif how == "relabelled":
                gone = {"metadata": {"labels": {"app.kubernetes.io/managed-by": "helm"}}}
                await world.admin.patch(world.ref(kind, name), gone)
            else:
                await world.admin.delete(world.ref(kind, name))

            async def is_right(
                kind: str = kind, name: str = name, right: dict[str, Any] = right
            ) -> bool:
                found = await world.get(kind, name)
                return found is not None and essence(found) == right

            try:
                await eventually(is_right, within=10)
            except AssertionError:
                raise AssertionError(f"{kind} stays {how}") from None


EXCLUSIVE: dict[str, dict[str, Any]] = {
    "variable": {"template": {"spec": {"containers": [{"name": "relay", "env": [
        {"name": "POD_NAME", "value": "x", "valueFrom": None}]}]}}},
    "volume": {"template": {"spec": {"volumes": [
        {"name": "config", "configMap": None, "emptyDir": {}}]}}},
    "probe": {"template": {"spec": {"containers": [{"name": "relay", "livenessProbe": {
        "httpGet": None, "tcpSocket": {"port": 80}}}]}}},
}  # fmt: skip
"""Changes of a Deployment after which an apply alone is invalid: one of several, and not ours."""


@pytest.mark.parametrize("change", EXCLUSIVE)
async def test_a_change_that_excludes_what_is_wanted_is_put_right(
    world: World, change: str
) -> None:
    async with world.operator():
        await world.apply_set()
        await world.stream_all()
        deployment = world.ref("Deployment", "majors-0")
        before = await world.admin.get(deployment)
        await world.admin.patch(deployment, {"spec": EXCLUSIVE[change]}, STRATEGIC)

        async def is_right() -> bool:
            found = await world.admin.get(deployment)
            again = found["metadata"]["generation"] > before["metadata"]["generation"] + 1
            return again and bool(essence(found) == essence(before))

        await eventually(is_right, within=20)
        assert (await world.condition("Accepted"))["status"] == "True"


async def test_a_rollout_restart_survives(world: World) -> None:
    """`kubectl rollout restart` sets an annotation on the pod template."""
    restart = {
        "spec": {
            "template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}
        }
    }
    async with world.operator():
        await world.apply_set()
        await world.settles()
        await world.admin.patch(world.ref("Deployment", "majors-0"), restart)
        await world.apply_set(logLevel="DEBUG")
        await world.settles()
        await world.admin.patch(world.ref("Deployment", "majors-0"), {"spec": {"replicas": 3}})

        async def scaled_back() -> bool:
            found = await world.admin.get(world.ref("Deployment", "majors-0"))
            return bool(found["spec"]["replicas"] == 1)

        await eventually(scaled_back)
        deployment = await world.admin.get(world.ref("Deployment", "majors-0"))

    annotations = deployment["spec"]["template"]["metadata"]["annotations"]
    assert annotations["kubectl.kubernetes.io/restartedAt"] == "now"


async def test_the_restart_annotation_of_the_set_reaches_the_pods(world: World) -> None:
    name = "streams.petrosa.io/restartedAt"
    async with world.operator():
        await world.apply_set()
        await world.settles()
        await world.admin.patch(
            world.ref(KIND, "majors"), {"metadata": {"annotations": {name: "now"}}}
        )

        async def restarted() -> bool:
            found = await world.admin.get(world.ref("Deployment", "majors-0"))
            template = found["spec"]["template"]["metadata"]["annotations"]
            return bool(template.get(name) == "now")

        await eventually(restarted)


async def test_a_status_that_somebody_spoilt_is_put_right(world: World) -> None:
    async with world.operator():
        await world.apply_set()
        await world.stream_all()
        await world.admin.request(
            "PATCH",
            f"/apis/streams.petrosa.io/v1alpha1/namespaces/{world.namespace}"
            "/binancestreamsets/majors/status",
            {"status": {"conditions": []}},
            content_type="application/merge-patch+json",
        )
        await world.becomes("Ready", "Streaming")


async def test_at_rest_nothing_is_written(world: World) -> None:
    """Relays report, the Deployment controller reports: the operator looks, and writes nothing."""
    async with world.operator():
        await world.apply_set()
        await world.stream_all()
        await world.report("majors-0")
        before = await world.writes()
        for number in range(20):
            await world.report("majors-0", lastReportTime=f"2026-01-01T00:00:{number:02}Z")
        await world.report("majors-0", messagesPerSecond=900)

        async def seen() -> bool:
            return bool((await world.set())["status"]["summary"]["messagesPerSecond"] == 900)

        await eventually(seen)  # so the twenty before it were looked at too
        assert await world.writes() == before + 1

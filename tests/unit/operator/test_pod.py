"""The relay's pod: restricted, and every field of the manifest reaches it."""

from typing import Any

import pytest

from streamset_api.pod import Pod
from streamset_api.resolve import resolve
from streamset_api.secret_files import FOLDER
from streamset_operator import labels
from streamset_operator.secrets import mounts, references, volumes
from tests.unit.operator.worlds import container_of, objects_of, of_kind, pod_of, resource

Path = tuple[Any, ...]

REACHES: dict[str, tuple[Any, Path, Any]] = {
    "nodeSelector": ({"disk": "ssd"}, ("spec", "nodeSelector"), {"disk": "ssd"}),
    "affinity": (
        {"nodeAffinity": {"x": 1}},
        ("spec", "affinity"),
        {"nodeAffinity": {"x": 1}},
    ),
    "tolerations": (
        [{"key": "gpu", "operator": "Exists"}],
        ("spec", "tolerations"),
        [{"key": "gpu", "operator": "Exists"}],
    ),
    "topologySpreadConstraints": (
        [{"maxSkew": 1}],
        ("spec", "topologySpreadConstraints"),
        [{"maxSkew": 1}],
    ),
    "priorityClassName": ("high", ("spec", "priorityClassName"), "high"),
    "serviceAccountName": ("mine", ("spec", "serviceAccountName"), "mine"),
    "securityContext": ({"runAsUser": 7}, ("spec", "securityContext", "runAsUser"), 7),
    "terminationGracePeriodSeconds": (45, ("spec", "terminationGracePeriodSeconds"), 45),
    "labels": ({"team": "data"}, ("metadata", "labels", "team"), "data"),
    "annotations": ({"note": "x"}, ("metadata", "annotations", "note"), "x"),
    "env": (
        [{"name": "A", "value": "1"}],
        ("spec", "containers", 0, "env", 0),
        {"name": "A", "value": "1"},
    ),
    "envFrom": (
        [{"configMapRef": {"name": "common"}}],
        ("spec", "containers", 0, "envFrom"),
        [{"configMapRef": {"name": "common"}}],
    ),
    "extraVolumes": (
        [{"name": "more", "emptyDir": {}}],
        ("spec", "volumes", 0),
        {"name": "more", "emptyDir": {}},
    ),
    "extraVolumeMounts": (
        [{"name": "more", "mountPath": "/more"}],
        ("spec", "containers", 0, "volumeMounts", 0),
        {"name": "more", "mountPath": "/more"},
    ),
}
"""Field of `spec.pod` → a value, and where in the pod template what has to be."""


def at(document: Any, path: Path) -> Any:
    for part in path:
        document = document[part]
    return document


def template_of(**spec: Any) -> Any:
    return of_kind(objects_of(resource(**spec)), "Deployment")["spec"]["template"]


def test_every_field_is_tried_here() -> None:
    assert REACHES.keys() == {info.alias for info in Pod.model_fields.values()}


@pytest.mark.parametrize("field", REACHES)
def test_a_field_of_the_manifest_reaches_the_pod(field: str) -> None:
    value, path, expected = REACHES[field]

    assert at(template_of(pod={field: value}), path) == expected


def test_the_pod_keeps_to_the_restricted_standard() -> None:
    pod, container = pod_of(), container_of()

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 65532
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False
    assert {"name": "tmp", "emptyDir": {}} in pod["volumes"]


def test_a_null_takes_a_default_of_the_security_context_away() -> None:
    context = pod_of(pod={"securityContext": {"runAsUser": None, "fsGroup": None}})[
        "securityContext"
    ]

    assert context.keys() == {"runAsNonRoot", "runAsGroup", "seccompProfile"}


def test_what_the_operator_relies_on_wins_and_no_key_is_there_twice() -> None:
    template = template_of(
        pod={
            "labels": {labels.SET: "other", "team": "data"},
            "annotations": {labels.RESTART_HASH: "other"},
            "env": [
                {"name": "HEALTH_PORT", "value": "1"},
                {"name": "POD_NAME", "value": "x"},
                {"name": "A", "value": "1"},
                {"name": "A", "value": "2"},
            ],
            "extraVolumes": [{"name": "config", "emptyDir": {}}],
            "extraVolumeMounts": [{"name": "config", "mountPath": "/etc/streamset/config"}],
        }
    )

    [container] = template["spec"]["containers"]
    env = {variable["name"]: variable.get("value") for variable in container["env"]}
    assert len(env) == len(container["env"])
    assert (env["HEALTH_PORT"], env["POD_NAME"], env["A"]) == ("8080", None, "2")
    assert template["metadata"]["labels"][labels.SET] == "majors"
    assert template["metadata"]["annotations"][labels.RESTART_HASH] != "other"
    volumes = {volume["name"]: volume for volume in template["spec"]["volumes"]}
    assert len(volumes) == len(template["spec"]["volumes"])
    assert volumes["config"] == {"name": "config", "configMap": {"name": "majors-0"}}
    mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
    assert len(set(mounts)) == len(mounts)
    assert {"name": "config", "mountPath": "/etc/streamset/config", "readOnly": True} in (
        container["volumeMounts"]
    )


def test_no_service_of_the_namespace_becomes_a_setting_of_the_relay() -> None:
    """A Service called `health` would set HEALTH_PORT=tcp://… in every pod."""
    assert pod_of()["enableServiceLinks"] is False


def test_probes() -> None:
    container = container_of()

    for name, address, delay, period in (
        ("livenessProbe", "/healthz", 30, 10),
        ("readinessProbe", "/ready", 5, 5),
    ):
        probe = container[name]
        assert probe["httpGet"] == {"path": address, "port": "http"}
        assert (probe["initialDelaySeconds"], probe["periodSeconds"]) == (delay, period)
    assert container["ports"] == [{"name": "http", "containerPort": 8080, "protocol": "TCP"}]


def test_the_token_is_projected_and_expires() -> None:
    [projected] = [v["projected"] for v in pod_of()["volumes"] if "projected" in v]

    assert {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}} in (
        projected["sources"]
    )


def test_image_pull_settings() -> None:
    spec = {"imagePullPolicy": "Always", "imagePullSecrets": [{"name": "a"}, {"name": "a"}]}

    assert container_of(**spec)["imagePullPolicy"] == "Always"
    assert pod_of(**spec)["imagePullSecrets"] == [{"name": "a"}]
    assert "imagePullPolicy" not in container_of()
    assert "imagePullSecrets" not in pod_of()


def test_resources() -> None:
    assert container_of()["resources"] == {
        "requests": {"memory": "256Mi", "cpu": "200m"},
        "limits": {"memory": "2Gi", "cpu": "1000m"},
    }
    assert container_of(resources={"limits": {"memory": "1Gi"}})["resources"]["limits"] == {
        "memory": "1Gi"
    }


def test_secrets_are_mounted_where_they_may_come_later_and_only_the_keys_that_are_meant() -> None:
    spec = resource(
        nats={
            "servers": ["tls://nats:4222"],
            "auth": {"credsSecretRef": {"name": "nats", "key": "relay.creds"}},
            "tls": {
                "caSecretRef": {"name": "nats", "key": "ca.crt"},
                "certSecretRef": {"name": "client"},
            },
        }
    ).spec

    assert references(spec) == {"client": ("tls.crt", "tls.key"), "nats": ("ca.crt", "relay.creds")}
    assert all(volume["secret"]["optional"] is True for volume in volumes(spec))
    assert [volume["secret"]["items"] for volume in volumes(spec)][1] == [
        {"key": "ca.crt", "path": "ca.crt"},
        {"key": "relay.creds", "path": "relay.creds"},
    ]
    assert [mount["name"] for mount in mounts(spec)] == [v["name"] for v in volumes(spec)]
    assert mounts(spec)[1]["mountPath"] == f"{FOLDER}/nats"


@pytest.mark.parametrize(
    ("reference", "keys"),
    [
        ({"nkeySecretRef": {"name": "s", "key": "seed"}}, ("seed",)),
        ({"tokenSecretRef": {"name": "s", "key": "token"}}, ("token",)),
        ({"userPasswordSecretRef": {"name": "s"}}, ("password", "username")),
    ],
)
def test_each_way_to_log_in_is_mounted(reference: dict[str, Any], keys: tuple[str, ...]) -> None:
    nats = {"servers": ["nats://nats:4222"], "auth": reference}

    assert references(resource(nats=nats).spec) == {"s": keys}


@pytest.mark.parametrize(
    "nats",
    [
        {"auth": {"credsSecretRef": {"name": "a", "key": "x"}}},
        {"auth": {"nkeySecretRef": {"name": "a", "key": "x"}}, "tls": {}},
        {"auth": {"tokenSecretRef": {"name": "a", "key": "x"}}},
        {"auth": {"userPasswordSecretRef": {"name": "a"}}},
        {"tls": {"caSecretRef": {"name": "a", "key": "x"}, "certSecretRef": {"name": "b"}}},
    ],
)
def test_the_relay_reads_the_files_that_are_mounted_and_no_others(nats: dict[str, Any]) -> None:
    spec = resource(nats={"servers": ["nats://nats:4222"], **nats}).spec
    config = resolve(spec).nats

    read = {
        value
        for files in (config.auth, config.tls)
        for name, value in files or ()
        if name.endswith("_file") and value is not None
    }
    assert read == {
        f"{FOLDER}/{name}/{key}" for name, keys in references(spec).items() for key in keys
    }

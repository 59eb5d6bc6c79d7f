"""The CRD on a real API server, and on what the oldest supported one would make of it."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from streamset_api import crd
from tests.integration.kube.sets import dry_run
from tests.support.kube import binary
from tests.support.kube_client import KubeClient, KubeError
from tests.unit.api.documents import manifest

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*.yaml"))
NOW = "2026-01-01T00:00:00Z"


def condition(kind: str, status: str, reason: str) -> dict[str, Any]:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": "",
        "lastTransitionTime": NOW,
        "observedGeneration": 1,
    }


def placed(namespace: str) -> dict[str, Any]:
    return manifest() | {"metadata": {"name": "majors", "namespace": namespace}}


def status_of(namespace: str, **status: Any) -> dict[str, Any]:
    document = placed(namespace)
    del document["spec"]
    return document | {"status": status}


def crdcheck(text: str) -> subprocess.CompletedProcess[str]:
    """Validate as Kubernetes 1.30 does: its code, its CEL environment, its limits of cost."""
    return subprocess.run(
        [str(binary("crdcheck"))], input=text, capture_output=True, text=True, check=False
    )


def test_the_oldest_supported_kubernetes_takes_it() -> None:
    checked = crdcheck(crd.text())

    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("self.market == ", "compilation failed"),
        ("isSemver(self.market)", "undeclared reference to 'isSemver'"),  # Kubernetes 1.33 knows it
        ("self.streams.all(a, self.streams.all(b, a == b))", "rule cost exceeds budget"),
    ],
)
def test_the_oldest_supported_kubernetes_is_strict(rule: str, reason: str) -> None:
    definition = yaml.safe_load(crd.text())
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"]["spec"]["x-kubernetes-validations"][0]["rule"] = rule

    checked = crdcheck(yaml.safe_dump(definition))

    assert checked.returncode == 1
    assert reason in checked.stderr


async def test_applied_again_it_changes_nothing(admin: KubeClient) -> None:
    before = await admin.get(crd.definition())

    await admin.apply(yaml.safe_load(crd.text()), "installer")

    after = await admin.get(crd.definition())
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


async def test_nothing_about_it_is_in_doubt(admin: KubeClient) -> None:
    found = await admin.get(crd.definition())

    conditions = {each["type"]: each["status"] for each in found["status"]["conditions"]}
    assert conditions["Established"] == "True"
    assert conditions["NamesAccepted"] == "True"
    assert conditions.get("NonStructuralSchema", "False") == "False"


async def test_what_the_api_server_stores_is_what_was_generated(admin: KubeClient) -> None:
    """Nothing was dropped as unknown on the way in."""
    found = await admin.get(crd.definition())

    [version] = found["spec"]["versions"]
    assert version["schema"]["openAPIV3Schema"] == crd.schema()


async def test_short_name_category_and_columns(admin: KubeClient) -> None:
    found = await admin.request("GET", "/apis/streams.petrosa.io/v1alpha1")
    by_name = {each["name"]: each for each in found["resources"]}

    assert by_name["binancestreamsets"]["shortNames"] == ["bss"]
    assert by_name["binancestreamsets"]["categories"] == ["streams"]
    assert by_name["binancestreamsets/status"]["verbs"] == ["get", "patch", "update"]


async def test_a_set_that_nobody_has_seen_says_so(admin: KubeClient, namespace: str) -> None:
    await admin.create(placed(namespace) | {"status": {"observedGeneration": 1}})

    found = await admin.get(placed(namespace))

    assert found["status"] == {"observedGeneration": -1}
    assert found["metadata"]["generation"] == 1


async def test_columns(admin: KubeClient, namespace: str) -> None:
    await admin.create(placed(namespace))
    summary = {"streams": "1/2", "relays": "1/1", "messagesPerSecond": 1200}
    ready = condition("Ready", "False", "NoData")
    await admin.apply(
        status_of(namespace, conditions=[ready], summary=summary), subresource="status"
    )

    table = await admin.table(placed(namespace))

    names = [column["name"] for column in table["columnDefinitions"]]
    assert names == ["Name", "Ready", "Streams", "Relays", "Msg/s", "Reason", "Age"]
    [row] = table["rows"]
    assert row["cells"][:-1] == ["majors", "False", "1/2", "1/1", 1200, "NoData"]
    assert row["cells"][-1].endswith("s")


async def test_writers_of_status_keep_their_parts(admin: KubeClient, namespace: str) -> None:
    await admin.create(placed(namespace))
    for name in ("majors-0", "majors-1"):
        entry = {"name": name, "phase": "Running", "lastReportTime": NOW, "messagesPerSecond": 0.5}
        await admin.apply(
            status_of(namespace, relays=[entry]), f"relay/{name}", subresource="status", force=False
        )
    for reason in ("Progressing", "Streaming"):
        ready = condition("Ready", "True", reason)
        await admin.apply(
            status_of(namespace, observedGeneration=1, conditions=[ready]),
            "operator",
            subresource="status",
        )

    found = (await admin.get(placed(namespace)))["status"]

    assert [entry["name"] for entry in found["relays"]] == ["majors-0", "majors-1"]
    assert [each["reason"] for each in found["conditions"]] == ["Streaming"]
    assert found["observedGeneration"] == 1


async def test_a_word_that_a_later_relay_knows_is_taken(admin: KubeClient, namespace: str) -> None:
    await admin.create(placed(namespace))
    entry = {
        "name": "majors-0",
        "phase": "Hibernating",
        "nats": {"connected": False, "reason": "New"},
    }

    found = await admin.apply(status_of(namespace, relays=[entry]), subresource="status")

    assert found["status"]["relays"] == [entry]


async def test_a_list_of_spec_belongs_to_one_writer_whole(
    admin: KubeClient, namespace: str
) -> None:
    """What someone added by hand does not survive the next apply of the manifest."""
    streams = {"streams": ["a@trade", "b@trade"]}
    await admin.apply(placed(namespace) | {"spec": manifest(**streams)["spec"]}, "gitops")
    await admin.patch(placed(namespace), {"spec": {"streams": ["a@trade", "b@trade", "c@trade"]}})

    found = await admin.apply(placed(namespace) | {"spec": manifest(**streams)["spec"]}, "gitops")

    assert found["spec"]["streams"] == ["a@trade", "b@trade"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
async def test_every_example_is_taken(admin: KubeClient, path: Path) -> None:
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        taken = await dry_run(admin, document)

        assert not isinstance(taken, KubeError), taken


async def test_unknown_fields_are_refused_or_pruned(admin: KubeClient) -> None:
    document = manifest(symbol=["btcusdt"], pod={"affinity": {"unknownToUs": 1}})

    refusal = await dry_run(admin, document)
    document["metadata"]["namespace"] = "default"
    lenient = await admin.create(document, dryRun="All", fieldValidation="Ignore")

    assert isinstance(refusal, KubeError)
    assert 'unknown field "spec.symbol"' in refusal.message
    assert "symbol" not in lenient["spec"]
    assert lenient["spec"]["pod"]["affinity"] == {"unknownToUs": 1}

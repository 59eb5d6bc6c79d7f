"""`streamset render`: the objects of a manifest, without a cluster."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from streamset_cli.main import main
from tests.unit.api.documents import manifest

EXAMPLES = Path(__file__).parents[3] / "examples"


def write(path: Path, *documents: object) -> str:
    path.write_text(yaml.safe_dump_all(documents), "utf-8")
    return str(path)


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    assert main(["render", *words]) == 0
    return list(yaml.safe_load_all(capsys.readouterr().out))


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["render", *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


def relays(objects: list[dict[str, Any]]) -> dict[str, list[str]]:
    return {
        thing["metadata"]["name"]: yaml.safe_load(thing["data"]["relay.yaml"])["streams"]
        for thing in objects
        if thing["kind"] == "ConfigMap"
    }


def test_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    objects = printed(capsys, str(EXAMPLES / "spot-majors.yaml"))

    assert [thing["kind"] for thing in objects] == [
        *("ServiceAccount", "Role", "RoleBinding", "Service", "ConfigMap", "Deployment")
    ]
    assert {thing["metadata"]["namespace"] for thing in objects} == {"default"}
    assert len(relays(objects)["spot-majors-0"]) == 32


def test_what_it_prints_is_for_people_too(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["render", write(tmp_path / "m.yaml", manifest())]) == 0

    assert "  relay.yaml: |\n    market: spot\n" in capsys.readouterr().out


def test_streams_stay_where_they_are(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    three = manifest(symbols=["a", "b", "c"], maxStreamsPerRelay=2)
    now = printed(capsys, write(tmp_path / "3.yaml", three))
    assert relays(now) == {"majors-0": ["a@trade", "b@trade"], "majors-1": ["c@trade"]}
    less = write(tmp_path / "2.yaml", manifest(symbols=["a", "c"], maxStreamsPerRelay=2))

    assert relays(printed(capsys, less)) == {"majors-0": ["a@trade", "c@trade"]}
    for current in (write(tmp_path / "docs.yaml", *now), write(tmp_path / "l", {"items": now})):
        moving = printed(capsys, less, "--current", current)
        assert relays(moving) == {"majors-0": ["a@trade", "c@trade"], "majors-1": ["c@trade"]}


@pytest.mark.parametrize(
    ("words", "namespace"),
    [((), "data"), (("--namespace", "data"), "data"), (("-n", "data"), "data")],
)
def test_the_namespace(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, words: tuple[str, ...], namespace: str
) -> None:
    objects = printed(capsys, write(tmp_path / "m.yaml", manifest()), *words)

    assert {thing["metadata"]["namespace"] for thing in objects} == {namespace}


def test_another_namespace_than_the_manifests_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert "--namespace" in refused(capsys, write(tmp_path / "m.yaml", manifest()), "-n", "other")


def test_settings_of_the_operator(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELAY_IMAGE", "from:environment")
    file = write(tmp_path / "m.yaml", manifest(monitoring={"podMonitor": {"enabled": True}}))

    def image(*words: str) -> Any:
        objects = printed(capsys, file, *words)
        return objects[-1]["spec"]["template"]["spec"]["containers"][0]["image"]

    assert image() == "from:environment"
    assert image("--relay-image", "from:flag") == "from:flag"
    assert "PodMonitor" in {thing["kind"] for thing in printed(capsys, file)}
    assert "PodMonitor" not in {
        thing["kind"] for thing in printed(capsys, file, "--no-pod-monitors")
    }
    assert "API_SERVER_PORTS" in refused_by_variable(capsys, monkeypatch, file)


def refused_by_variable(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, file: str
) -> str:
    monkeypatch.setenv("API_SERVER_PORTS", "many")
    return refused(capsys, file)


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ({"market": "moon"}, "spec.market"),
        ({"marked": "spot"}, "market"),
        ({"symbols": ["btc usdt"]}, "spec.symbols[0]"),
        ({"nats": {"servers": ["nats://n"], "jetStream": {}}}, "spec.nats.jetStream"),
    ],
)
def test_a_wrong_manifest_names_the_field(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, spec: dict[str, Any], names: str
) -> None:
    assert names in refused(capsys, write(tmp_path / "m.yaml", manifest(**spec)))


def test_files_that_are_no_help(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = write(tmp_path / "m.yaml", manifest())

    assert "nowhere.yaml" in refused(capsys, str(tmp_path / "nowhere.yaml"))
    assert "kind" in refused(capsys, write(tmp_path / "other.yaml", {"kind": "Pod"}))
    others = write(tmp_path / "now.yaml", {"kind": "ConfigMap", "metadata": {"name": "majors-0"}})
    assert "streams.petrosa.io/set=majors" in refused(capsys, file, "--current", others)

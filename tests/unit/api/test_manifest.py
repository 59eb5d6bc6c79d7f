"""Manifests as text."""

import json
from pathlib import Path

import pytest
import yaml

from streamset_api.errors import ConfigError
from streamset_api.manifest import load_manifest
from streamset_api.spec import streams_of
from tests.unit.api.documents import manifest

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*.yaml"))
HEADER = "kind: BinanceStreamSet\napiVersion: streams.petrosa.io/v1alpha1\n"


def test_there_are_examples() -> None:
    assert {path.stem for path in EXAMPLES} >= {
        *("demo", "spot-majors", "usdm-futures", "jetstream"),
    }


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_valid(path: Path) -> None:
    resource = load_manifest(path.read_text(encoding="utf-8"), str(path))

    assert streams_of(resource.spec)


def test_the_demo_holds_the_recorded_streams() -> None:
    [demo] = [path for path in EXAMPLES if path.stem == "demo"]

    streams = streams_of(load_manifest(demo.read_text(encoding="utf-8")).spec)

    assert {"btcusdt@trade", "btcusdt@depth@100ms", "btcusdt@bookTicker"} < set(streams)


def test_the_first_set_among_other_objects_is_taken() -> None:
    second = manifest() | {"metadata": {"name": "second"}}
    text = yaml.safe_dump_all([{"kind": "ConfigMap"}, manifest(), second])

    assert load_manifest(f"---\n{text}").metadata.name == "majors"
    assert load_manifest(json.dumps(manifest())).metadata.name == "majors"


@pytest.mark.parametrize(
    ("text", "where", "given", "allowed"),
    [
        ("", "m.yaml", "nothing", "BinanceStreamSet; the text is empty"),
        ("---\n# none\n", "m.yaml", "nothing", "BinanceStreamSet; the text is empty"),
        ("a: [", "m.yaml", "line 1: expected", "YAML"),
        ("just text", "m.yaml", '"just text"', "BinanceStreamSet with fields"),
        ("- 1", "m.yaml", "[1]", "BinanceStreamSet with fields"),
        ("kind: Pod", "kind", '"Pod"', "BinanceStreamSet"),
        ("a: 1", "kind", "nothing", "BinanceStreamSet"),
        ("kind: Pod\n---\nkind: Job", "kind", '["Pod", "Job"]', "BinanceStreamSet"),
        ("kind: BinanceStreamSet", "apiVersion", "nothing", "streams.petrosa.io/v1alpha1"),
        (
            "kind: BinanceStreamSet\napiVersion: v1",
            "apiVersion",
            '"v1"',
            "streams.petrosa.io/v1alpha1",
        ),
        (HEADER + "metadata: {name: a}", "spec", "nothing", "this field is required"),
        (HEADER + "metadata: {name: a}\nspec: 5", "spec", "5", "an object"),
        (HEADER + "metadata: {name: a}\nspec:", "spec", "null", "an object"),
        (HEADER + "metadata: {name: a}\nspec: {x: 1}", "spec.x", "1", "no such field"),
    ],
)
def test_what_is_no_manifest_is_refused(text: str, where: str, given: str, allowed: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_manifest(text, "m.yaml")

    line = str(caught.value).splitlines()[0]
    assert line.startswith(f"{where}: given ")
    assert given in line
    assert allowed in line.partition("; allowed: ")[2]


def test_dates_in_annotations_are_text() -> None:
    text = yaml.safe_dump(manifest()).replace("name: majors", "name: majors\n  annotations: {a: b}")

    assert load_manifest(text.replace("{a: b}", "{a: 2026-01-01}")).metadata.annotations == {
        "a": "2026-01-01"
    }

"""What the chart says about itself, and the README that is made of its values."""

import importlib.util
import json
import re
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from streamset_api import crd
from streamset_api.enums import LogLevel
from streamset_api.resource import parse
from tests.support.helm import CHART, ROOT

FOR_SUBCHARTS = {"enabled", "global"}
"""In the schema alone: what Helm or a chart above hands down."""


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses and the like look themselves up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def readme() -> ModuleType:
    return load(ROOT / "hack" / "chart_readme.py")


@pytest.fixture
def about() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((CHART / "Chart.yaml").read_text())
    return found


def test_the_versions_are_the_projects(about: dict[str, Any]) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    images = yaml.safe_load(about["annotations"]["artifacthub.io/images"])

    assert about["version"] == version
    assert about["appVersion"] == version
    assert [image["image"] for image in images] == [
        f"binance-streamset-operator:{version}",
        f"binance-streamset-relay:{version}",
    ]


def test_what_artifact_hub_reads_is_about_this_crd(about: dict[str, Any]) -> None:
    definition = crd.definition()
    [described] = yaml.safe_load(about["annotations"]["artifacthub.io/crds"])
    [example] = yaml.safe_load(about["annotations"]["artifacthub.io/crdsExamples"])

    assert described["name"] == definition["metadata"]["name"]
    assert described["kind"] == definition["spec"]["names"]["kind"]
    assert described["version"] == definition["spec"]["versions"][0]["name"]
    assert parse(example, strict=True).metadata.name == "majors"


def test_the_charts_crd_is_the_generated_one() -> None:
    assert (CHART / "files" / "binancestreamsets.yaml").read_text() == crd.text()


def test_the_schema_knows_every_value_and_asks_for_it() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())

    assert set(schema["properties"]) == set(values) | FOR_SUBCHARTS
    assert set(schema["required"]) == set(values)
    assert schema["properties"]["logLevel"]["enum"] == list(LogLevel)
    parts = {
        name: inner
        for name, inner in schema["properties"].items()
        if isinstance(values.get(name), dict) and "required" in inner
    }
    assert len(parts) > 8
    for name, inner in parts.items():
        assert set(inner["properties"]) == set(inner["required"]) == set(values[name]), name


def test_the_schema_takes_no_unknown_value_anywhere() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())

    def closed(inner: Any) -> bool:
        if isinstance(inner, list):
            return all(map(closed, inner))
        if not isinstance(inner, dict):
            return True
        if "properties" in inner and inner.get("additionalProperties") is not False:
            return False
        return all(map(closed, inner.values()))

    assert closed(schema)


def test_the_readme_is_what_the_values_say(readme: ModuleType) -> None:
    assert readme.main(["--check"]) == 0


def test_a_difference_fails_the_check_and_is_mended(
    readme: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("Chart.yaml", "values.yaml"):
        (tmp_path / name).write_text((CHART / name).read_text())
    assert readme.main([], chart=tmp_path) == 0
    values = tmp_path / "values.yaml"
    values.write_text(values.read_text() + "# Another one.\nmore: [1]\n")
    capsys.readouterr()

    assert readme.main(["--check"], chart=tmp_path) == 1
    assert "README.md is not what values.yaml says" in capsys.readouterr().err
    assert readme.main([], chart=tmp_path) == 0
    assert (tmp_path / "README.md").read_text().endswith("| `more` | `[1]` | Another one. |\n")
    assert readme.main(["--check"], chart=tmp_path) == 0


def test_the_readme_has_every_value(readme: ModuleType) -> None:
    rows = set(re.findall(r"^\| `([\w.]+)` \|", readme.text(CHART), re.MULTILINE))

    def described(value: Any, path: str) -> bool:
        if path in rows:
            return True
        parts = value.items() if isinstance(value, dict) else ()
        return bool(parts) and all(described(inner, f"{path}.{name}") for name, inner in parts)

    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert [name for name, value in values.items() if not described(value, name)] == []


@pytest.mark.parametrize(
    "value", ["bare: 1", "part:\n  bare: 1", "part:\n  # one\n  a: 1\n  bare: {}"]
)
def test_a_value_without_a_comment_is_refused(readme: ModuleType, value: str) -> None:
    with pytest.raises(readme.Undescribed, match="bare"):
        list(readme.read(f"# How to read this.\n\n{value}\n"))


def test_headings_values_and_their_parts_are_told_apart(readme: ModuleType) -> None:
    values = """\
# How to read this.

# Names
#
# As DNS
# has them.

# One
# thing.
whole:
  inner: {}
part:
  # Two.
  second: ""
"""
    assert list(readme.read(values)) == [
        readme.Heading("Names", "As DNS has them."),
        readme.Value("whole", {"inner": {}}, "One thing."),
        readme.Value("part.second", "", "Two."),
    ]


def test_the_values_that_the_installation_page_names_exist() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    page = (ROOT / "docs" / "install.md").read_text()
    words = set(re.findall(r"(?:`|--set '?)([A-Za-z]+(?:\.[A-Za-z]+)*)(?==|`)", page))
    named = {word for word in words if word.partition(".")[0] in values}

    def exists(path: str) -> bool:
        found = values
        for name in path.split("."):
            if not isinstance(found, dict) or name not in found:
                return False
            found = found[name]
        return True

    assert {"imageRegistry", "watch.namespaces", "crds.enabled"} <= named
    assert [path for path in named if not exists(path)] == []

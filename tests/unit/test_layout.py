"""The repository keeps its own rules: what documents promise is what the code has."""

import operator
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from streamset_relay.core import delivery, handover, nats_link, ownership, session
from streamset_relay.settings import ENVIRONMENT

ROOT = Path(__file__).parents[2]
LONGEST = 400


def tracked(pattern: str) -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files", pattern], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    return [ROOT / name for name in names]


def test_operator_is_the_standard_library() -> None:
    assert Path(operator.__file__).is_relative_to(sysconfig.get_path("stdlib"))
    assert not (ROOT / "operator" / "__init__.py").exists()


@pytest.mark.parametrize("module", ["json.tool", "pytest"])
def test_interpreter_starts_in_the_repository(module: str) -> None:
    """With the root first on the path, a package named `operator` would break every start."""
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, check=False
    )

    assert done.returncode == 0, done.stderr.decode()


def test_every_folder_of_tests_is_a_package() -> None:
    folders = {path.parent for path in tracked("tests/*.py")}

    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def test_no_module_is_too_long() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in tracked("*.py")
    }

    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}


DIAGRAMS = [session.draw, handover.draw, nats_link.draw, delivery.draw, ownership.draw]


@pytest.mark.parametrize("draw", DIAGRAMS)
def test_diagrams_are_those_of_the_tables(draw: object) -> None:
    assert callable(draw)
    assert f"```mermaid\n{draw()}```" in (ROOT / "ARCHITECTURE.md").read_text()


def test_every_module_that_the_architecture_names_exists() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    names = set(
        re.findall(r"`((?:core/|transport/|crds/|relay/|operator/|simulator/)?[a-z_/]+\.py)`", text)
    )
    places = [ROOT, ROOT / "relay" / "streamset_relay", ROOT / "operator" / "streamset_operator"]

    assert len(names) > 15
    assert [name for name in names if not any((place / name).exists() for place in places)] == []


def test_every_variable_is_documented_with_its_field() -> None:
    text = (ROOT / "docs" / "relay.md").read_text()

    for name, variable in ENVIRONMENT.items():
        assert f"| `{name}` | `{variable.path}` |" in text


def test_pins_name_no_index() -> None:
    """Any mirror may serve them; the hashes hold."""
    pins = tracked("requirements/*.txt")

    assert pins
    assert [path.name for path in pins if "://" in path.read_text()] == []
    assert [path.name for path in pins if "--hash=sha256:" not in path.read_text()] == []


def test_no_file_holds_a_path_of_a_machine() -> None:
    home = re.compile(rb"/(home|Users)/[a-z]+/|/ro{2}t/")
    texts = {path: path.read_bytes() for path in tracked("*") if path.is_file()}
    own = Path(__file__)

    assert [str(path) for path, text in texts.items() if path != own and home.search(text)] == []

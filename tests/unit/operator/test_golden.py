"""Golden files: a set and what there is around it → its objects, and its status.

`UPDATE_GOLDEN=1` writes them anew; the difference is for a person to read before it is committed.
"""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from streamset_cli.render import to_yaml
from streamset_operator import labels
from streamset_operator.status import body
from tests.unit.operator.chain import Outcome, reconcile
from tests.unit.operator.worlds import SETTINGS

FOLDER = Path(__file__).parents[2] / "data" / "operator"
CASES = sorted(path.name.removesuffix(".input.yaml") for path in FOLDER.glob("*.input.yaml"))
UPDATE = bool(os.environ.get("UPDATE_GOLDEN"))

WANTED = "<wanted>"
"""In an input, stands for the hash of what the relay should run."""


def outcome_of(case: str) -> Outcome:
    document, *live = yaml.safe_load_all((FOLDER / f"{case}.input.yaml").read_text("utf-8"))
    hashes = hashes_of(reconcile(document, live, SETTINGS).objects)
    hashes |= hashes_of(live)  # where the operator touches nothing, what is live is what is wanted
    for entry in document.get("status", {}).get("relays", []):
        if entry.get("configHash") == WANTED:
            entry["configHash"] = hashes[entry["name"]]
    return reconcile(document, live, SETTINGS)


def hashes_of(objects: list[dict[str, Any]]) -> dict[str, str]:
    return {
        thing["metadata"]["name"]: thing["metadata"]["annotations"][labels.CONFIG_HASH]
        for thing in objects
        if thing["kind"] == "ConfigMap"
    }


def compare(path: Path, text: str) -> None:
    if UPDATE:
        path.write_text(text, "utf-8")
    assert path.exists(), f"UPDATE_GOLDEN=1 writes {path.name}"
    assert text == path.read_text("utf-8"), "UPDATE_GOLDEN=1 writes it anew; read the difference"


def test_there_are_cases() -> None:
    assert len(CASES) > 5


@pytest.mark.parametrize("case", CASES)
def test_objects(case: str) -> None:
    compare(FOLDER / f"{case}.objects.yaml", to_yaml(outcome_of(case).objects))


@pytest.mark.parametrize("case", CASES)
def test_status(case: str) -> None:
    outcome = outcome_of(case)
    status = body("name", "namespace", "uid", outcome.status)["status"]
    stale = {"staleEntries": list(outcome.stale)} if outcome.stale else {}

    compare(FOLDER / f"{case}.status.yaml", to_yaml([status | stale]))


def test_no_golden_file_is_left_over() -> None:
    made = {f"{case}.{part}.yaml" for case in CASES for part in ("input", "objects", "status")}

    assert {path.name for path in FOLDER.glob("*.yaml")} == made

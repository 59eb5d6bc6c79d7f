"""The document shows what was recorded."""

import json

import pytest

from benchmarks.__main__ import DOCUMENT
from benchmarks.document import BEGIN, END, replaced
from benchmarks.guard import RECORDED
from benchmarks.pictures import pictures
from benchmarks.plan import PLAN
from benchmarks.results import Results
from tests.unit.benchmarks.recorded import everything


def test_what_stands_between_the_marks_is_replaced() -> None:
    before = f"# Title\n\n{BEGIN}\nold\n{END}\n\nThe end.\n"

    after = replaced(before, everything(), PLAN)

    assert after.startswith(f"# Title\n\n{BEGIN}\n")
    assert after.endswith(f"\n{END}\n\nThe end.\n")
    assert "old" not in after
    assert "| Python | 3.13.1 |" in after
    assert replaced(after, everything(), PLAN) == after


def test_a_document_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="has no"):
        replaced("# Title\n", everything(), PLAN)


def test_the_document_shows_the_recorded_results() -> None:
    recorded = Results.from_json(json.loads(RECORDED.read_text()))
    text = DOCUMENT.read_text()

    assert replaced(text, recorded, PLAN) == text


def test_the_pictures_show_the_recorded_results() -> None:
    recorded = Results.from_json(json.loads(RECORDED.read_text()))
    folder = DOCUMENT.with_suffix("")

    drawn = {f"{name}.svg": picture for name, picture in pictures(recorded, PLAN)}

    assert {file.name: file.read_text() for file in folder.glob("*.svg")} == drawn

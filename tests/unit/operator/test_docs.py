"""What docs/operator.md says is what the code has."""

import re
from pathlib import Path

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from streamset_operator.metrics import PREFIX, Metrics
from streamset_operator.reasons import Reason
from streamset_operator.settings import TABLE, Settings

DOCS = (Path(__file__).parents[3] / "docs" / "operator.md").read_text()
ROWS = [
    re.split(r" *\| *", line.strip("| \n")) for line in DOCS.splitlines() if line.startswith("|")
]


def test_every_setting_is_listed_with_its_default_and_meaning() -> None:
    listed = {row[0].strip("`"): (row[1].strip("`"), row[2]) for row in ROWS if len(row) == 3}
    defaults = Settings(version="<version>")
    for variable, setting in TABLE.items():
        default, meaning = listed[variable]
        assert meaning == setting.meaning
        if variable != "RELAY_IMAGE":
            assert setting.parse(default) == getattr(defaults, setting.field)
    assert listed["RELAY_IMAGE"][0] == defaults.default_image


def test_every_reason_of_readiness_is_explained() -> None:
    explained = {row[0].strip("`") for row in ROWS if len(row) == 2}
    others = {Reason.ACCEPTED, Reason.CONNECTED}  # those of a condition that is as it should be

    assert {str(reason) for reason in Reason} - explained == {str(reason) for reason in others}


def test_every_metric_is_named() -> None:
    metrics = Metrics()
    metrics.watch(list, int)
    text = generate_latest(metrics.registry).decode()
    names = {
        sample.name.removeprefix(PREFIX).removesuffix("_bucket")
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith(PREFIX)
        and not sample.name.endswith(("_created", "_sum", "_count"))
    }
    named = set(re.findall(r"`([a-z_]+)(?:\{[a-z,]+\})?`", DOCS))

    assert {name for name in names if name not in named} == set()
    assert {"queue_depth", "reconcile_duration_seconds"} <= names

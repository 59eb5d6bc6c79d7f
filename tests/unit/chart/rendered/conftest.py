"""The chart as Helm renders it."""

import functools
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.helm import CHART, Helm
from tests.unit.chart.rendered.objects import Objects

Render = Callable[..., Objects]


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Helm, without a cluster."""
    return Helm(tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session")
def render(helm: Helm) -> Render:
    """Render the chart with values: `render({"image.tag": "7"})`. Equal values are rendered once."""

    @functools.cache
    def rendered(values: str, release: str) -> Objects:
        return Objects(helm.template(CHART, json.loads(values), release=release))

    def render(values: dict[str, Any] | None = None, release: str = "streamset") -> Objects:
        return rendered(json.dumps(values or {}), release)

    return render

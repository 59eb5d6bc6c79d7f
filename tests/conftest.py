"""Rules for every test: no leaked task, no blocked loop, no warning (pyproject.toml), and in CI no skip."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from blockbuster import BlockBuster, blockbuster_ctx
from hypothesis import HealthCheck, settings

from tests import capabilities

OURS = [
    "streamset_api",
    "streamset_operator",
    "streamset_relay",
    "exchange_simulator",
    "streamset_cli",
]

# A busy machine makes an example slow, and a slow example is no fault.
settings.register_profile("anywhere", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("anywhere")

NOT_RUN = pytest.StashKey[dict[str, int]]()


@pytest.fixture(autouse=True)
def _no_blocked_loop() -> Iterator[BlockBuster]:
    """Fail when code of this project blocks the event loop (sleep, file and socket calls inside a coroutine)."""
    with blockbuster_ctx(scanned_modules=OURS) as blockbuster:
        yield blockbuster


@pytest_asyncio.fixture(autouse=True)
async def _no_leaked_tasks() -> AsyncIterator[None]:
    """Fail when a test leaves a task behind: a leaked task is a shutdown that was not finished."""
    before = asyncio.all_tasks()
    yield
    await asyncio.sleep(0)
    allowed = before | {asyncio.current_task()}
    leaked = [task for task in asyncio.all_tasks() - allowed if not task.done()]
    for task in leaked:
        task.cancel()

    assert not leaked, f"tasks left running: {leaked}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what this machine cannot run, and remember it; what CI has to have is left in, to fail."""
    paths = {item.path for item in items}
    lacking = capabilities.missing(paths, ci=bool(os.environ.get("CI")))
    left_out = {
        item: capability
        for item in items
        for capability in lacking
        if capability.needed_by(item.path)
    }
    config.stash[NOT_RUN] = Counter(
        f"for want of {capability.name}: {capability.how}" for capability in left_out.values()
    )
    if left_out:
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say what was left out where everybody sees it."""
    for reason, count in config.stash.get(NOT_RUN, Counter()).items():
        terminalreporter.write_line(f"NOT RUN: {count} tests, {reason}", yellow=True, bold=True)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """In CI a skipped test has failed: nobody would read that it did not run."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]  # pluggy's result, untyped here
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, which is a failure in CI: {report.longrepr}"

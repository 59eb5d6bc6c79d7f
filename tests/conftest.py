"""Rules for every test: no leaked task, no blocked loop, no warning (pyproject.toml), and in CI no skip."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from blockbuster import BlockBuster, blockbuster_ctx

OURS = ["streamset_api", "streamset_relay", "exchange_simulator", "streamset_cli"]


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


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """In CI a skipped test has failed: nobody would read that it did not run."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]  # pluggy's result, untyped here
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, which is a failure in CI: {report.longrepr}"

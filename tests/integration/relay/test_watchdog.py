"""The end of a process that cannot end by itself. Each is a process of its own: it has to be seen to end."""

import subprocess
import sys
from dataclasses import dataclass

import pytest

PREAMBLE = """
import asyncio, gc, io, logging, resource, sys, time
from streamset_relay import logs
from streamset_relay.command import loop_factory
from streamset_relay.watchdog import ended_without_memory, on_exception, watch

logging.basicConfig(format="%(message)s", stream=sys.stdout)

SIZES = [2**n for n in range(20, -1, -1)]
CONTEXT = {"exception": MemoryError()}

class Raises:
    def __init__(self, error):
        self.error = error
    def __del__(self):
        self()
    def __call__(self):
        raise self.error

def collect(phase, info):
    raise MemoryError

async def call_back(error):
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(on_exception)
    loop.call_soon(Raises(error).__call__)
    await asyncio.sleep(0.01)

async def watched(work, alive=lambda: True, limit=1):
    watching = asyncio.create_task(watch(alive, limit=limit, interval=0.1))
    await work()
    watching.cancel()

async def stand_still():
    await asyncio.sleep(0.2)
    while True:
        pass

async def relay():
    await asyncio.sleep(5)

class Full(io.StringIO):
    def write(self, text):
        raise MemoryError

def no_more_memory():
    pages = int(open("/proc/self/statm").read().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize(),) * 2)

def use_all_memory():
    no_more_memory()
    hoard = ()
    for size in SIZES:
        try:
            while True:
                hoard = hoard, bytes(size)
        except MemoryError:
            pass
    on_exception(None, CONTEXT)  # while all of it is in use
"""


@dataclass(frozen=True)
class Ended:
    code: int
    log: list[str]
    errors: str


def run(*lines: str, after: str = "") -> Ended:
    """Run lines where a process without memory is to end; one that gets through says so."""
    block = "".join(f"    {line}\n" for line in lines)
    script = f"{PREAMBLE}\nwith ended_without_memory():\n{block}{after}\nprint('went on')"
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False
    )
    return Ended(ended.returncode, ended.stdout.splitlines(), ended.stderr)


@pytest.mark.parametrize(
    "line",
    [
        "Raises(MemoryError())",
        "gc.callbacks.append(collect); gc.collect()",
        "asyncio.run(call_back(MemoryError()))",
        "asyncio.Runner(loop_factory=loop_factory()).run(call_back(MemoryError()))",
    ],
    ids=["destructor", "garbage collector", "callback of asyncio", "callback of uvloop"],
)
def test_no_memory_where_nobody_can_catch_it_ends_the_process(line: str) -> None:
    ended = run(line)

    assert (ended.code, ended.log) == (1, ["Out of memory"]), ended.errors


def test_other_errors_there_are_told_as_usual() -> None:
    ended = run("Raises(ValueError('mine'))", "asyncio.run(call_back(ValueError('its')))")

    assert ended.code == 0
    assert ended.log[-1] == "went on"
    assert "ValueError: mine" in ended.errors
    assert "ValueError: its" in "\n".join(ended.log)


def test_a_loop_that_stands_still_ends_the_process_and_says_where() -> None:
    ended = run("asyncio.run(watched(stand_still))")

    assert (ended.code, ended.log) == (1, [])
    assert "in stand_still" in ended.errors


def test_tasks_that_stand_still_end_the_process() -> None:
    ended = run(
        "began = time.monotonic()",
        "asyncio.run(watched(relay, lambda: time.monotonic() < began + 0.3))",
    )

    assert (ended.code, ended.log) == (1, [])


def test_who_gives_signs_of_life_goes_on_and_nothing_is_left_behind() -> None:
    ended = run("asyncio.run(watched(relay, limit=3))", after="time.sleep(3.5)")

    assert (ended.code, ended.log, ended.errors) == (0, ["went on"], "")


def test_the_last_line_has_memory_when_all_is_in_use() -> None:
    ended = run("use_all_memory()")

    assert (ended.code, ended.log) == (1, ["Out of memory"]), ended.errors


def test_no_memory_for_the_watch_ends_the_process() -> None:
    ended = run("no_more_memory()", "asyncio.run(watched(relay))")

    assert (ended.code, ended.log) == (1, ["Out of memory"]), ended.errors


def test_no_memory_for_a_line_of_the_log_is_an_error_of_who_writes_it() -> None:
    ended = run("sys.stdout = Full(); logs.configure('INFO'); logging.info('a line')")

    assert (ended.code, ended.log) == (1, [])
    assert ended.errors.endswith("MemoryError\n")

"""Carries out a plan: case by case, in each round after round, in each client after client.

A run that shows nothing (a message lost, a process gone) is told and repeated, in fresh surroundings. A client that
cannot do better is left out of the case, and that is told, too.
"""

import sys
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from benchmarks import burst, jetstream, latency, memory, start, throughput
from benchmarks.exchange import Exchange, exchange
from benchmarks.plan import Case, Part
from benchmarks.results import Results
from benchmarks.world import VoidRunError, folder

ATTEMPTS: Final = 3

Figures = dict[str, dict[str, float]]
"""Of one turn, by key of the results."""

World = TypeVar("World")


@dataclass(frozen=True)
class Options:
    """How much is measured."""

    repeats: int = 5
    seconds: float = 1.0
    """About how long a client works in one turn of throughput."""
    soak: float = 600.0
    """Seconds of the look at memory."""
    turns: int = 4
    """Turns of half a second, of latency and of its control at each rate."""


async def run(plan: Sequence[Case], options: Options, results: Results) -> None:
    """Measure all cases, one after the other."""
    for case in plan:
        _tell(case.title)
        with folder() as files:
            await _PARTS[case.part](case, options, results, files)


async def _throughput(case: Case, options: Options, results: Results, files: Path) -> None:
    seconds = options.seconds
    messages = throughput.most_messages(case, seconds)
    tls = case.part is Part.TLS

    def surroundings() -> AbstractAsyncContextManager[Exchange]:
        return exchange(case, files, messages=messages, tls=tls)

    async def turn(world: Exchange, name: str, here: Path) -> Figures:
        return {case.key(): await throughput.measure(case, name, world, here, seconds)}

    await _take_turns(case, options, results, surroundings, turn)


async def _latency(case: Case, options: Options, results: Results, files: Path) -> None:
    async def turn(world: Exchange, name: str, here: Path) -> Figures:
        return await latency.measure(case, name, world, here, options.turns)

    await _take_turns(case, options, results, lambda: exchange(case, files), turn)


async def _burst(case: Case, options: Options, results: Results, files: Path) -> None:
    async def turn(world: Exchange, name: str, here: Path) -> Figures:
        return {case.key(): await burst.measure(case, name, world, here)}

    await _take_turns(case, options, results, lambda: exchange(case, files), turn)


async def _jetstream(case: Case, options: Options, results: Results, files: Path) -> None:
    @asynccontextmanager
    async def surroundings() -> AsyncIterator[Path]:
        yield await jetstream.prepare(case, files, options.seconds)

    async def turn(world: Path, name: str, _here: Path) -> Figures:
        return {case.key(): await jetstream.measure(case, name, world, options.seconds)}

    await _take_turns(case, options, results, surroundings, turn)


async def _start(case: Case, options: Options, results: Results, _files: Path) -> None:
    @asynccontextmanager
    async def surroundings() -> AsyncIterator[str]:
        async with start.simulator(start.RATE) as endpoint:
            with (
                folder() as here
            ):  # the exchange makes its streams when somebody first asks for them
                await start.measure(case, case.clients[0], endpoint, here)
            yield endpoint

    async def turn(world: str, name: str, here: Path) -> Figures:
        return {case.key(): await start.measure(case, name, world, here)}

    await _take_turns(case, options, results, surroundings, turn)


async def _memory(case: Case, options: Options, results: Results, files: Path) -> None:
    try:
        soaked = await memory.soak(case, files, options.soak)
    except VoidRunError as void:
        _tell(f"  VOID: {void}")
        for name in case.clients:
            results.leave_out(case.title, case.keys, name, str(void))
        return
    for name, (figures, series) in soaked.items():
        results.add(case.key(), name, figures)
        results.series[case.key(), name] = series


_PARTS: Final[dict[Part, Callable[[Case, Options, Results, Path], Awaitable[None]]]] = {
    Part.THROUGHPUT: _throughput,
    Part.TLS: _throughput,
    Part.LATENCY: _latency,
    Part.JETSTREAM: _jetstream,
    Part.BURST: _burst,
    Part.START: _start,
    Part.MEMORY: _memory,
}


async def _take_turns(
    case: Case,
    options: Options,
    results: Results,
    surroundings: Callable[[], AbstractAsyncContextManager[World]],
    turn: Callable[[World, str, Path], Awaitable[Figures]],
) -> None:
    todo = deque((number, name) for number in range(options.repeats) for name in case.clients)
    failures: Counter[str] = Counter()
    while todo:
        async with surroundings() as world:
            while todo:
                number, name = todo[0]
                try:
                    with folder() as here:
                        figures = await turn(world, name, here)
                except VoidRunError as void:
                    failures[name] += 1
                    _tell(f"  VOID: {name}: {void}")
                    if failures[name] == ATTEMPTS:
                        todo = deque(each for each in todo if each[1] != name)
                        results.leave_out(case.title, case.keys, name, str(void))
                    break
                todo.popleft()
                for key, values in figures.items():
                    results.add(key, name, values)
                _tell(f"  {number + 1}/{options.repeats} {name:<26}{_brief(figures)}")


def _brief(figures: Figures) -> str:
    """Return the first figure of each key."""
    first = [next(iter(values.items())) for values in figures.values()]
    return "  ".join(f"{value:,.{0 if value >= 1000 else 3}f} {name}" for name, value in first)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)

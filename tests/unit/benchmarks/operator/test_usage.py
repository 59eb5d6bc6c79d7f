"""What processes have used."""

import os
import subprocess
import sys

from benchmarks.operator.usage import (
    TICKS,
    family,
    machine,
    read_machine,
    read_usage,
    usage_of,
)

WORK = "sum(range(5_000_000)); print(flush=True); input()"

STATUS = "Name:\tpython\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\nThreads:\t1\n"


def test_figures_of_a_process_whose_name_has_spaces_and_brackets() -> None:
    stat = f"7 (a b) c) S {' '.join('0' for _ in range(10))} {3 * TICKS} {TICKS} 0 0 20 0 1"

    usage = read_usage(stat, STATUS)

    assert (usage.cpu_seconds, usage.resident, usage.peak) == (4.0, 1 << 20, 2 << 20)


def test_the_kernel_still_writes_it_so() -> None:
    usage = usage_of(os.getpid())

    assert usage.cpu_seconds > 0
    assert usage.peak >= usage.resident > 1 << 20


def test_idle_and_waiting_time_is_not_used() -> None:
    stat = f"cpu  {TICKS} {TICKS} {TICKS} 900 900 0 {TICKS} {TICKS} 7 7\ncpu0 1 2 3\n"

    assert read_machine(stat) == 5.0
    assert machine() > 0


def test_children_count_as_family() -> None:
    alone = family(os.getpid())
    command = [sys.executable, "-c", WORK]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        together, its = family(os.getpid()), usage_of(child.pid).cpu_seconds
        child.kill()

    assert its > 0
    assert together >= alone + its - 2 / TICKS

"""What a process has used."""

import os

from benchmarks.operator.usage import TICKS, read_usage, usage_of

STATUS = "Name:\tpython\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\nThreads:\t1\n"


def test_figures_of_a_process_whose_name_has_spaces_and_brackets() -> None:
    stat = f"7 (a b) c) S {' '.join('0' for _ in range(10))} {3 * TICKS} {TICKS} 0 0 20 0 1"

    usage = read_usage(stat, STATUS)

    assert (usage.cpu_seconds, usage.resident, usage.peak) == (4.0, 1 << 20, 2 << 20)


def test_the_kernel_still_writes_it_so() -> None:
    usage = usage_of(os.getpid())

    assert usage.cpu_seconds > 0
    assert usage.peak >= usage.resident > 1 << 20

"""What a process has used, as the kernel tells it in /proc (proc(5))."""

import os
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """CPU time, user and system, in seconds; resident memory now and at its highest, in bytes."""

    cpu_seconds: float
    resident: int
    peak: int


def usage_of(pid: int) -> Usage:
    """Return what a process has used until now. Raises `OSError` for one that is gone."""
    folder = Path(f"/proc/{pid}")
    return read_usage((folder / "stat").read_text(), (folder / "status").read_text())


def read_usage(stat: str, status: str) -> Usage:
    """Return what the text of the two files says."""
    after_name = stat.rpartition(")")[2].split()  # a name may hold spaces and brackets
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return Usage(
        cpu_seconds=(int(after_name[11]) + int(after_name[12])) / TICKS,
        resident=_bytes(fields["VmRSS"]),
        peak=_bytes(fields["VmHWM"]),
    )


def _bytes(field: str) -> int:
    number, unit = field.split()
    assert unit == "kB", field
    return int(number) * 1024

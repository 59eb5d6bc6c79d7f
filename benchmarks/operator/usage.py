"""What processes have used, and the machine, as the kernel tells it in /proc (proc(5))."""

import os
from contextlib import suppress
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
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return Usage(
        cpu_seconds=_cpu_seconds(stat),
        resident=_bytes(fields["VmRSS"]),
        peak=_bytes(fields["VmHWM"]),
    )


def family(pid: int) -> float:
    """Return the CPU seconds that a process and its children have used, as far as they live."""
    used = 0.0
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has just ended
            stat = (folder / "stat").read_text()
            if pid in (int(folder.name), int(_fields(stat)[1])):
                used += _cpu_seconds(stat)
    return used


def machine() -> float:
    """Return the CPU seconds that were used on the machine, or taken from it, since it started."""
    return read_machine(Path("/proc/stat").read_text())


def read_machine(stat: str) -> float:
    """Return what the text of `/proc/stat` says; guests are part of user time."""
    user, nice, system, _idle, _wait, irq, softirq, steal, *_ = map(int, stat.split()[1:11])
    return (user + nice + system + irq + softirq + steal) / TICKS


def _cpu_seconds(stat: str) -> float:
    user, system = _fields(stat)[11:13]
    return (int(user) + int(system)) / TICKS


def _fields(stat: str) -> list[str]:
    """Return the fields behind the name, which may hold spaces and brackets."""
    return stat.rpartition(")")[2].split()


def _bytes(field: str) -> int:
    number, unit = field.split()
    assert unit == "kB", field
    return int(number) * 1024

"""Where a run took place: the machine, and the versions of what took part."""

import os
import platform
import resource
import shutil
import subprocess
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.operator.usage import machine
from tests.support.nats_server import nats_server_binary

PACKAGES = ("picows", "websockets", "msgspec", "uvloop", "nats-py", "pydantic")


class Meter:
    """How much of the machine others had while we measured: more than little makes the figures doubtful."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._all, self._own = machine(), _own()

    def others(self) -> float:
        """Return their share of all CPUs since the beginning, from 0 to 1."""
        spent = machine() - self._all - (_own() - self._own)
        return max(0.0, spent / ((time.monotonic() - self._begun) * (os.cpu_count() or 1)))


def describe(others: float) -> dict[str, str]:
    """Return what a reader needs to know about the place."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": f"{os.cpu_count()} × {_processor()}",
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "Python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "nats-server": _said(str(nats_server_binary()), "--version").rpartition("v")[2],
        **({"Go": _said("go", "env", "GOVERSION")} if shutil.which("go") else {}),
        "CPU taken by others": f"{others:.0%}",
    }


def _own() -> float:
    """CPU seconds of this process and of all its children that have ended."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return (done.stdout or done.stderr).strip()

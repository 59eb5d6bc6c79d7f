"""Troubles inside a relay's process that come from its host: the clock, the resolver, a loop that is held up.

Python imports a module of this name before anything else where its folder is on `PYTHONPATH`. Each trouble is
there only if its environment variable is; tests cause it from outside, by writing a file or with a signal:

* `FAULTS_CLOCK`: a file with the seconds by which the wall clock is wrong (a double, native);
* `FAULTS_RESOLVER`: a file with JSON, `{"delay": seconds, "<name>": ["<address>"]}`; a name not there fails;
* `FAULTS_BLOCK`: seconds for which SIGUSR1 holds up the main thread, and with it the event loop;
* `FAULTS_READ_ONLY`: no file can be written, as on a file system that is full or read-only.

The relay itself is the real one.
"""

import json
import mmap
import os
import resource
import signal
import socket
import struct
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any


def _wrong_clock(file: str) -> None:
    with Path(file).open("r+b") as opened:
        wrong = mmap.mmap(opened.fileno(), 8)
    right, right_ns = time.time, time.time_ns

    def offset() -> float:
        seconds: float = struct.unpack("d", wrong[:8])[0]
        return seconds

    time.time = lambda: right() + offset()
    time.time_ns = lambda: right_ns() + round(offset() * 1e9)


def _stub_resolver(file: str) -> None:
    """Names under .test are the file's; uvloop resolves names beyond Python's reach, and is left out."""
    sys.modules["uvloop"] = None  # type: ignore[assignment]  # importing it fails
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *rest: Any, **options: Any) -> Any:
        if not str(host).endswith(".test"):
            return real(host, port, *rest, **options)
        answer = json.loads(Path(file).read_text())
        time.sleep(answer["delay"])
        if host not in answer:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        found = [real(address, port, *rest, **options) for address in answer[host]]
        return [each for addresses in found for each in addresses]

    socket.getaddrinfo = getaddrinfo


def _held_up(seconds: float) -> None:
    def hold(_number: int, _frame: FrameType | None) -> None:
        time.sleep(seconds)

    signal.signal(signal.SIGUSR1, hold)


def _read_only() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


if found := os.environ.get("FAULTS_CLOCK"):
    _wrong_clock(found)
if found := os.environ.get("FAULTS_RESOLVER"):
    _stub_resolver(found)
if found := os.environ.get("FAULTS_BLOCK"):
    _held_up(float(found))
if os.environ.get("FAULTS_READ_ONLY"):
    _read_only()

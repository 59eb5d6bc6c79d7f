"""What NATS delivers, and when: a process of its own that subscribes, stamps what it reads, and does little else.

It says `ready` on standard output. When standard input ends it writes, for each message that carries a stamp, the
stamp and the time at which it was read (nanoseconds of `CLOCK_MONOTONIC`) to a file: two arrays of 64-bit integers, one
behind the other.
"""

import gc
import re
import select
import sys
import time
from array import array
from pathlib import Path

from benchmarks.feed import connect, say
from benchmarks.frames import STAMP_PATTERN, read_stamp
from benchmarks.timeline import Seen


def load(file: Path) -> Seen:
    """Read what a witness has written."""
    both = array("q", file.read_bytes())
    half = len(both) // 2
    return Seen(both[:half], both[half:])


def watch(host: str, port: int, subject: str) -> Seen:
    """Subscribe, and note what comes until standard input ends."""
    sock = connect(host, port)
    sock.sendall(f"SUB {subject} 1\r\nPING\r\n".encode())
    stamps = re.compile(STAMP_PATTERN)
    sent, read = array("q"), array("q")
    rest = b""
    begun = False
    while True:
        readable, _, _ = select.select([sock, sys.stdin], [], [])
        if sock not in readable:
            return Seen(sent, read)
        data = sock.recv(1 << 20)
        now = time.monotonic_ns()
        if not data:
            raise ConnectionError("the server closed the connection")
        lines, _, rest = (rest + data).rpartition(b"\r\n")
        if found := stamps.findall(lines):
            sent.extend(map(read_stamp, found))
            read.extend([now] * len(found))
        elif not begun and lines.endswith(b"PONG"):
            begun = True
            say({"ready": True})
        if lines.startswith(b"PING") or b"\r\nPING" in lines:
            sock.sendall(b"PONG\r\n")


def main() -> None:
    host, port, subject, file = sys.argv[1:]
    gc.disable()
    seen = watch(host, int(port), subject)
    Path(file).write_bytes(array("q", [*seen.sent, *seen.read]).tobytes())


if __name__ == "__main__":
    main()

"""Messages at a rate, whatever the receiver does. Blocks."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

TICK: Final = 1_000_000
"""Nanoseconds between two writes: what is due meanwhile goes out with one."""

GAP: Final = 50_000_000
"""Nanoseconds before the first, so that one phase is over before the next begins."""

SECOND: Final = 1_000_000_000

Write = Callable[[int, Sequence[bytes], int], None]
"""Number of the first message, messages, and the time in nanoseconds."""


def send(messages: Sequence[bytes], rate: int, write: Write) -> dict[str, Any]:
    """Send at so many per second; return how many, from when to when, and how far behind at most."""
    start = time.monotonic_ns() + GAP
    done = late = 0
    while done < len(messages):
        now = time.monotonic_ns()
        due = min(len(messages), 1 + (now - start) * rate // SECOND)
        if due > done:
            late = max(late, now - start - done * SECOND // rate)
            write(done, messages[done:due], now)
            done = due
        time.sleep((TICK - (time.monotonic_ns() - start) % TICK) / SECOND)
    return {"sent": done, "start": start, "end": time.monotonic_ns(), "late": late}

"""Ends a process that can neither go on nor end by itself.

Without memory, whoever meets a `MemoryError` has none either. A task raises it, and the relay ends in order as after
any bug; but three others keep it to themselves, and do at once the same again:

* A callback from C has nobody to raise it to. Python tells `sys.unraisablehook`, and uvloop calls again, since the
  socket is still readable.
* The event loop takes what a callback in Python raises, and tells its exception handler.
* Up to Python 3.13 the interpreter itself unwinds for ever when it lacks the few bytes that unwinding takes
  (https://github.com/python/cpython/issues/132508). No line of Python runs any more then, in no thread.

`ended_without_memory` is for the first two, `watch` for the third, and for whatever else keeps the relay's tasks from
running. Both concern the process as a whole: they are for the command, not for an application around the relay.
"""

import asyncio
import faulthandler
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NoReturn

LIMIT: Final = 30.0
"""Seconds without a sign of life after which the process ends: the kubelet gives it three probes, 10 s apart."""

INTERVAL: Final = 5.0
"""Seconds between two signs of life."""

EXIT_CODE: Final = 1
"""What the process ends with, here and where `faulthandler` ends it."""

RESERVE: Final = 2 << 20
"""Bytes kept for the last line of the log. Nothing is ever in them, so they are addresses and no memory."""

STACK: Final = 128 << 10
"""Bytes for the timer's thread. The usual 8 MiB, asked for anew every `INTERVAL`, would be the first to be missing."""

_reserve: list[bytes] = []

log = logging.getLogger(__name__)


@contextmanager
def ended_without_memory() -> Iterator[None]:
    """End the process at a `MemoryError` that Python would only tell of; afterwards, end the watch too.

    The event loop needs `on_exception` besides.
    """
    before = sys.unraisablehook
    sys.unraisablehook = _on_unraisable
    _reserve.append(bytes(RESERVE))
    try:
        yield
    finally:
        _reserve.clear()
        sys.unraisablehook = before
        faulthandler.cancel_dump_traceback_later()


def on_exception(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """End the process at a `MemoryError`; log anything else as usual. For `loop.set_exception_handler`."""
    if isinstance(context.get("exception"), MemoryError):
        _end()
    loop.default_exception_handler(context)


async def watch(
    alive: Callable[[], bool], *, limit: float = LIMIT, interval: float = INTERVAL
) -> None:
    """End the process when `alive` has not been true, or could not be asked, for `limit` seconds.

    The timer is a thread in C that needs neither memory nor the interpreter. It writes where every thread is to
    standard error. Cancelling this leaves the timer running: the process has `limit` seconds to end.
    """
    while True:
        if alive():
            _rearm(limit)
        await asyncio.sleep(interval)


def _rearm(limit: float) -> None:
    usual = threading.stack_size(STACK)
    try:
        faulthandler.dump_traceback_later(limit, exit=True)
    except (RuntimeError, MemoryError):  # none for its thread, and the one before is gone
        _end()
    finally:
        threading.stack_size(usual)


def _on_unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
    if issubclass(unraisable.exc_type, MemoryError):
        _end()
    sys.__unraisablehook__(unraisable)


def _end() -> NoReturn:
    """End now: cleaning up would take memory."""
    try:
        _reserve.clear()
        log.critical("Out of memory")
    finally:
        os._exit(EXIT_CODE)

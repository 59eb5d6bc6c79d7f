"""What times say, and how far a busy machine lets one trust them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


def most(times: list[float], window: float) -> int:
    """The most of these in any window of so many seconds."""
    return max((sum(1 for at in times if 0 <= at - first < window) for first in times), default=0)


@asynccontextmanager
async def late_turns() -> AsyncIterator[list[float]]:
    """How late the event loop of the test is, in seconds, again and again: it notes nothing any sooner."""

    async def watch() -> None:
        while True:
            due = loop.time() + 0.01
            await asyncio.sleep(0.01)
            late.append(loop.time() - due)

    loop, late = asyncio.get_running_loop(), [0.0]
    watching = asyncio.create_task(watch())
    try:
        yield late
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

"""Ending tasks for sure."""

import asyncio
from typing import Any, Final

CANCEL_AGAIN: Final = 0.1
"""Seconds until a task that ignored its cancellation is cancelled again."""


async def end_tasks(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks until they have ended.

    Once is not enough: nats-py connects under `asyncio.wait_for`, which up to Python 3.11 swallows a
    cancellation that comes together with the result.
    """
    running = {task for task in tasks if not task.done()}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=CANCEL_AGAIN)

"""What the Python peers have in common: how the exchange wants to be asked for streams."""

import asyncio
import json
from collections.abc import Iterator

from websockets.asyncio.client import ClientConnection

CHUNK = 140
"""Streams of one request: the exchange takes 4 kB."""

PAUSE = 0.25
"""Seconds between two requests: the exchange takes five a second."""

PENDING = 4096
"""Messages without an acknowledgement, as the relay has it."""


def requests(streams: list[str]) -> Iterator[str]:
    """Yield the requests that subscribe to all streams."""
    for number, start in enumerate(range(0, len(streams), CHUNK)):
        params = streams[start : start + CHUNK]
        yield json.dumps({"method": "SUBSCRIBE", "params": params, "id": number})


async def subscribe(socket: ClientConnection, streams: list[str]) -> None:
    """Subscribe to all streams."""
    for request in requests(streams):
        await socket.send(request)
        await asyncio.sleep(PAUSE)

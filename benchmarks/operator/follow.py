"""Following a kind as a controller does: a list, then a watch, and again when the watch ends."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

BUFFER = 1 << 22
"""Bytes of a line of a watch: one object, at most 1.5 MiB in the API server's store."""


async def follow(
    session: aiohttp.ClientSession, path: str, labels: str = ""
) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """Yield `ADDED`, `MODIFIED` or `DELETED` with the object, without an end.

    `session` has the address and the credentials. Raises `aiohttp.ClientError`.
    """
    query = {"labelSelector": labels} if labels else {}
    while True:
        async with session.get(path, params=query) as answer:
            answer.raise_for_status()
            listed = await answer.json()
        for item in listed["items"]:
            yield "ADDED", item
        since = {"watch": "1", "resourceVersion": listed["metadata"]["resourceVersion"]}
        async with session.get(path, params=query | since, read_bufsize=BUFFER) as answer:
            answer.raise_for_status()
            async for line in answer.content:
                event = json.loads(line)
                if event["type"] == "ERROR":  # too old, most likely: the next list tells all
                    break
                yield event["type"], event["object"]

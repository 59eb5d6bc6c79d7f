"""JetStream from outside: makes streams, and reads what is in one, with nats-py and the raw subscriber.

async with administration(server.url) as js:
    await js.add_stream(name="S", subjects=["s.>"])
... publish ...
stored = await content(server.url, "S")
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import nats
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig

from tests.support.subscriber import Received, Subscriber


@asynccontextmanager
async def administration(url: str) -> AsyncIterator[JetStreamContext]:
    """A connection that may manage streams."""
    async with asyncio.timeout(10):
        client = await nats.connect(url, allow_reconnect=False)
    try:
        yield client.jetstream(timeout=10)
    finally:
        await client.close()


async def content(url: str, stream: str, timeout: float = 60.0) -> list[Received]:
    """Every message of a stream, in the order in which it is stored."""
    subject = f"content.{secrets.token_hex(4)}"
    async with administration(url) as js, Subscriber(url, subject, keep=True) as reader:
        count = (await js.stream_info(stream)).state.messages
        await js.add_consumer(
            stream, ConsumerConfig(deliver_subject=subject, ack_policy=AckPolicy.NONE)
        )
        await reader.wait_for(count, timeout)
        assert await reader.settle() == count
        return reader.messages


async def count(url: str, stream: str) -> int:
    """How many messages a stream holds."""
    async with administration(url) as js:
        return (await js.stream_info(stream)).state.messages

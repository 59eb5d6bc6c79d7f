"""Real parts for integration tests."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.support.nats_server import NatsServer
from tests.support.subscriber import Subscriber


@pytest_asyncio.fixture
async def nats_server() -> AsyncIterator[NatsServer]:
    """A running nats-server of this test alone."""
    async with NatsServer() as server:
        yield server


@pytest_asyncio.fixture
async def subscriber(nats_server: NatsServer) -> AsyncIterator[Subscriber]:
    """Counts and keeps everything `nats_server` delivers, across its restarts."""
    async with Subscriber(nats_server.url, keep=True, reconnect=True) as subscriber:
        yield subscriber

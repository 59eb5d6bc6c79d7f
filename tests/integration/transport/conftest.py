"""The contract suite runs with each client on each event loop."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import pytest
import pytest_asyncio
import uvloop

from streamset_relay.transport import Transport, connect

Open = Callable[..., Awaitable[Transport]]


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.SelectorEventLoop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=["picows", "websockets"])
def client(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest_asyncio.fixture
async def open_client(client: str) -> AsyncIterator[Open]:
    """Open connections; those still open at the end of the test are closed."""
    opened: list[Transport] = []

    async def open_one(url: str, **options: object) -> Transport:
        transport = await connect(url, client=client, **{"open_timeout": 5.0, **options})  # type: ignore[arg-type]  # options of connect
        opened.append(transport)
        return transport

    yield open_one
    for transport in opened:
        await transport.close()

import asyncio

import pytest

from streamset_relay import BinanceWebSocketClient


async def test_a_client_that_runs_is_not_started_twice() -> None:
    client = BinanceWebSocketClient(
        "ws://127.0.0.1:1", ["btcusdt@trade"], "nats://127.0.0.1:1", "subject", 0
    )
    starting = asyncio.create_task(client.start())
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="runs already"):
        await client.start()

    await client.stop()
    await starting

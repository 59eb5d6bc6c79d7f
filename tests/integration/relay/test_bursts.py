"""A burst larger than the buffer, with NATS healthy: the buffer is for when it is not."""

from pathlib import Path

import pytest

from tests.support.nats_server import NatsServer
from tests.support.relay import document
from tests.support.relay_process import RelayProcess, exchange_process
from tests.support.subscriber import Subscriber

STREAM = "btcusdt@trade"
EVENTS = 50_000
"""Ten times the default buffer."""


@pytest.mark.parametrize("client", ["picows", "websockets"])
async def test_a_burst_over_the_buffer_loses_nothing_while_nats_takes_it(
    client: str, tmp_path: Path, nats_server: NatsServer
) -> None:
    config = document("", nats_server.url, STREAM, transport=client)
    async with exchange_process() as exchange, Subscriber(nats_server.url) as subscriber:
        config["endpoint"] = exchange.url
        async with RelayProcess(tmp_path, config) as relay:
            await subscriber.wait_for(1)
            await exchange.fault("burst", stream=STREAM, events=EVENTS)
            await subscriber.wait_for(EVENTS, 90)
            ended = await relay.stop()

    assert ended.ledger["dropped"] == {}
    assert ended.ledger["published"] == ended.ledger["received"] >= EVENTS

"""A relay whose connection is being replaced, and what must be true afterwards."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from exchange_simulator import Simulator, SimulatorConfig
from streamset_relay.status import Status
from tests.integration.relay.witness import numbers
from tests.support.nats_server import NatsServer
from tests.support.relay import LocalRelay, document
from tests.support.subscriber import Subscriber

TRADES = "btcusdt@trade"
QUIET = "ethusdt@trade"
"""Has an event once in a while only, so that a handover waits for its deadline."""
MARKET = SimulatorConfig(rates={QUIET: 0.001, "*": 500})
CLIENTS = pytest.mark.parametrize("client", ["picows", "websockets"])


def config(exchange: Simulator, nats: NatsServer, *streams: str, **timing: Any) -> dict[str, Any]:
    given = {"handoverTimeout": 5, "silenceFloor": 5, **timing}
    return document(exchange.url, nats.url, *(streams or (TRADES, QUIET)), timing=given)


async def flows(relay: LocalRelay, messages: int = 100) -> None:
    at = relay.status.ledger.published
    await relay.until(lambda s: s.ledger.published > at + messages)


async def overlapping(exchange: Simulator, relay: LocalRelay) -> None:
    """Announce the end of the first connection, and wait until the second one delivers too."""
    await flows(relay)
    exchange.faults.announce_shutdown()
    await relay.until(lambda s: s.connections["leaving"] == 1)
    await relay.until(lambda s: s.ledger.duplicate > 20)


def outcomes(*wanted: str) -> Callable[[Status], bool]:
    return lambda status: status.handovers == dict.fromkeys(wanted, 1)


async def whole(subscriber: Subscriber, relay: LocalRelay, exchange: Simulator) -> None:
    """Stop; all that the exchange sent since the first event arrived, once and in order."""
    ledger = await relay.stop()
    assert ledger.dropped == {}
    assert ledger.received == ledger.published + ledger.duplicate
    assert await subscriber.settle() == ledger.published
    seen = numbers(subscriber.payloads, TRADES)
    assert seen[0] == exchange.stats().streams[TRADES].first
    assert all(later == earlier + 1 for earlier, later in pairwise(seen))
    assert (relay.status.gaps, relay.status.sequence_resets) == (0, 0)

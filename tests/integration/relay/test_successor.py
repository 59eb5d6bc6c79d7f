"""The new connection fails, or is of no use: the old one goes on for as long as it lives."""

import asyncio
from itertools import pairwise

import pytest

from exchange_simulator import Simulator
from tests.integration.relay.side_by_side import (
    CLIENTS,
    MARKET,
    QUIET,
    TRADES,
    config,
    flows,
    outcomes,
    overlapping,
    whole,
)
from tests.integration.relay.witness import numbers
from tests.support.nats_server import NatsServer
from tests.support.relay import LocalRelay, eventually
from tests.support.subscriber import Subscriber


@CLIENTS
async def test_the_new_connection_is_cut_in_the_middle(
    client: str, nats_server: NatsServer, subscriber: Subscriber
) -> None:
    """Nothing hung on it: what it alone had brought, the old one brings too."""
    async with Simulator(MARKET) as exchange:
        settings = config(exchange, nats_server) | {"transport": client}
        async with LocalRelay(settings) as relay:
            await overlapping(exchange, relay)
            exchange.faults.lag(1_000, connection=1)
            await relay.until(lambda s: s.ledger.in_flight > 150)
            exchange.faults.reject_upgrades(503, count=3)
            exchange.faults.reset(connection=2)
            await relay.until(lambda s: s.ledger.in_flight == 0)
            assert relay.status.not_ready is None
            exchange.faults.lag(0, connection=1)
            await relay.until(outcomes("deadline"))
            await flows(relay)
            await whole(subscriber, relay, exchange)


@CLIENTS
@pytest.mark.parametrize("status", [403, 429])
async def test_a_refused_connection_is_tried_again_while_the_old_one_delivers(
    client: str, status: int, nats_server: NatsServer, subscriber: Subscriber
) -> None:
    async with Simulator(MARKET) as exchange:
        settings = config(exchange, nats_server, TRADES) | {"transport": client}
        async with LocalRelay(settings) as relay:
            await flows(relay)
            exchange.faults.reject_upgrades(status, count=2)
            exchange.faults.announce_shutdown()
            while relay.status.handovers != {"aligned": 1}:
                assert relay.status.not_ready is None
                await asyncio.sleep(0.02)
            await flows(relay)
            statuses = [attempt.status for attempt in exchange.stats().attempts]
            assert statuses == [101, status, status, 101]
            times = [attempt.at for attempt in exchange.stats().attempts]
            assert all(later - earlier > 0.49 for earlier, later in pairwise(times[1:]))
            assert len(relay.said("Binance connection failed")) == 2
            await whole(subscriber, relay, exchange)


async def test_the_old_connection_ends_while_the_new_one_is_refused(
    nats_server: NatsServer, subscriber: Subscriber
) -> None:
    """The successor has the place, and its wait: an ordinary reconnect, with a gap."""
    async with (
        Simulator(MARKET) as exchange,
        LocalRelay(config(exchange, nats_server, TRADES)) as relay,
    ):
        await flows(relay)
        exchange.faults.reject_upgrades(429, count=1, retry_after=1)
        exchange.faults.announce_shutdown(close_after=0.5)
        await relay.until(lambda s: s.not_ready == "websocket_disconnected")
        assert "HTTP 429" in relay.status.last_errors["exchange"]
        await relay.until(lambda s: s.not_ready is None)
        await flows(relay)
        ledger = await relay.stop()
    assert relay.status.handovers == {"late": 1}
    first, refused, last = exchange.stats().attempts
    assert (first.status, refused.status, last.status) == (101, 429, 101)
    assert last.at - refused.at > 0.99, "not sooner than the exchange asked for"
    seen = numbers(subscriber.payloads, TRADES)
    assert await subscriber.settle() == ledger.published == ledger.received
    assert all(later > earlier for earlier, later in pairwise(seen))
    assert relay.status.missing == seen[-1] - seen[0] + 1 - len(seen) > 0


async def test_ten_refused_successors_do_not_end_a_relay_that_works(
    nats_server: NatsServer, subscriber: Subscriber
) -> None:
    async with Simulator(MARKET) as exchange:
        settings = config(exchange, nats_server, TRADES, breakerOpen=0.1)
        settings["reconnect"] = {"initialDelaySeconds": 0, "maxAttempts": 3}
        async with LocalRelay(settings) as relay:
            await flows(relay)
            exchange.faults.reject_upgrades(503)
            exchange.faults.announce_shutdown()
            await eventually(lambda: len(exchange.stats().attempts) > 10)
            assert relay.status.not_ready is None
            assert relay.status.breakers["exchange"] == "closed"
            exchange.faults.clear()
            await relay.until(outcomes("aligned"))
            await whole(subscriber, relay, exchange)


@CLIENTS
async def test_a_new_connection_that_is_accepted_and_says_nothing_is_replaced(
    client: str, nats_server: NatsServer, subscriber: Subscriber
) -> None:
    async with Simulator(MARKET) as exchange:
        settings = config(exchange, nats_server, TRADES, handoverTimeout=1, silenceFloor=5)
        async with LocalRelay(settings | {"transport": client}) as relay:
            await flows(relay)
            exchange.faults.lag(1_000, opened_later=True)
            exchange.faults.announce_shutdown()
            await relay.until(lambda s: s.handovers == {"missing": 1})
            assert relay.said("The new connection lacks streams")
            exchange.faults.lag(0, opened_later=True)
            await relay.until(lambda s: s.handovers == {"missing": 1, "aligned": 1})
            await flows(relay)
            assert exchange.stats().connections[1].close_received == 1000
            await whole(subscriber, relay, exchange)


@pytest.mark.parametrize("shape", ["error", "no answer"])
async def test_a_new_connection_that_is_not_subscribed_is_replaced(
    shape: str, nats_server: NatsServer, subscriber: Subscriber
) -> None:
    """A quiet stream says nothing of it, so the exchange's answer counts."""
    async with Simulator(MARKET) as exchange:
        settings = config(exchange, nats_server, QUIET, handoverTimeout=0.5)
        async with LocalRelay(settings) as relay:
            await relay.until(lambda s: s.connections["subscribing"] == 1)
            await eventually(lambda: exchange.stats().connections[0].control)
            if shape == "error":
                exchange.faults.reply_error(2, "Invalid request")
            else:
                exchange.faults.drop_acks(count=1, obey=False)
            exchange.faults.announce_shutdown()
            await relay.until(lambda s: s.handovers == {"missing": 1})
            await relay.until(lambda s: s.handovers == {"missing": 1, "deadline": 1})
            exchange.faults.burst(QUIET, 10)
            await relay.until(lambda s: s.ledger.published == 10)
            await relay.stop()

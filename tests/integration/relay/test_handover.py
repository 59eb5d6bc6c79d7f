"""A connection is replaced before it ends: nothing lost, nothing twice, whatever becomes of either of the two."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from exchange_simulator import Simulator, SimulatorConfig
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
from tests.support.mounted import Mounted
from tests.support.nats_server import NatsServer
from tests.support.relay import LocalRelay, eventually, info, metrics
from tests.support.subscriber import Subscriber


@CLIENTS
@pytest.mark.parametrize("bare", [True, False])
async def test_an_announced_shutdown_leaves_no_gap(
    client: str, bare: bool, nats_server: NatsServer, subscriber: Subscriber
) -> None:
    async with Simulator(MARKET) as exchange:
        settings = config(exchange, nats_server) | {"transport": client}
        async with LocalRelay(settings) as relay:
            await flows(relay)
            exchange.faults.announce_shutdown(close_after=0.7, bare=bare)
            await relay.until(outcomes("ended"))
            await flows(relay)
            assert relay.status.not_ready is None
            assert relay.status.reconnects == 0
            assert (await info(relay))["handovers"] == {"ended": 1}
            assert (await metrics(relay))["socket_client_handovers_total{outcome=ended}"] == 1
            await whole(subscriber, relay, exchange)
    first, second = exchange.stats().connections
    assert second.opened_at < (first.closed_at or 0.0)


@CLIENTS
async def test_an_old_connection_leaves_by_itself(
    client: str, nats_server: NatsServer, subscriber: Subscriber
) -> None:
    async with Simulator(MARKET) as exchange:
        settings = config(exchange, nats_server, TRADES, connectionLifetime=2, lifetimeJitter=0.5)
        async with LocalRelay(settings | {"transport": client}) as relay:
            await relay.until(lambda s: s.handovers.get("aligned") == 2)
            await flows(relay)
            await whole(subscriber, relay, exchange)
    lives = [(c.closed_at or 0.0) - c.opened_at for c in exchange.stats().connections[:2]]
    assert all(0.9 < life < 4 for life in lives)
    assert [c.close_received for c in exchange.stats().connections] == [1000] * 3


@CLIENTS
@pytest.mark.parametrize("lag", [0.0, 0.15])
async def test_the_old_connection_is_cut_in_the_middle(
    client: str, lag: float, nats_server: NatsServer, subscriber: Subscriber
) -> None:
    """Also when it is behind: what it never brought is held from the new one."""
    async with Simulator(MARKET) as exchange:
        settings = config(exchange, nats_server) | {"transport": client}
        async with LocalRelay(settings) as relay:
            await flows(relay)
            exchange.faults.lag(lag, connection=1)
            await overlapping(exchange, relay)
            assert relay.status.ledger.in_flight >= 400 * lag
            exchange.faults.reset(connection=1)
            await relay.until(outcomes("ended"))
            await flows(relay)
            await whole(subscriber, relay, exchange)


@CLIENTS
async def test_the_new_connection_is_behind(
    client: str, nats_server: NatsServer, subscriber: Subscriber
) -> None:
    async with Simulator(MARKET) as exchange:
        settings = config(exchange, nats_server, TRADES) | {"transport": client}
        async with LocalRelay(settings) as relay:
            await flows(relay)
            exchange.faults.lag(0.3, opened_later=True)
            exchange.faults.announce_shutdown()
            await relay.until(outcomes("aligned"))
            await flows(relay)
            await whole(subscriber, relay, exchange)


async def test_what_the_old_connection_has_seen_says_nothing_of_the_new_one(
    nats_server: NatsServer,
) -> None:
    async with Simulator(MARKET) as exchange:
        settings = config(exchange, nats_server, QUIET, handoverTimeout=0.3, silenceFloor=0.4)
        async with LocalRelay(settings) as relay:
            await relay.until(lambda s: s.connections["subscribing"] == 1)
            await eventually(lambda: exchange.stats().connections[0].control)
            exchange.faults.burst(QUIET, 10)
            await relay.until(lambda s: s.active == 1 and s.ledger.published == 10)
            exchange.faults.announce_shutdown()
            await relay.until(outcomes("deadline"))
            await asyncio.sleep(1)  # several looks at both, before and after it has settled
            assert relay.status.connections["subscribing"] == 1
            assert relay.status.active == 0
            exchange.faults.burst(QUIET, 1)
            await relay.until(lambda s: s.active == 1)
            await relay.stop()


@CLIENTS
@pytest.mark.parametrize("lag", [0.0, 0.15])
async def test_a_stop_in_the_middle_loses_nothing(
    client: str, lag: float, nats_server: NatsServer, subscriber: Subscriber
) -> None:
    async with Simulator(MARKET) as exchange:
        settings = config(exchange, nats_server) | {"transport": client}
        async with LocalRelay(settings) as relay:
            await flows(relay)
            exchange.faults.lag(lag, connection=1)
            await overlapping(exchange, relay)
            await whole(subscriber, relay, exchange)
            assert relay.status.handovers == {}
            assert exchange.stats().open == 0


async def test_a_stop_sends_what_only_the_new_connection_has_brought(
    nats_server: NatsServer, subscriber: Subscriber
) -> None:
    async with Simulator(MARKET) as exchange, LocalRelay(config(exchange, nats_server)) as relay:
        await overlapping(exchange, relay)
        exchange.faults.lag(1_000, connection=1)
        at = numbers(subscriber.payloads, TRADES)[-1]
        await relay.until(lambda s: s.ledger.in_flight > 300)
        await whole(subscriber, relay, exchange)
    assert numbers(subscriber.payloads, TRADES)[-1] > at + 300


async def test_a_stop_in_a_hurry_counts_what_was_held(nats_server: NatsServer) -> None:
    async with Simulator(MARKET) as exchange, LocalRelay(config(exchange, nats_server)) as relay:
        await flows(relay)
        exchange.faults.lag(0.3, connection=1)
        await overlapping(exchange, relay)
        nats_server.pause()
        await relay.until(lambda s: s.ledger.in_flight > 300)
        relay.relay.stop()
        relay.relay.stop()
        await relay.ended()
        nats_server.resume()
    ledger = relay.status.ledger
    assert ledger.difference == ledger.in_flight == 0
    assert ledger.dropped.get("shutdown", 0) + ledger.unconfirmed > 0


async def test_a_list_that_changes_in_the_middle(
    tmp_path: Path, nats_server: NatsServer, subscriber: Subscriber
) -> None:
    added = "solusdt@trade"
    async with Simulator(MARKET) as exchange:
        settings = config(exchange, nats_server)
        mounted = Mounted(tmp_path, settings)
        async with LocalRelay(settings, file=mounted.file) as relay:
            await overlapping(exchange, relay)
            mounted.replace({**settings, "streams": [TRADES, added]})
            await relay.until(lambda s: s.streams == (TRADES, added))
            await relay.until(outcomes("aligned"))
            await relay.until(lambda s: s.active == 2)
            await whole(subscriber, relay, exchange)
    seen = numbers(subscriber.payloads, added)
    assert len(seen) > 10
    assert all(later == earlier + 1 for earlier, later in pairwise(seen))
    assert sorted(exchange.stats().connections[1].streams) == sorted([TRADES, added])


async def test_every_kind_of_stream_is_handed_over(
    nats_server: NatsServer, subscriber: Subscriber
) -> None:
    kinds = ["trade", "aggTrade", "depth@100ms", "depth20@100ms", "bookTicker", "ticker"]
    streams = [f"btcusdt@{kind}" for kind in (*kinds, "kline_1s", "avgPrice", "referencePrice")]
    market = SimulatorConfig(rates={"*": 50})
    async with Simulator(market) as exchange:
        settings = config(exchange, nats_server, *streams, "!miniTicker@arr")
        async with LocalRelay(settings) as relay:
            for _ in range(3):
                await flows(relay, 500)
                before = relay.status.handovers.get("aligned", 0)
                exchange.faults.announce_shutdown()
                await relay.until(lambda s: s.handovers.get("aligned", 0) > before)  # noqa: B023
            await flows(relay, 500)
            exchange.faults.stall()
            await eventually(lambda: subscriber.count >= exchange.stats().events)
            ledger = await relay.stop()
            assert (relay.status.gaps, relay.status.sequence_resets) == (0, 0)
            assert relay.status.handovers == {"aligned": 3}
    assert await subscriber.settle() == ledger.published
    assert ledger.dropped == {}
    exactly_once(subscriber.payloads, [*streams, "!miniTicker@arr"])
    sent = exchange.stats().streams
    assert all(len(sent[name].runs) == 1 for name in sent), "the exchange left nothing out"
    got = Counter(json.loads(payload)["stream"] for payload in subscriber.payloads)
    assert got == {name: count.count for name, count in sent.items()}


def exactly_once(payloads: Sequence[bytes], streams: Sequence[str]) -> None:
    """No event twice; those that show a time or a number, in its order."""
    last: dict[str, int] = {}
    ids = set()
    for payload in payloads:
        envelope = json.loads(payload)
        data, name = envelope["data"], envelope["stream"]
        data = data[0] if isinstance(data, list) else data
        assert envelope["message_id"] not in ids
        ids.add(envelope["message_id"])
        order = data.get("u") or data.get("lastUpdateId") or data.get("E") or data["t"]
        assert order >= last.get(name, 0)
        last[name] = order
    assert sorted(last) == sorted(streams)

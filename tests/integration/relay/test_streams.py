"""Which streams on which connection, what the exchange refuses, and changes of the list while running."""

import asyncio
import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal

import pytest

from exchange_simulator import Simulator, SimulatorConfig
from exchange_simulator.stats import ConnectionStats
from tests.integration.relay.witness import numbers
from tests.support.mounted import Mounted
from tests.support.nats_server import NatsServer
from tests.support.relay import LocalRelay, document, eventually, info, metrics
from tests.support.relay_process import RelayProcess
from tests.support.subscriber import Subscriber

BTC, ETH, SOL = "btcusdt@trade", "ethusdt@trade", "solusdt@trade"
MARKET = SimulatorConfig(rates={"*": 100})


async def test_a_changed_list_sends_the_difference_and_disturbs_no_other_stream(
    tmp_path: Path, nats_server: NatsServer, subscriber: Subscriber
) -> None:
    async with Simulator(MARKET) as exchange:
        config = document(exchange.url, nats_server.url, BTC, ETH)
        mounted = Mounted(tmp_path, config)
        async with LocalRelay(config, file=mounted.file) as relay:
            await relay.until(lambda s: s.active == 2)
            mounted.replace({**config, "streams": [BTC, SOL]})
            await relay.until(lambda s: s.streams == (BTC, SOL) and s.active == 2)
            at = relay.status.ledger.received
            await relay.until(lambda s: s.ledger.received > at + 50)
            mounted.replace({**config, "streams": [BTC, SOL, ETH]})
            await relay.until(lambda s: s.streams == (BTC, SOL, ETH) and s.active == 3)
            ledger = await relay.stop()

    (connection,) = exchange.stats().connections
    assert _asked(connection) == [
        ("SUBSCRIBE", [BTC, ETH]),
        ("UNSUBSCRIBE", [ETH]),
        ("SUBSCRIBE", [SOL]),
        ("SUBSCRIBE", [ETH]),
    ]
    assert await subscriber.settle() == ledger.received == ledger.published
    seen = numbers(subscriber.payloads, BTC)
    assert all(later == earlier + 1 for earlier, later in pairwise(seen))
    (run,) = exchange.stats().streams[BTC].runs
    assert seen[0] == run.first


async def test_a_list_changed_before_the_first_look_is_not_missed(
    tmp_path: Path, nats_server: NatsServer
) -> None:
    async with Simulator(MARKET) as exchange:
        config = document(exchange.url, nats_server.url, BTC)
        mounted = Mounted(tmp_path, config)
        mounted.replace({**config, "streams": [ETH]})
        async with LocalRelay(config, file=mounted.file) as relay:
            await relay.until(lambda s: s.streams == (ETH,) and s.active == 1)


async def test_a_wrong_file_is_logged_once_and_the_old_list_stays(
    tmp_path: Path, nats_server: NatsServer
) -> None:
    wrong = "The configuration file is wrong; it is ignored"
    async with Simulator(MARKET) as exchange:
        config = document(exchange.url, nats_server.url, BTC)
        mounted = Mounted(tmp_path, config)
        async with LocalRelay(config, file=mounted.file, allow=[wrong]) as relay:
            await relay.until(lambda s: s.active == 1)
            mounted.replace("streams: {")
            await relay.until(lambda _: relay.said(wrong))
            mounted.replace({**config, "streams": ["no stream"]})
            await relay.until(lambda _: len(relay.said(wrong)) == 2)
            at = relay.status.ledger.received
            await relay.until(lambda s: s.ledger.received > at + 50)
            assert len(relay.said(wrong)) == 2
            assert relay.status.streams == (BTC,)
            mounted.replace({**config, "streams": [ETH]})
            await relay.until(lambda s: s.streams == (ETH,) and s.active == 1)


async def test_other_changes_take_a_restart_and_say_so(
    tmp_path: Path, nats_server: NatsServer, subscriber: Subscriber
) -> None:
    async with Simulator(MARKET) as exchange:
        config = document(exchange.url, nats_server.url, BTC)
        mounted = Mounted(tmp_path, config)
        async with LocalRelay(config, file=mounted.file) as relay:
            await relay.until(lambda s: s.active == 1)
            mounted.replace({**config, "market": "usdm", "nats": {"servers": ["nats://elsewhere"]}})
            line = "The configuration changed in more than its streams; that takes a restart"
            await relay.until(lambda _: relay.said(line))
            at = relay.status.ledger.published
            await relay.until(lambda s: s.ledger.published > at + 50)
            await relay.stop()

    assert len(exchange.stats().connections) == 1
    assert relay.status.reconnects == relay.status.nats_reconnects == 0


async def test_with_the_variable_set_the_list_of_the_file_is_ignored(
    tmp_path: Path, nats_server: NatsServer
) -> None:
    async with Simulator(MARKET) as exchange:
        config = document(exchange.url, nats_server.url, BTC)
        mounted = Mounted(tmp_path, config)
        environ = {"BINANCE_STREAMS": f"{ETH},{SOL}"}
        async with RelayProcess(tmp_path, mounted.file, environ=environ) as relay:
            while (await info(relay))["active_streams"] != 2:
                await asyncio.sleep(0.05)
            mounted.replace({**config, "streams": [BTC]})
            at = (await info(relay))["ledger"]["received"]
            while (await info(relay))["ledger"]["received"] < at + 100:
                await asyncio.sleep(0.05)
            assert (await info(relay))["streams"] == [ETH, SOL]
            assert relay.said("BINANCE_STREAMS is set: the stream list of the file is ignored")
            assert (await relay.stop()).code == 0

    (connection,) = exchange.stats().connections
    assert _asked(connection) == [("SUBSCRIBE", [ETH, SOL])]


async def test_more_than_200_streams_get_several_connections(nats_server: NatsServer) -> None:
    streams = [f"sym{n}usdt@trade" for n in range(450)]
    async with (
        Simulator(SimulatorConfig(rates={"*": 2})) as exchange,
        LocalRelay(document(exchange.url, nats_server.url, *streams)) as relay,
    ):
        status = await relay.until(lambda s: s.active == 450)
        assert status.connections["waiting"] == 0
        assert exchange.stats().violations == {}
        await relay.stop()

    connections = exchange.stats().connections
    assert sorted(len(connection.streams) for connection in connections) == [50, 200, 200]
    assert sorted(name for c in connections for name in c.streams) == sorted(streams)
    for connection in connections:
        assert all(len(params) <= 200 for _, params in _asked(connection))
        assert all(len(message.text) < 4_000 for message in connection.control)


async def test_the_routes_of_usdm_have_connections_of_their_own(nats_server: NatsServer) -> None:
    public = ["btcusdt@depth@100ms", "btcusdt@bookTicker"]
    market = ["btcusdt@aggTrade", "btcusdt@markPrice@1s", "!forceOrder@arr"]
    async with (
        Simulator(SimulatorConfig(market="usdm", rates={"*": 50})) as exchange,
        LocalRelay(
            document(exchange.url, nats_server.url, *public, *market, market="usdm")
        ) as relay,
    ):
        await relay.until(lambda s: s.active == 5 and s.not_ready is None)
        at = relay.status.ledger.published
        status = await relay.until(lambda s: s.ledger.published > at + 200)
        assert (status.gaps, status.sequence_resets) == (0, 0)
        await relay.stop()

    routes = {c.path: sorted(c.streams) for c in exchange.stats().connections}
    assert routes == {"/public/stream": sorted(public), "/market/stream": sorted(market)}


async def test_a_route_that_is_dropped_and_comes_back_at_once_flows_again(
    tmp_path: Path, nats_server: NatsServer
) -> None:
    depth, trades = "btcusdt@depth@100ms", "btcusdt@aggTrade"
    timing = {"controlPerSecond": 1, "silenceFloor": 60}  # a connection takes a second to end
    async with Simulator(SimulatorConfig(market="usdm", rates={"*": 50})) as exchange:
        config = document(
            exchange.url, nats_server.url, depth, trades, market="usdm", timing=timing
        )
        mounted = Mounted(tmp_path, config)
        async with LocalRelay(config, file=mounted.file) as relay:
            await relay.until(lambda s: s.active == 2)
            mounted.replace({**config, "streams": [depth]})
            await relay.until(lambda _: len(relay.said("The stream list changed")) == 1)
            mounted.replace(config)
            await relay.until(lambda _: len(relay.said("The stream list changed")) == 2)
            await eventually(lambda: len(exchange.stats().attempts) == 3)
            await relay.until(lambda s: s.active == 2 and s.not_ready is None)
            up = [c.path for c in exchange.stats().connections if c.closed_at is None]
            assert sorted(up) == ["/market/stream", "/public/stream"]


async def test_a_list_that_changes_during_the_stop_opens_nothing(
    tmp_path: Path, nats_server: NatsServer
) -> None:
    depth, trades = "btcusdt@depth@100ms", "btcusdt@aggTrade"
    timing = {"gracePeriod": 7, "natsPingTimeout": 60}
    async with Simulator(SimulatorConfig(market="usdm", rates={"*": 200})) as exchange:
        config = document(exchange.url, nats_server.url, depth, market="usdm", timing=timing)
        mounted = Mounted(tmp_path, config)
        async with LocalRelay(config, file=mounted.file) as relay:
            await relay.until(lambda s: s.ledger.published > 10)
            nats_server.pause()  # so that the stop takes its two seconds
            await relay.until(lambda s: s.ledger.in_flight > 10)
            relay.relay.stop()
            mounted.replace({**config, "streams": [depth, trades]})
            await relay.ended()
    assert len(exchange.stats().attempts) == 1


@pytest.mark.parametrize("shape", ["nested", "flat"])
async def test_a_refused_subscription_is_visible_everywhere(
    shape: Literal["nested", "flat"], nats_server: NatsServer
) -> None:
    async with Simulator(MARKET) as exchange:
        exchange.faults.reply_error(2, "Invalid request: no such thing", shape=shape)
        async with LocalRelay(document(exchange.url, nats_server.url, BTC, ETH)) as relay:
            await relay.until(lambda s: s.refused)
            why = "Invalid request: no such thing"
            assert (await info(relay))["refused_streams"] == {BTC: why, ETH: why}
            assert (await metrics(relay))["socket_client_subscribe_errors_total"] == 1
            (line,) = relay.said("Binance refused a request")
            assert line.level == "WARNING"
            assert (line.fields["code"], line.fields["streams"]) == (2, (BTC, ETH))
            assert relay.status.reconnects == 0


async def test_a_refused_part_leaves_the_rest_alone(
    tmp_path: Path, nats_server: NatsServer
) -> None:
    async with Simulator(MARKET) as exchange:
        config = document(exchange.url, nats_server.url, BTC)
        mounted = Mounted(tmp_path, config)
        async with LocalRelay(config, file=mounted.file) as relay:
            await relay.until(lambda s: s.active == 1)
            exchange.faults.reply_error(3, "Invalid JSON")
            mounted.replace({**config, "streams": [BTC, ETH]})
            await relay.until(lambda s: s.refused.keys() == {ETH})
            at = relay.status.ledger.received
            await relay.until(lambda s: s.ledger.received > at + 50)
            assert (relay.status.active, relay.status.not_ready) == (1, None)
            mounted.replace(config)
            await relay.until(lambda s: not s.refused)
            await eventually(lambda: len(_asked(exchange.stats().connections[0])) == 2)


def _asked(connection: ConnectionStats) -> Sequence[tuple[str, list[str]]]:
    """The requests of a connection: method and streams."""
    texts = [json.loads(m.text) for m in connection.control if m.text.startswith("{")]
    return [(text["method"], text["params"]) for text in texts]

"""Rows 1 to 3: the NATS server dies, hangs, or leaves."""

import asyncio
from pathlib import Path

import pytest

from tests.faults.case import STREAM, Case, jetstream, market, sized
from tests.faults.cluster import SIZE, cluster, complete
from tests.support.nats_server import NatsServer
from tests.support.relay_process import RelayProcess

PING = 4.0
"""Seconds in which NATS has to answer a PING."""


@pytest.mark.row(1, "NATS killed (SIGKILL), restarted with its store")
async def test_a_killed_server_has_everything_once(case: Case, tmp_path: Path) -> None:
    async with NatsServer(jetstream=True) as server, market() as exchange:
        settings = jetstream(exchange.url, server.url, buffer=sized(5))
        async with RelayProcess(tmp_path, settings) as relay:
            run = case.run(exchange, relay, server.url)
            async for _ in run.injections():
                await server.kill()
                await asyncio.sleep(case.random.uniform(0.0, 1.0))
                await server.restart()
            await run.finish()
    assert case.dropped == {}


@pytest.mark.row(2, "NATS stopped (SIGSTOP) for 30 s, half-open", seconds=40)
async def test_a_hanging_server_is_noticed_and_has_everything_once(
    case: Case, tmp_path: Path
) -> None:
    pause = 30.0
    buffer = sized(pause)
    async with NatsServer(jetstream=True) as server, market() as exchange:
        settings = jetstream(
            exchange.url, server.url, buffer=buffer, timing={"natsPingTimeout": PING}
        )
        async with RelayProcess(tmp_path, settings) as relay:
            run = case.run(exchange, relay, server.url)
            async for _ in run.injections():
                before, began = relay.rss(), asyncio.get_running_loop().time()
                server.pause()
                await run.until("noticed", 3 * PING, not_ready_reason="nats_disconnected")
                await asyncio.sleep(began + pause - asyncio.get_running_loop().time())
                assert relay.rss() - before < buffer["maxBytes"]
                server.resume()
            await run.finish()
    assert case.dropped == {}


@pytest.mark.row("2, default buffer", "NATS stopped (SIGSTOP) for 8 s, half-open", seconds=15)
async def test_what_a_buffer_too_small_cannot_hold_is_counted(case: Case, tmp_path: Path) -> None:
    async with NatsServer(jetstream=True) as server, market() as exchange:
        settings = jetstream(exchange.url, server.url)
        async with RelayProcess(tmp_path, settings) as relay:
            run = case.run(exchange, relay, server.url)
            async for _ in run.injections():
                server.pause()
                await asyncio.sleep(8)
                server.resume()
            await run.finish()
    assert case.dropped.keys() == {"buffer_full"}


@pytest.mark.row(3, "lame duck: each server of a cluster of three in turn", seconds=40)
async def test_a_cluster_that_is_restarted_server_by_server(case: Case, tmp_path: Path) -> None:
    async with cluster() as servers, market() as exchange:
        settings = jetstream(
            exchange.url,
            *(server.url for server in servers),
            buffer=sized(10),
            jetStream={"create": {"replicas": SIZE}},
        )
        async with RelayProcess(tmp_path, settings) as relay:
            run = case.run(exchange, relay, servers[0].url)
            async for number in run.injections(SIZE):
                server = servers[number % SIZE]
                await complete(server, STREAM)
                server.lame_duck()
                assert await server.exited(40), server.log
                await server.restart()
            await run.finish()
    assert case.dropped == {}

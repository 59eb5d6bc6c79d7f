"""What a client gets for what it subscribes to."""

import asyncio
from typing import Any

import pytest

from exchange_simulator import Simulator, SimulatorConfig
from tests.integration.simulator.clients import ask, client, events, receive, request, until

FAST = SimulatorConfig(rates={"*": 200.0}, control_rate=1000)


async def test_combined_streams_are_wrapped_with_their_name() -> None:
    async with Simulator(FAST) as exchange, client(exchange) as connection:
        await connection.send(request("SUBSCRIBE", "btcusdt@trade", "ethusdt@bookTicker"))
        assert await receive(connection) == {"result": None, "id": 1}
        got = await events(connection, 40)

    assert {event["stream"] for event in got} == {"btcusdt@trade", "ethusdt@bookTicker"}
    assert all(list(event) == ["stream", "data"] for event in got)


async def test_raw_streams_are_bare_events() -> None:
    async with Simulator(FAST) as exchange, client(exchange, "/ws/btcusdt@trade") as connection:
        got = await events(connection, 10)

    assert [event["e"] for event in got] == ["trade"] * 10
    assert [event["t"] for event in got] == list(range(got[0]["t"], got[0]["t"] + 10))


async def test_streams_of_the_url_need_no_request() -> None:
    path = "/stream?streams=btcusdt@trade/%E5%B8%81%E5%AE%89usdt@trade"
    async with Simulator(FAST) as exchange, client(exchange, path) as connection:
        got = await events(connection, 10)
        listed = await ask(connection, "LIST_SUBSCRIPTIONS")

    assert {event["stream"] for event in got} == {"btcusdt@trade", "币安usdt@trade"}
    assert listed["result"] == ["btcusdt@trade", "币安usdt@trade"]


async def test_only_what_is_subscribed_comes() -> None:
    async with Simulator(FAST) as exchange, client(exchange) as connection:
        await ask(connection, "SUBSCRIBE", "btcusdt@trade", "ethusdt@trade")
        await events(connection, 5)
        await ask(connection, "UNSUBSCRIBE", "btcusdt@trade")
        got = await events(connection, 30)

    assert {event["stream"] for event in got} == {"ethusdt@trade"}


@pytest.mark.parametrize("name", ["BTCUSDT@trade", "btcusdt@trades", "!ticker@arr", "\ud800@trade"])
async def test_unknown_streams_are_acknowledged_and_silent(name: str) -> None:
    async with Simulator(FAST) as exchange, client(exchange) as connection:
        assert (await ask(connection, "SUBSCRIBE", name))["result"] is None
        await ask(connection, "SUBSCRIBE", "btcusdt@trade")
        got = await events(connection, 20)
        listed = await ask(connection, "LIST_SUBSCRIPTIONS")

    assert {event["stream"] for event in got} == {"btcusdt@trade"}
    assert len(listed["result"]) == 2


async def test_all_connections_see_the_same_market() -> None:
    async with (
        Simulator(FAST) as exchange,
        client(exchange, "/stream?streams=btcusdt@trade") as first,
    ):
        early = await events(first, 20)
        async with client(exchange, "/ws/btcusdt@trade") as second:
            late = await events(second, 20)
        early += await events(first, 20)

    seen: dict[int, Any] = {event["data"]["t"]: event["data"] for event in early}
    shared = [event for event in late if event["t"] in seen]
    assert len(shared) > 5
    assert all(seen[event["t"]] == event for event in shared)
    assert late[0]["t"] > early[0]["data"]["t"]


async def test_the_market_goes_on_between_connections() -> None:
    async with Simulator(FAST) as exchange:
        async with client(exchange, "/ws/btcusdt@trade") as connection:
            before = (await events(connection, 5))[-1]
        await asyncio.sleep(0.1)
        async with client(exchange, "/ws/btcusdt@trade") as connection:
            (after,) = await events(connection, 1)

        assert after["t"] - before["t"] > 5
        runs = exchange.stats().streams["btcusdt@trade"].runs
    assert len(runs) == 2
    assert runs[1].first == after["t"]


async def test_microseconds_are_a_matter_of_the_connection() -> None:
    async with (
        Simulator(FAST) as exchange,
        client(exchange, "/ws/btcusdt@trade") as plain,
        client(exchange, "/ws/btcusdt@trade?timeUnit=MICROSECOND") as fine,
    ):
        in_ms = {event["t"]: event["E"] for event in await events(plain, 40)}
        in_us = {event["t"]: event["E"] for event in await events(fine, 40)}

    shared = in_ms.keys() & in_us.keys()
    assert shared
    assert all(in_us[number] // 1000 == in_ms[number] for number in shared)


async def test_the_property_combined_changes_the_shape() -> None:
    async with Simulator(FAST) as exchange, client(exchange, "/ws/btcusdt@trade") as connection:
        assert "t" in (await events(connection, 1))[0]
        assert (await ask(connection, "GET_PROPERTY", "combined"))["result"] is False
        assert (await ask(connection, "SET_PROPERTY", "combined", True))["result"] is None
        assert (await events(connection, 1))[0]["stream"] == "btcusdt@trade"


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("nested", {"error": {"code": 0, "msg": "Unknown property"}, "id": 1}),
        ("flat", {"code": 0, "msg": "Unknown property", "id": 1}),
    ],
)
async def test_errors_come_in_the_configured_shape(shape: Any, expected: object) -> None:
    async with (
        Simulator(SimulatorConfig(error_shape=shape)) as exchange,
        client(exchange) as connection,
    ):
        await connection.send(request("GET_PROPERTY", "colour"))
        assert await receive(connection) == expected


async def test_a_stream_on_the_wrong_route_stays_silent() -> None:
    config = SimulatorConfig(market="usdm", rates={"*": 200.0})
    async with (
        Simulator(config) as exchange,
        client(exchange, "/public/stream") as public,
        client(exchange, "/market/stream") as market,
        client(exchange, "/stream") as legacy,
    ):
        for connection in (public, market, legacy):
            await ask(connection, "SUBSCRIBE", "btcusdt@aggTrade", "btcusdt@depth")
        seen = [
            {event["stream"] for event in await events(connection, 20)}
            for connection in (public, market, legacy)
        ]

    assert seen == [{"btcusdt@depth"}, {"btcusdt@aggTrade"}, {"btcusdt@depth"}]


async def test_the_ledger_is_what_the_client_got() -> None:
    async with Simulator(FAST) as exchange:
        async with client(exchange) as connection:
            await ask(connection, "SUBSCRIBE", "btcusdt@trade", "btcusdt@depth", "!miniTicker@arr")
            await ask(connection, "UNSUBSCRIBE", "btcusdt@depth")
            await ask(connection, "SUBSCRIBE", "btcusdt@depth")
            got = await events(connection, 200)
            await ask(
                connection, "UNSUBSCRIBE", "btcusdt@trade", "btcusdt@depth", "!miniTicker@arr"
            )
            stats = exchange.stats()
            number = stats.connections[0].messages
        await until(lambda: exchange.stats().open == 0)

    depth = stats.streams["btcusdt@depth"]
    assert stats.deliveries == stats.events == number >= len(got)
    assert depth.first == depth.runs[0].first
    assert sum(run.count for run in depth.runs) == depth.count

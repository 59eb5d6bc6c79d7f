"""The exchange's limits, seen from the client."""

import asyncio
import time

import pytest
from websockets.exceptions import InvalidStatus
from websockets.frames import Opcode

from exchange_simulator import Simulator, SimulatorConfig
from tests.integration.simulator.clients import (
    ask,
    client,
    closed,
    events,
    mute_client,
    receive,
    request,
    until,
)


@pytest.mark.parametrize("message", ["hello", b"\x00\x01"])
async def test_what_is_not_json_closes_the_connection(message: str | bytes) -> None:
    async with Simulator() as exchange, client(exchange) as connection:
        await connection.send(message)

        assert await closed(connection) == (1008, "Invalid request")
        assert exchange.stats().violations == {"invalid_request": 1}


async def test_broken_json_is_an_error() -> None:
    async with Simulator() as exchange, client(exchange) as connection:
        await connection.send('{"method":"SUBSCRIBE"')

        assert (await receive(connection))["error"]["code"] == 3


async def test_too_many_requests_close_the_connection() -> None:
    async with Simulator() as exchange, client(exchange) as connection:
        for number in range(5):
            await ask(connection, "SUBSCRIBE", f"a{number}usdt@depth")
        await connection.send(request("LIST_SUBSCRIPTIONS"))

        assert await closed(connection) == (1008, "Too many requests")
        assert exchange.stats().violations == {"too_many_requests": 1}


async def test_pings_and_pongs_count_as_requests() -> None:
    async with Simulator() as exchange, client(exchange) as connection:
        for _ in range(3):
            await connection.ping()
            await connection.pong()

        assert await closed(connection) == (1008, "Too many requests")


async def test_as_many_requests_as_allowed_are_fine() -> None:
    async with (
        Simulator(SimulatorConfig(market="usdm")) as exchange,
        client(exchange) as connection,
    ):
        for _ in range(10):
            await ask(connection, "LIST_SUBSCRIPTIONS")
        await asyncio.sleep(1.05)
        for _ in range(10):
            await ask(connection, "LIST_SUBSCRIPTIONS")

        control = exchange.stats().connections[0].control
        assert [message.kind for message in control] == ["LIST_SUBSCRIPTIONS"] * 20


async def test_the_1025th_stream_loses_the_connection() -> None:
    async with Simulator() as exchange, client(exchange) as connection:
        names = [f"a{number}usdt@ticker" for number in range(1025)]
        for start in range(0, 1024, 256):
            await ask(connection, "SUBSCRIBE", *names[start : start + 256])
        await connection.send(request("SUBSCRIBE", names[-1], identity=1))
        while "error" not in (message := await receive(connection)):
            pass

        assert message == {"error": {"code": 4, "msg": "Too many subscriptions"}, "id": 1}
        assert await closed(connection) == (1008, "Too many subscriptions")


async def test_too_many_streams_in_the_url_lose_the_connection() -> None:
    config = SimulatorConfig(max_streams=2)
    async with Simulator(config) as exchange, client(exchange, "/ws/a@trade/b@trade/c@trade") as c:
        assert (await receive(c))["error"]["code"] == 4
        assert (await closed(c))[0] == 1008


async def test_a_long_request_drops_the_connection() -> None:
    async with Simulator() as exchange, client(exchange) as connection:
        await connection.send(request("LIST_SUBSCRIPTIONS").ljust(8000))
        await receive(connection)
        await connection.send(request("LIST_SUBSCRIPTIONS").ljust(8001))

        assert (await closed(connection))[0] == 1006
        assert exchange.stats().violations == {"control_message_too_long": 1}


async def test_pings_carry_the_time_and_pongs_answer_them() -> None:
    before = int(time.time() * 1000)
    async with (
        Simulator(SimulatorConfig(ping_interval=0.3, pong_timeout=1.0)) as exchange,
        client(exchange),
    ):
        await until(lambda: exchange.stats().connections[0].pongs_received >= 3)
        stats = exchange.stats().connections[0]

    times = [int(message.text) for message in stats.control if message.kind == "PONG"]
    assert all(len(str(at)) == 13 and at >= before for at in times)
    assert stats.pings_sent >= 3


async def test_a_client_that_does_not_pong_is_closed() -> None:
    config = SimulatorConfig(ping_interval=0.1, pong_timeout=0.3, close_timeout=0.1)
    async with Simulator(config) as exchange, mute_client(exchange) as connection:
        frames = [(frame.opcode, bytes(frame.data)) async for frame in connection.frames()]
        stats = exchange.stats()

    assert frames[0][0] is Opcode.PING
    assert frames[-1] == (Opcode.CLOSE, b"\x03\xf0Pong timeout")
    assert stats.violations == {"pong_timeout": 1}


async def test_an_unsolicited_pong_keeps_nothing_alive() -> None:
    config = SimulatorConfig(
        ping_interval=0.1, pong_timeout=0.3, control_rate=1000, close_timeout=0.1
    )
    async with Simulator(config) as exchange, mute_client(exchange) as connection:
        opcodes = []
        async for frame in connection.frames():
            opcodes.append(frame.opcode)
            connection.send(Opcode.PONG, b"I am here")
        stats = exchange.stats()

    assert stats.violations == {"pong_timeout": 1}
    assert stats.connections[0].pongs_received >= opcodes.count(Opcode.PING) - 1 > 0


async def test_connections_end_at_their_maximum_age() -> None:
    async with Simulator(SimulatorConfig(max_connection_age=0.2)) as exchange:
        async with client(exchange) as connection:
            assert (await closed(connection))[0] == 1001

        assert exchange.stats().violations == {"max_age": 1}


async def test_too_many_connections_are_refused_for_a_while() -> None:
    async with Simulator(SimulatorConfig(connection_attempts=3)) as exchange:
        for _ in range(3):
            async with client(exchange):
                pass
        with pytest.raises(InvalidStatus) as refused:
            await client(exchange)

        assert refused.value.response.status_code == 429
        assert 290 <= int(refused.value.response.headers["Retry-After"]) <= 300
        assert [attempt.status for attempt in exchange.stats().attempts] == [101, 101, 101, 429]


async def test_unknown_paths_are_not_found() -> None:
    async with Simulator() as exchange:
        with pytest.raises(InvalidStatus) as refused:
            await client(exchange, "/market/stream")

    assert refused.value.response.status_code == 404


async def test_deflate_is_never_agreed_upon() -> None:
    async with Simulator() as exchange, client(exchange) as plain:
        plain_headers = plain.response.headers if plain.response else {}
        assert "Sec-WebSocket-Extensions" not in plain_headers


async def test_a_reader_that_is_too_slow_is_cut_off() -> None:
    config = SimulatorConfig(write_buffer_limit=100_000)
    async with Simulator(config) as exchange, mute_client(exchange, "/ws/a@trade") as connection:
        for _ in range(60):
            exchange.faults.burst("a@trade", 1000)
        await until(lambda: exchange.stats().violations.get("slow_reader") == 1)
        await until(lambda: exchange.stats().open == 0)
        await connection.ended()


async def test_closed_connections_tell_how_they_ended() -> None:
    async with Simulator() as exchange:
        async with client(exchange, "/ws/btcusdt@trade") as connection:
            await events(connection, 1)
            await connection.close(4001, "enough")
        await until(lambda: exchange.stats().open == 0)
        await until(lambda: exchange.stats().connections[0].closed_at is not None)
        (stats,) = exchange.stats().connections

    assert (stats.close_received, stats.path) == (4001, "/ws/btcusdt@trade")
    assert stats.closed_at is not None
    assert stats.closed_at >= stats.opened_at > time.time() - 60

"""Every fault, seen from the client."""

import asyncio
import itertools
import json
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Opcode

from exchange_simulator import Simulator, SimulatorConfig
from exchange_simulator.core.malformed import KINDS, Malformed
from exchange_simulator.faults import NAMES
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

FAST = SimulatorConfig(rates={"*": 200.0}, control_rate=1000)
TRADES = "/stream?streams=btcusdt@trade"


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 4321])
async def test_close(code: int) -> None:
    async with Simulator(FAST) as exchange, client(exchange) as one, client(exchange) as two:
        assert exchange.faults.close(code, "because") == 2

        assert await closed(one) == await closed(two) == (code, "because")
        await until(lambda: exchange.stats().open == 0)
        stats = exchange.stats()
        assert [connection.close_sent for connection in stats.connections] == [code, code]
        assert stats.faults == {"close": 2}


@pytest.mark.parametrize("code", [999, 1005, 1006, 1015, 5000])
async def test_some_codes_may_not_be_sent(code: int) -> None:
    async with Simulator(FAST) as exchange:
        with pytest.raises(ValueError, match=str(code)):
            exchange.faults.close(code)


async def test_no_fault_sends_such_a_code() -> None:
    async with Simulator(FAST) as exchange:
        for fault in (
            exchange.faults.close_after_accept,
            exchange.faults.expire,
            exchange.faults.announce_shutdown,
        ):
            with pytest.raises(ValueError, match="1005"):
                fault(code=1005)


async def test_one_connection_of_many() -> None:
    async with (
        Simulator(FAST) as exchange,
        client(exchange, TRADES) as one,
        client(exchange) as two,
    ):
        numbers = [connection.number for connection in exchange.stats().connections]
        assert exchange.faults.close(1001, connection=numbers[1]) == 1

        assert (await closed(two))[0] == 1001
        await events(one, 5)
        assert exchange.faults.close(1001, connection=12345) == 0


async def test_abort_ends_without_a_close_frame() -> None:
    async with Simulator(FAST) as exchange, mute_client(exchange, TRADES) as connection:
        assert exchange.faults.abort() == 1

        frames = [frame.opcode async for frame in connection.frames()]
        assert Opcode.CLOSE not in frames


async def test_reset_ends_with_rst() -> None:
    async with Simulator(FAST) as exchange, mute_client(exchange) as connection:
        assert exchange.faults.reset() == 1

        assert isinstance(await connection.ended(), ConnectionResetError)


async def test_a_lag_delays_the_events_of_one_connection_and_loses_none() -> None:
    async with (
        Simulator(FAST) as exchange,
        client(exchange, TRADES) as late,
        client(exchange, TRADES) as early,
    ):
        await events(late, 1)
        number = exchange.stats().connections[0].number
        assert exchange.faults.lag(30.0, connection=number) == 1
        there = [event["data"]["t"] for event in await events(early, 50)]
        exchange.faults.lag(0.0, connection=number)
        here = [event["data"]["t"] for event in await events(late, there[-1] - there[0])]
        assert here == list(range(here[0], here[0] + len(here)))

        assert exchange.faults.lag(0.2, opened_later=True) == 0
        async with client(exchange, TRADES) as later:
            opened = asyncio.get_running_loop().time()
            await events(later, 1)
            assert asyncio.get_running_loop().time() - opened > 0.2
        with pytest.raises(ValueError, match="negative"):
            exchange.faults.lag(-1.0)


@pytest.mark.parametrize(
    ("path", "bare", "combined"),
    [("/ws", False, False), ("/stream", False, True), ("/stream", True, False)],
)
async def test_a_shutdown_is_announced_in_either_shape(
    path: str, bare: bool, combined: bool
) -> None:
    async with Simulator(FAST) as exchange, client(exchange, path) as connection:
        assert exchange.faults.announce_shutdown(bare=bare) == 1
        event = await receive(connection)
        assert (event.get("stream") == "!serverShutdown") is combined
        assert (event["data"] if combined else event)["e"] == "serverShutdown"


async def test_expire_is_the_end_of_24_hours() -> None:
    async with Simulator(FAST) as exchange, client(exchange) as connection:
        assert exchange.faults.expire() == 1

        assert (await closed(connection))[0] == 1001


@pytest.mark.parametrize("status", [403, 418, 429, 451, 500, 503])
async def test_rejected_upgrades(status: int) -> None:
    async with Simulator(FAST) as exchange:
        exchange.faults.reject_upgrades(status, count=2, retry_after=7)
        for _ in range(2):
            with pytest.raises(InvalidStatus) as refused:
                await client(exchange)
            assert refused.value.response.status_code == status
            assert refused.value.response.headers["Retry-After"] == "7"
        async with client(exchange, TRADES) as connection:
            await events(connection, 1)

        assert exchange.stats().faults == {"reject_upgrades": 2}
        assert [attempt.status for attempt in exchange.stats().attempts] == [status, status, 101]


async def test_rejections_without_a_count_last_until_cleared() -> None:
    async with Simulator(FAST) as exchange:
        exchange.faults.reject_upgrades(451)
        for _ in range(3):
            with pytest.raises(InvalidStatus):
                await client(exchange)
        exchange.faults.clear()
        async with client(exchange):
            pass


async def test_a_rejection_is_an_error_status() -> None:
    async with Simulator(FAST) as exchange:
        with pytest.raises(ValueError, match="101"):
            exchange.faults.reject_upgrades(101)


async def test_close_after_accept() -> None:
    async with Simulator(FAST) as exchange:
        exchange.faults.close_after_accept(1013, count=1)
        async with client(exchange, TRADES) as connection:
            assert (await closed(connection))[0] == 1013
        exchange.faults.close_after_accept(1006, seconds=60)
        async with client(exchange, TRADES) as connection:
            assert (await closed(connection))[0] == 1006
        exchange.faults.clear()
        async with client(exchange, TRADES) as connection:
            await events(connection, 1)

        assert exchange.stats().faults == {"close_after_accept": 2}


async def test_a_stall_stops_data_but_not_pings() -> None:
    config = SimulatorConfig(rates={"*": 200.0}, control_rate=1000, ping_interval=0.05)
    async with Simulator(config) as exchange, client(exchange, TRADES) as connection:
        before = (await events(connection, 3))[-1]["data"]["t"]
        exchange.faults.stall()
        pongs = exchange.stats().connections[0].pongs_received
        async with asyncio.timeout(5):
            await (await connection.ping())  # answered
        await until(lambda: exchange.stats().connections[0].pongs_received > pongs + 2)
        sent = exchange.stats().events
        await asyncio.sleep(0.1)
        assert exchange.stats().events == sent
        exchange.faults.clear()
        while (after := (await events(connection, 1))[0]["data"]["t"]) <= before + sent:
            pass

        assert len(exchange.stats().streams["btcusdt@trade"].runs) == 2
        assert after > before


async def test_a_dead_exchange_answers_nothing() -> None:
    config = SimulatorConfig(rates={"*": 200.0}, control_rate=1000, ping_interval=0.05)
    async with Simulator(config) as exchange, client(exchange, TRADES) as connection:
        await events(connection, 3)
        exchange.faults.stall(pings=False)
        pings = exchange.stats().connections[0].pings_sent
        answered = asyncio.ensure_future(await connection.ping())
        await asyncio.sleep(0.3)
        assert not answered.done()
        assert exchange.stats().connections[0].pings_sent == pings
        async with client(exchange) as late:
            await late.send(request("LIST_SUBSCRIPTIONS"))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await late.recv()
            exchange.faults.clear()
            assert (await receive(late))["result"] == []
        async with asyncio.timeout(5):
            await answered
        await events(connection, 3)


async def test_one_silent_stream() -> None:
    path = "/stream?streams=a@trade/b@trade"
    async with Simulator(FAST) as exchange, client(exchange, path) as connection:
        await events(connection, 5)
        exchange.faults.silence("a@trade")
        await ask(connection, "LIST_SUBSCRIPTIONS")
        assert {event["stream"] for event in await events(connection, 30)} == {"b@trade"}
        exchange.faults.clear()
        await until(lambda: len(exchange.stats().streams["a@trade"].runs) == 2)


async def test_skipped_events_are_a_gap() -> None:
    async with Simulator(FAST) as exchange, client(exchange, "/ws/a@trade") as connection:
        got = await events(connection, 3)
        exchange.faults.skip("a@trade", 10)
        ids = [event["t"] for event in got + await events(connection, 40)]

    steps = [after - before for before, after in itertools.pairwise(ids)]
    assert sorted(steps) == [1] * 41 + [11]


async def test_a_burst_comes_at_once_and_in_order() -> None:
    config = SimulatorConfig(rates={"*": 1.0})
    async with Simulator(config) as exchange, client(exchange, "/ws/a@trade") as connection:
        assert exchange.faults.burst("a@trade", 5000) == 1
        ids = [event["t"] for event in await events(connection, 5000)]

    assert ids == list(range(ids[0], ids[0] + 5000))


@pytest.mark.parametrize("ping_between", [False, True])
async def test_fragmented_events(ping_between: bool) -> None:
    config = SimulatorConfig(rates={"*": 1.0}, control_rate=1000)
    async with Simulator(config) as exchange, mute_client(exchange, TRADES) as connection:
        assert exchange.faults.fragment(
            "btcusdt@trade", events=2, pieces=3, ping_between=ping_between
        )
        frames = connection.frames()
        got = [await anext(frames) for _ in range(10 if ping_between else 6)]
        await frames.aclose()  # type: ignore[attr-defined]  # it is a generator

    data = [frame for frame in got if frame.opcode is not Opcode.PING]
    assert [frame.fin for frame in data] == [False, False, True] * 2
    texts = [b"".join(bytes(f.data) for f in data[at : at + 3]) for at in (0, 3)]
    ids = [json.loads(text)["data"]["t"] for text in texts]
    assert ids[1] == ids[0] + 1
    assert len(got) - len(data) == (4 if ping_between else 0)


async def test_fragments_reach_an_ordinary_client_as_events() -> None:
    async with Simulator(FAST) as exchange, client(exchange, "/ws/a@trade") as connection:
        exchange.faults.fragment("a@trade", events=20, pieces=5, ping_between=True)
        ids = [event["t"] for event in await events(connection, 60)]

    assert ids == list(range(ids[0], ids[0] + 60))


LEGAL: tuple[Malformed, ...] = KINDS[:5]


@pytest.mark.parametrize("kind", ["truncated_json", "not_json", "no_stream", "stream_not_text"])
async def test_bad_content_arrives(kind: Malformed) -> None:
    async with Simulator() as exchange, client(exchange) as connection:
        assert exchange.faults.malformed(kind) == 1
        text = await connection.recv()
        try:
            content: Any = json.loads(text)
        except json.JSONDecodeError:
            content = {}

        assert not isinstance(content.get("stream"), str)
        assert exchange.stats().faults == {f"malformed_{kind}": 1}


async def test_binary_and_oversize_messages_arrive() -> None:
    async with Simulator() as exchange, client(exchange, max_size=None) as connection:
        exchange.faults.malformed("binary")
        assert isinstance(await connection.recv(), bytes)
        exchange.faults.malformed("oversize", size=17 << 20)
        assert len(await connection.recv()) == 17 << 20


@pytest.mark.parametrize("kind", ["invalid_utf8", *KINDS[7:]])
async def test_clients_close_on_violations(kind: Malformed) -> None:
    async with Simulator() as exchange, client(exchange) as connection:
        exchange.faults.malformed(kind)
        with pytest.raises(ConnectionClosed):
            await receive(connection)
        await until(lambda: exchange.stats().connections[0].closed_at is not None)

        code = 1007 if kind == "invalid_utf8" else 1002
        assert exchange.stats().connections[0].close_received == code


@pytest.mark.parametrize("combined", [False, True])
async def test_server_shutdown(combined: bool) -> None:
    async with (
        Simulator() as exchange,
        client(exchange, "/stream" if combined else "/ws") as connection,
    ):
        assert exchange.faults.announce_shutdown(close_after=0.1) == 1
        message = await receive(connection)
        event = message["data"] if combined else message

        assert message.get("stream") == ("!serverShutdown" if combined else None)
        assert event["e"] == "serverShutdown"
        assert len(str(event["E"])) == 13
        assert (await closed(connection))[0] == 1001


async def test_ids_restart() -> None:
    config = SimulatorConfig(rates={"*": 200.0}, first_id=1)
    async with Simulator(config) as exchange, client(exchange, "/ws/a@trade") as connection:
        got = await events(connection, 20)
        exchange.faults.restart_ids()
        ids = [event["t"] for event in got + await events(connection, 30)]

    again = ids.index(1, 1)
    assert ids[again:] == list(range(1, 1 + len(ids) - again))


@pytest.mark.parametrize("shape", ["nested", "flat"])
async def test_error_replies_to_subscribe(shape: Any) -> None:
    async with Simulator(FAST) as exchange, client(exchange) as connection:
        exchange.faults.reply_error(2, "Invalid request: no", shape=shape)
        await connection.send(request("SUBSCRIBE", "a@trade", identity=5))
        reply = await receive(connection)
        assert reply.get("error", reply)["msg"] == "Invalid request: no"
        assert (await ask(connection, "LIST_SUBSCRIPTIONS"))["result"] == []
        assert (await ask(connection, "SUBSCRIBE", "a@trade"))["result"] is None


async def test_delayed_acknowledgements_come_after_data() -> None:
    async with Simulator(FAST) as exchange, client(exchange) as connection:
        exchange.faults.delay_acks(0.2, count=1)
        await connection.send(request("SUBSCRIBE", "a@trade", identity=5))
        first = await receive(connection)
        while "result" not in await receive(connection):
            pass

    assert first["stream"] == "a@trade"


@pytest.mark.parametrize("obey", [True, False])
async def test_missing_acknowledgements(obey: bool) -> None:
    async with Simulator(FAST) as exchange, client(exchange) as connection:
        exchange.faults.drop_acks(count=1, obey=obey)
        await connection.send(request("SUBSCRIBE", "a@trade", identity=5))
        await connection.send(request("SUBSCRIBE", "b@trade", identity=6))
        got = [await receive(connection) for _ in range(30)]

    assert [message["id"] for message in got if "id" in message] == [6]
    assert ("a@trade" in {message.get("stream") for message in got}) == obey


@pytest.mark.parametrize("fault", ["burst", "skip", "fragment"])
async def test_faults_of_unknown_streams_and_nothing_are_errors(fault: str) -> None:
    async with Simulator(FAST) as exchange:
        with pytest.raises(ValueError, match="no stream 'nonsense'"):
            getattr(exchange.faults, fault)("nonsense", 1)
        with pytest.raises(ValueError, match="events: 0"):
            getattr(exchange.faults, fault)("a@trade", 0)
        with pytest.raises(ValueError, match="no stream 'nonsense'"):
            exchange.faults.restart_ids("nonsense")


def test_every_fault_has_a_name() -> None:
    assert len(NAMES) == 19
    assert not any(name.startswith("_") for name in NAMES)

"""How fast events come: at a rate, and as fast as they are read."""

import asyncio
import re
import time

from exchange_simulator import DEFAULT_RECORDING, Simulator, SimulatorConfig
from tests.integration.simulator.clients import client, events, mute_client, until


async def test_a_total_rate_is_kept() -> None:
    config = SimulatorConfig(rate=5000.0)
    path = "/stream?streams=" + "/".join(f"a{number}@trade" for number in range(50))
    async with Simulator(config) as exchange, client(exchange, path) as connection:
        await events(connection, 500)
        began, before = time.monotonic(), exchange.stats().events
        await events(connection, 10_000)
        took, sent = time.monotonic() - began, exchange.stats().events - before

        assert 0.8 * 5000 < sent / took < 1.2 * 5000
        streams = exchange.stats().streams
        assert len(streams) == 50
        assert all(len(stream.runs) == 1 for stream in streams.values())
        counts = [stream.count for stream in streams.values()]
        assert max(counts) - min(counts) <= 3


async def test_a_flood_is_complete_and_in_order() -> None:
    config = SimulatorConfig(pace="flood", limit=60_000)
    path = "/stream?streams=a@trade/b@trade"
    async with Simulator(config) as exchange, mute_client(exchange, path) as connection:
        ids: dict[str, list[int]] = {"a": [], "b": []}
        pattern = re.compile(rb'\{"stream":"(a|b)@trade","data":.*"t":(\d+),"p".*\}\}')
        frames = connection.frames()
        for _ in range(60_000):
            found = pattern.fullmatch(bytes((await anext(frames)).data))
            assert found is not None
            ids[found[1].decode()].append(int(found[2]))
        await frames.aclose()  # type: ignore[attr-defined]  # it is a generator
        stats = exchange.stats()

    assert stats.events == stats.connections[0].messages == 60_000
    for name, got in ids.items():
        assert got == list(range(got[0], got[0] + len(got)))
        assert stats.streams[f"{name}@trade"].last == got[-1]


async def test_a_flood_waits_for_its_slowest_reader() -> None:
    config = SimulatorConfig(pace="flood", write_buffer_limit=1000)
    async with (
        Simulator(config) as exchange,
        mute_client(exchange, "/ws/a@trade") as idle,
        client(exchange, "/ws/a@trade") as reading,
    ):
        reader = asyncio.create_task(events(reading, 10**9))
        sent = -1
        while sent < (sent := exchange.stats().events):
            await asyncio.sleep(0.2)
        assert not exchange.stats().violations  # nobody was cut off
        assert exchange.stats().open == 2

        exchange.faults.abort(connection=1)
        await until(lambda: exchange.stats().events > sent)
        reader.cancel()
        await asyncio.wait([reader])
        await idle.ended()


async def test_pings_go_on_in_a_flood_that_waits() -> None:
    config = SimulatorConfig(pace="flood", ping_interval=0.1)
    async with Simulator(config) as exchange, mute_client(exchange, "/ws/a@trade"):
        await until(lambda: exchange.stats().connections[0].pings_sent > 2)


async def test_a_flooded_recording() -> None:
    config = SimulatorConfig(pace="flood", recording=DEFAULT_RECORDING, loop=False)
    path = "/ws/btcusdt@trade"
    async with Simulator(config) as exchange, client(exchange, path) as connection:
        ids = [event["t"] for event in await events(connection, 419)]

    assert ids == list(range(ids[0], ids[0] + 419))

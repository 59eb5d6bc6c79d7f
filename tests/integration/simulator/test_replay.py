"""Replay of the recording that comes with the simulator."""

import asyncio
import itertools
import json
from pathlib import Path

import pytest

from exchange_simulator import DEFAULT_RECORDING, Simulator, SimulatorConfig
from exchange_simulator.sources.recording import RecordingError
from tests.integration.simulator.clients import DEADLINE, client, events

FRAMES = [
    json.loads(line)["frame"] for line in DEFAULT_RECORDING.read_text(encoding="utf-8").splitlines()
]
STREAMS = ("btcusdt@trade", "btcusdt@depth@100ms", "btcusdt@bookTicker")
PATH = "/stream?streams=" + "/".join(STREAMS)


async def test_two_thousand_frames_byte_for_byte() -> None:
    config = SimulatorConfig(recording=DEFAULT_RECORDING, speed=100.0, loop=False)
    async with Simulator(config) as exchange, client(exchange, PATH) as connection:
        async with asyncio.timeout(DEADLINE):
            got = [await connection.recv() for _ in FRAMES]
        stats = exchange.stats()

    assert got == FRAMES
    assert stats.events == 2000
    assert {name: stream.count for name, stream in stats.streams.items()} == {
        "btcusdt@trade": 419,
        "btcusdt@depth@100ms": 441,
        "btcusdt@bookTicker": 1140,
    }


async def test_raw_connections_get_the_event_alone() -> None:
    config = SimulatorConfig(recording=DEFAULT_RECORDING, speed=100.0)
    async with Simulator(config) as exchange, client(exchange, "/ws/btcusdt@trade") as connection:
        async with asyncio.timeout(DEADLINE):
            got = await connection.recv()

    assert '{"stream":"btcusdt@trade","data":' + str(got) + "}" == FRAMES[0]


async def test_passes_follow_each_other_without_a_gap() -> None:
    config = SimulatorConfig(recording=DEFAULT_RECORDING, speed=150.0)
    path = "/stream?streams=btcusdt@trade/btcusdt@depth@100ms"
    async with Simulator(config) as exchange, client(exchange, path) as connection:
        got = await events(connection, 3 * 860)
        assert exchange.stats().replay_passes >= 2

    trades = [event["data"]["t"] for event in got if event["stream"] == "btcusdt@trade"]
    assert trades == list(range(3071245454, 3071245454 + len(trades)))
    depth = [event["data"] for event in got if event["stream"] != "btcusdt@trade"]
    for before, after in itertools.pairwise(depth):
        assert after["U"] == before["u"] + 1


async def test_without_renumbering_ids_start_again() -> None:
    config = SimulatorConfig(recording=DEFAULT_RECORDING, speed=150.0, renumber=False)
    async with Simulator(config) as exchange, client(exchange, "/ws/btcusdt@trade") as connection:
        got = [event["t"] for event in await events(connection, 500)]

    assert got[:419] == list(range(3071245454, 3071245873))
    assert got[419:] == got[:81]


async def test_other_streams_are_generated_meanwhile() -> None:
    config = SimulatorConfig(recording=DEFAULT_RECORDING, rates={"*": 100.0})
    path = "/stream?streams=btcusdt@trade/ethusdt@trade"
    async with Simulator(config) as exchange, client(exchange, path) as connection:
        got = await events(connection, 60)

    assert {event["stream"] for event in got} == {"btcusdt@trade", "ethusdt@trade"}
    assert all(event["data"]["E"] < 1.69e12 for event in got if event["stream"] == "btcusdt@trade")


async def test_faults_of_a_recorded_stream() -> None:
    config = SimulatorConfig(recording=DEFAULT_RECORDING, speed=0.001)
    async with Simulator(config) as exchange, client(exchange, PATH) as connection:
        await events(connection, 1)
        exchange.faults.burst("btcusdt@trade", 100)
        exchange.faults.skip("btcusdt@trade", 100)
        exchange.faults.burst("btcusdt@trade", 10)
        exchange.faults.restart_ids()
        exchange.faults.burst("btcusdt@trade", 10)
        got = await events(connection, 120)

    recorded = [json.loads(frame) for frame in FRAMES]
    assert got == recorded[1:101] + recorded[201:211] + recorded[:10]


async def test_a_recording_that_is_none_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.jsonl"
    wrong.write_text("nonsense\n")
    with pytest.raises(RecordingError, match="line 1"):
        async with Simulator(SimulatorConfig(recording=wrong)):
            pass
    with pytest.raises(FileNotFoundError):
        async with Simulator(SimulatorConfig(recording=tmp_path / "missing")):
            pass

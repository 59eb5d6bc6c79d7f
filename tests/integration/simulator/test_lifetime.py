"""Start and stop: of the simulator in a test, and of the command."""

import asyncio
import json
import signal
import sys
import urllib.request
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import connect

from exchange_simulator import Simulator, SimulatorConfig
from tests.integration.simulator.clients import client, closed, mute_client


async def test_clients_are_closed_when_the_simulator_stops() -> None:
    async with Simulator() as exchange:
        connection = await client(exchange)

    assert (await closed(connection))[0] == 1001


async def test_it_stops_with_clients_that_do_not_read() -> None:
    config = SimulatorConfig(close_timeout=0.2)
    async with Simulator(config) as exchange, mute_client(exchange, "/ws/a@trade"):
        exchange.faults.burst("a@trade", 50_000)
        exchange.faults.stall(pings=False)

    assert exchange.stats().open == 0


async def test_a_taken_port_is_an_error() -> None:
    async with Simulator() as exchange:
        port = int(exchange.url.rpartition(":")[2])
        with pytest.raises(OSError, match="address already in use"):
            async with Simulator(SimulatorConfig(port=port)):
                pass
        with pytest.raises(OSError, match="address already in use"):
            async with Simulator(SimulatorConfig(control_port=port)):
                pass


@asynccontextmanager
async def command(*options: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-W",
        "error",
        "-m",
        "exchange_simulator",
        *options,
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        async with asyncio.timeout(20):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_the_command_says_where_it_listens_and_stops_when_told(stop: signal.Signals) -> None:
    async with command(
        "--port", "0", "--control-port", "0", "--replay", "--speed", "100", "--streams-rate", "*=50"
    ) as process:
        assert process.stdout is not None
        ready = json.loads(await process.stdout.readline())
        async with connect(ready["url"] + "/ws/btcusdt@trade", max_queue=None) as connection:
            assert json.loads(await connection.recv())["t"] == 3071245454
            answer = await asyncio.to_thread(urllib.request.urlopen, ready["control"] + "/stats")
            assert json.load(answer)["open"] == 1
            answer.close()
            process.send_signal(stop)
            _, errors = await process.communicate()

        assert (process.returncode, errors) == (0, b"")
        assert ready["event"] == "ready"


async def test_the_command_fails_in_one_line_when_the_port_is_taken() -> None:
    async with (
        Simulator() as exchange,
        command("--port", exchange.url.rpartition(":")[2]) as process,
    ):
        _, errors = await process.communicate()

    assert process.returncode == 1
    assert errors.startswith(b"simulator: ")
    assert errors.count(b"\n") == 1

"""Faults and stats through HTTP."""

from typing import Any

import aiohttp
import pytest

from exchange_simulator import Simulator, SimulatorConfig
from exchange_simulator.faults import NAMES
from tests.integration.simulator.clients import ask, client, closed, events


async def post(exchange: Simulator, path: str, body: Any = None) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession(exchange.control_url) as session,
        session.post(path, json=body) as response,
    ):
        return response.status, await response.json()


async def get(exchange: Simulator, path: str) -> Any:
    async with (
        aiohttp.ClientSession(exchange.control_url) as session,
        session.get(path) as response,
    ):
        assert response.status == 200
        return await response.json()


async def test_a_fault_takes_effect() -> None:
    async with Simulator() as exchange, client(exchange) as connection:
        status, answer = await post(exchange, "/faults/close", {"code": 1011, "reason": "oops"})

        assert (status, answer) == (200, {"fault": "close", "reached": 1})
        assert await closed(connection) == (1011, "oops")


async def test_faults_can_be_ended() -> None:
    async with Simulator() as exchange:
        assert (await post(exchange, "/faults/reject_upgrades", {"status": 451}))[0] == 200
        async with (
            aiohttp.ClientSession(exchange.control_url) as session,
            session.delete("/faults") as response,
        ):
            assert response.status == 200
        async with client(exchange):
            pass


async def test_stats_are_those_of_the_process() -> None:
    path = "/stream?streams=btcusdt@trade"
    async with (
        Simulator(SimulatorConfig(rates={"*": 50.0})) as exchange,
        client(exchange, path) as connection,
    ):
        await events(connection, 5)
        await ask(connection, "UNSUBSCRIBE", "btcusdt@trade")
        stats = await get(exchange, "/stats")

        ours = exchange.stats()
        trades = ours.streams["btcusdt@trade"]
        assert stats["streams"]["btcusdt@trade"]["runs"] == [
            {"first": run.first, "last": run.last, "count": run.count} for run in trades.runs
        ]
        assert stats["events"] == ours.events >= 5
        assert stats["connections"][0]["path"] == path
        assert [m["kind"] for m in stats["connections"][0]["control"]] == ["UNSUBSCRIBE"]


async def test_faults_and_health_are_listed() -> None:
    async with Simulator() as exchange:
        faults = await get(exchange, "/faults")

        assert tuple(faults) == NAMES
        assert all(fault["about"].endswith(".") for fault in faults.values())
        assert await get(exchange, "/health") == {"status": "healthy"}


@pytest.mark.parametrize(
    ("fault", "body", "status", "problem"),
    [
        ("explode", None, 404, "no fault 'explode'"),
        ("close", {"code": "1000"}, 400, "code: "),
        ("close", {"cod": 1000}, 400, "cod: "),
        ("close", [1000], 400, "not a JSON object"),
        ("close", {"code": 1006}, 400, "1006"),
        ("malformed", {"kind": "worse"}, 400, "kind: "),
        ("burst", {"stream": "nonsense", "events": 1}, 400, "no stream"),
        ("reject_upgrades", {}, 400, "status: "),
        ("reject_upgrades", {"status": 200}, 400, "200"),
    ],
)
async def test_wrong_requests_are_answered_with_the_problem(
    fault: str, body: object, status: int, problem: str
) -> None:
    async with Simulator() as exchange:
        answered, answer = await post(exchange, f"/faults/{fault}", body)

        assert answered == status
        assert problem in answer["error"]
        assert exchange.stats().faults == {}


async def test_text_that_is_no_json_is_refused() -> None:
    async with (
        Simulator() as exchange,
        aiohttp.ClientSession(exchange.control_url) as session,
        session.post("/faults/close", data="{") as response,
    ):
        assert response.status == 400


async def test_the_control_api_can_be_left_out() -> None:
    async with Simulator(SimulatorConfig(control_port=None)) as exchange:
        assert exchange.control_url == ""
        async with client(exchange):
            pass

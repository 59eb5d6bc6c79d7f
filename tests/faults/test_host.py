"""Rows 18 to 21: the relay's host has the wrong time, finds no names, holds it up, or lets it write nowhere."""

import asyncio
import json
import os
import signal
import socket
import struct
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.faults import hooks
from tests.faults.case import RATE, Case, jetstream, market, sized
from tests.support.nats_server import NatsServer
from tests.support.relay import get, metrics
from tests.support.relay_process import RelayProcess

HOUR = 3600.0
BLOCKED = 5.0
PROBES = {"ready": (0.5, 3), "healthz": (1.0, 3)}
"""The operator's probes, ten times faster: period and failures in a row until it acts on them."""


def hooked(**troubles: object) -> dict[str, str]:
    """The environment of a relay with troubles of `hooks/sitecustomize.py`."""
    paths = [str(Path(hooks.__file__).parent), os.environ.get("PYTHONPATH", "")]
    found = {f"FAULTS_{name.upper()}": str(value) for name, value in troubles.items()}
    return found | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


@pytest.mark.row(18, "wall clock an hour fast, an hour slow, right again")
async def test_a_wrong_clock_shows_and_changes_nothing(case: Case, tmp_path: Path) -> None:
    clock = tmp_path / "clock"
    clock.write_bytes(struct.pack("d", 0.0))
    async with NatsServer(jetstream=True) as server, market() as exchange:
        settings = jetstream(exchange.url, server.url, buffer=sized(10))
        async with RelayProcess(tmp_path, settings, environ=hooked(clock=clock)) as relay:
            run = case.run(exchange, relay, server.url)
            async for number in run.injections(3):
                wrong = (HOUR, -HOUR, 0.0)[number % 3]
                with clock.open("r+b") as file:
                    file.write(struct.pack("d", wrong))
                received = (await run.described())["ledger"]["received"]
                await run.until(
                    "it flows", ledger=lambda led, r=received: led["received"] > r + RATE
                )
                samples = await metrics(relay)
                assert abs(samples["socket_client_exchange_lag_seconds"] - wrong) < HOUR / 2
                assert samples["socket_client_clock_skew_suspected"] == (wrong < 0)
                assert run.last["ready"]
            await run.finish()
    assert case.dropped == {}
    assert run.last["reconnect_attempts"] == run.last["nats_reconnects"] == run.last["gaps"] == 0
    assert run.last["handovers"] == {}


@pytest.mark.row(
    19, "names do not resolve, resolve slowly, to IPv6 only; a proxy is set", seconds=20
)
async def test_names_that_do_not_resolve_are_tried_again(case: Case, tmp_path: Path) -> None:
    """Both neighbours are lost, and found again by their names; nobody asks the proxy."""
    host = "::1" if _has_ipv6() else "127.0.0.1"
    usual: dict[str, Any] = {
        "delay": 0,
        "nats.test": ["127.0.0.1"],
        "exchange.test": ["127.0.0.1", host],
    }
    kinds: list[dict[str, Any]] = [
        {"delay": 0},
        usual | {"delay": 1},
        usual | {"exchange.test": [host]},
    ]
    names = tmp_path / "names"
    nobody = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY"), "http://127.0.0.1:1")
    async with NatsServer(jetstream=True) as server, market("--host", host) as exchange:
        _resolve(names, usual)
        settings = jetstream(
            f"ws://exchange.test:{exchange.url.rpartition(':')[2]}",
            f"nats://nats.test:{server.port}",
            buffer=sized(15),
        )
        environ = hooked(resolver=names) | nobody
        async with RelayProcess(tmp_path, settings, environ=environ) as relay:
            run = case.run(exchange, relay, server.url)
            async for number in run.injections(len(kinds)):
                before, kind = run.last, kinds[number % len(kinds)]
                _resolve(names, kind)
                await exchange.fault("close", code=1001)
                await server.restart()
                if kind is kinds[0]:
                    await run.until(
                        "it says why",
                        last_errors__exchange=lambda error: "resolution" in (error or ""),
                        last_errors__nats=lambda error: "resolution" in (error or ""),
                    )
                await _never_blocked(relay, 1.5)
                if kind is kinds[0]:
                    _resolve(names, usual)
                run.over()
                await run.until(
                    "both found again",
                    reconnect_attempts=lambda n, b=before: n > b["reconnect_attempts"],
                    nats_reconnects=lambda n, b=before: n > b["nats_reconnects"],
                )
            await run.finish()
            attempts = len((await exchange.stats())["attempts"])
    assert case.dropped == {}
    needed = len(kinds) * case.injections
    assert needed < attempts <= 1 + 2 * needed, "the exchange is not stormed"


@pytest.mark.row(20, f"event loop held up for {BLOCKED:g} s", seconds=20)
async def test_a_loop_that_is_held_up_is_not_ready_first_and_then_not_alive(
    case: Case, tmp_path: Path
) -> None:
    async with NatsServer(jetstream=True) as server, market() as exchange:
        settings = jetstream(exchange.url, server.url, buffer=sized(10))
        environ = hooked(block=BLOCKED)
        async with RelayProcess(tmp_path, settings, environ=environ) as relay:
            run = case.run(exchange, relay, server.url)
            async for _ in run.injections():
                relay.send(signal.SIGUSR1)
                failed = await _probe(relay, BLOCKED)
                run.over()
                assert list(failed) == ["ready", "healthz"], failed
                assert (await get(relay.url + "/healthz"))[0] == 200
            await run.finish()
    assert case.dropped == {}
    assert run.last["gaps"] == 0


@pytest.mark.row(21, "nothing can be written, no token, no temporary folder, clock of 1970")
async def test_a_bare_host_will_do(case: Case, tmp_path: Path) -> None:
    """Each injection is a start."""
    clock = tmp_path / "clock"
    clock.write_bytes(struct.pack("d", -time.time()))
    environ = hooked(clock=clock, read_only=1) | {
        "TMPDIR": str(tmp_path / "nowhere"),
        "HOME": str(tmp_path / "nobody"),
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": "1",
    }
    identity = {"set": "majors", "relay": "majors-0", "namespace": "default", "setUid": "0-0-0"}
    for number in range(case.injections):
        folder = tmp_path / str(number)
        folder.mkdir()
        async with NatsServer(jetstream=True) as server, market() as exchange:
            settings = jetstream(exchange.url, server.url, identity=identity)
            async with RelayProcess(folder, settings, environ=environ) as relay:
                run = case.run(exchange, relay, server.url)
                run.over()
                await run.recovered()
                await run.calm()
                await run.finish()
        assert relay.lines[0]["timestamp"].startswith("1970-01-01"), relay.lines[0]
    assert case.dropped == {}


def _resolve(file: Path, answer: Mapping[str, Any]) -> None:
    """Let names have these addresses, from one moment to the next."""
    new = file.with_suffix(".new")
    new.write_text(json.dumps(answer))
    new.replace(file)


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


async def _never_blocked(relay: RelayProcess, seconds: float) -> None:
    """Ask for its health again and again: an answer takes no longer than a busy machine needs."""
    until = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < until:
        async with asyncio.timeout(0.9):
            assert (await get(relay.url + "/healthz"))[0] == 200
        await asyncio.sleep(0.05)


async def _probe(relay: RelayProcess, seconds: float) -> dict[str, float]:
    """Do as the kubelet does; which probes had failed too often, and when, in that order."""
    began = asyncio.get_running_loop().time()
    failed: dict[str, float] = {}

    async def watch(path: str, period: float, threshold: int) -> None:
        failures = 0
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(period)) as session:
            while (now := asyncio.get_running_loop().time()) < began + seconds:
                try:
                    async with session.get(f"{relay.url}/{path}") as answer:
                        failures = 0 if answer.status == 200 else failures + 1
                except TimeoutError:
                    failures += 1
                if failures == threshold:
                    failed.setdefault(path, asyncio.get_running_loop().time() - began)
                await asyncio.sleep(now + period - asyncio.get_running_loop().time())

    async with asyncio.TaskGroup() as tasks:
        for path, (period, threshold) in PROBES.items():
            tasks.create_task(watch(path, period, threshold))
    return failed

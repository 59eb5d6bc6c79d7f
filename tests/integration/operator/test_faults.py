"""An API server that fails in every way it can: the operator comes through, and does not storm it."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from aiohttp import web

from streamset_api.resource import KIND
from streamset_operator.settings import Settings
from tests.integration.operator.proxy import Fault, Proxy, is_watch, no_fault, refusal, through
from tests.integration.operator.world import World, eventually
from tests.support.kube import ControlPlane
from tests.support.nats_server import free_ports

TROUBLE = 6.0
"""Seconds that a fault lasts."""

OUTAGE = 30.0
"""Seconds of the long one."""

BUSY = 40
"""Requests a second that nobody would call a storm, of an operator whose waits are 0.1 s to 2 s."""


def sometimes(rng: Random, fault: str, code: int = 0, reason: str = "", **headers: str) -> Fault:
    """Fail two of three requests that are no watches."""

    def happens(request: web.Request) -> str | web.Response | None:
        if is_watch(request) or rng.random() < 1 / 3:
            return None
        return fault or refusal(code, reason, **headers)

    return happens


def on_writes(code: int, reason: str) -> Fault:
    return lambda request: refusal(code, reason) if request.method == "PATCH" else None


def within_watches(code: int, reason: str) -> Fault:
    """Fail every watch by an error within its stream; 410 is a version that is too old."""
    status = {"kind": "Status", "apiVersion": "v1", "code": code, "reason": reason}

    def happens(request: web.Request) -> web.Response | None:
        event = {"type": "ERROR", "object": status}
        return web.json_response(event) if is_watch(request) else None

    return happens


def cut_off(request: web.Request) -> web.Response | None:
    """A watch ends in the middle of a line."""
    line = b'{"type": "MODIFIED", "object": {"metadata": {"name": "maj'
    return web.Response(body=line) if is_watch(request) else None


FAULTS: dict[str, Fault] = {
    "conflicts": on_writes(409, "Conflict"),
    "errors": sometimes(Random(1), "", 500, "InternalError"),
    "patience": sometimes(Random(2), "", 429, "TooManyRequests", **{"Retry-After": "1"}),
    "drops": sometimes(Random(3), "drop"),
    "outage": lambda _: "drop",
    "unavailable": lambda _: refusal(503, "ServiceUnavailable"),
    "expired": within_watches(410, "Expired"),
    "watch errors": within_watches(500, "InternalError"),
    "watches cut off": cut_off,
    "unauthorized": lambda _: refusal(401, "Unauthorized"),
    "kinds away": lambda request: refusal(404, "NotFound") if request.method == "GET" else None,
}


@contextlib.asynccontextmanager
async def proxied(
    world: World, cluster: ControlPlane, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Proxy]:
    """An operator that sees the API server through a proxy."""
    [port] = free_ports(1)
    path = kubeconfig.with_name("proxied.kubeconfig")
    path.write_text(through(kubeconfig.read_text(), port))
    monkeypatch.setenv("KUBECONFIG", str(path))
    proxy = Proxy(cluster)
    async with proxy.running(port), world.operator():
        yield proxy


@pytest.mark.parametrize("name", FAULTS)
async def test_it_comes_through(
    world: World,
    cluster: ControlPlane,
    kubeconfig: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    async with proxied(world, cluster, kubeconfig, monkeypatch) as proxy:
        await world.apply_set(symbols=["a"])
        await world.apply_set("doomed")
        await world.settles()
        await world.settles("doomed")

        proxy.fault = FAULTS[name]
        proxy.drop_watches()
        proxy.requests.clear()
        started = time.monotonic()
        await world.apply_set(symbols=["a", "b", "c"], maxStreamsPerRelay=2, logLevel="DEBUG")
        await world.apply_set("newcomer")
        await world.admin.delete(world.ref(KIND, "doomed"))
        await world.admin.delete(world.ref("Service", "majors"))
        await asyncio.sleep(TROUBLE)
        rate = sum(proxy.requests.values()) / (time.monotonic() - started)
        proxy.fault = no_fault

        await world.settles()
        await world.settles("newcomer")
        await eventually(lambda: _is_right(world))
        await world.stream_all()

    assert rate < BUSY


async def test_ten_minutes_of_outage(
    world: World, cluster: ControlPlane, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a twentieth of all times, the operator's own among them: half a minute."""
    world.settings = scaled(world.settings, 20)
    async with proxied(world, cluster, kubeconfig, monkeypatch) as proxy:
        await world.apply_set(symbols=["a"])
        await world.apply_set("doomed")
        await world.settles()
        await world.settles("doomed")

        proxy.fault = FAULTS["outage"]
        proxy.drop_watches()
        proxy.requests.clear()
        await world.admin.delete(world.ref("Service", "majors"))
        await asyncio.sleep(OUTAGE / 2)
        await world.apply_set(symbols=["a", "b", "c"], maxStreamsPerRelay=2)
        await world.admin.delete(world.ref(KIND, "doomed"))
        await world.apply_set("newcomer")
        await asyncio.sleep(OUTAGE / 2)
        rate = sum(proxy.requests.values()) / OUTAGE
        alive = await world.probe("healthz")
        proxy.fault = no_fault
        healed = time.monotonic()

        await world.settles()
        await world.settles("newcomer")
        await eventually(lambda: _is_right(world))
        print(f"outage: {rate:.1f} requests/s, right {time.monotonic() - healed:.1f} s after it")
        await world.stream_all()

    assert alive == 200, "an API server that is away is no reason to be restarted"
    assert rate < BUSY


def scaled(settings: Settings, factor: float) -> Settings:
    """Return the settings with all times as they are by default, divided."""
    default = Settings(version=settings.version)
    times = (
        "report_interval",
        "resync_interval",
        "retry_initial_delay",
        "retry_max_delay",
        "move_patience",
        "watch_timeout",
        "request_timeout",
    )
    return replace(settings, **{name: getattr(default, name) / factor for name in times})


async def test_a_watch_that_says_nothing_is_not_believed(
    world: World, cluster: ControlPlane, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.settings = replace(world.settings, watch_timeout=2.0)
    async with proxied(world, cluster, kubeconfig, monkeypatch) as proxy:
        await world.apply_set()
        await world.settles()
        proxy.fault = lambda request: "silent" if is_watch(request) else None
        await world.admin.delete(world.ref("Service", "majors"))
        await world.apply_set(logLevel="DEBUG")
        await asyncio.sleep(1)
        proxy.fault = no_fault  # what was said meanwhile is lost for good

        await eventually(lambda: _has_service(world))
        await world.settles()


async def test_a_resync_needs_no_watch_at_all(
    world: World, cluster: ControlPlane, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.settings = replace(world.settings, resync_interval=1.0)
    async with proxied(world, cluster, kubeconfig, monkeypatch) as proxy:
        proxy.fault = lambda request: "silent" if is_watch(request) else None
        await world.apply_set()
        await world.settles()
        await world.admin.delete(world.ref("Service", "majors"))
        await eventually(lambda: _has_service(world))


async def _is_right(world: World) -> bool:
    """Tell whether there are the objects of `majors` and of `newcomer`, and no others."""
    return (
        await world.names("Deployment") == ["majors-0", "majors-1", "newcomer-0"]
        and await world.names("Service") == ["majors", "newcomer"]
        and len(await world.names("ConfigMap")) == 3
    )


async def _has_service(world: World) -> bool:
    return await world.names("Service") == ["majors"]

"""No fault of the exchange can make more connects than the budget: ten minutes of each, in scaled time.

Each fault gets a relay of eight connections, and all of them run side by side. Connects are counted where the
relay begins them, and again where they arrive: there as closely as the time allows that they took.
"""

import asyncio
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import pytest

from streamset_api.relay_config import ReconnectConfig, RelayConfig, Timing
from streamset_api.validation import validate
from streamset_relay import transport
from streamset_relay.app import ExitCode, Relay
from streamset_relay.settings import Settings
from tests.faults.exchange_faults import FAULTS, MINUTE, SCALE, tls_faults
from tests.faults.timing import late_turns, most
from tests.support.certificates import authority_in
from tests.support.nats_server import NatsServer, free_ports
from tests.support.raw_websocket import Peer, Script, serve
from tests.support.relay import document

Begun: TypeAlias = defaultdict[str, list[float]]

LASTS = 10 * MINUTE
SHIPPED, RECONNECT = Timing(), ReconnectConfig()
BUDGET, WINDOW = SHIPPED.connects_per_window, SHIPPED.connect_window / SCALE
KINDS = ("trade", "aggTrade", "depth", "bookTicker", "kline", "ticker", "miniTicker", "avgPrice")
"""Each has a route and so a connection of its own; three of them tick by the clock."""
SCALED = {
    name: getattr(SHIPPED, name) / SCALE
    for name in (
        *("healthy_after", "breaker_open", "forbidden_delay", "rate_limited_delay"),
        *("connect_window", "connection_lifetime", "handover_timeout"),
        *("no_data_after", "silence_floor"),
    )
}
UNSCALED = {"open_timeout": 0.5, "silence_factor": 1.0}
"""A busy machine needs its time; and the streams that tick by the clock do so once a second."""
POLICIES: dict[str, dict[str, float]] = {
    "as shipped": {},
    "no patience": {
        "breaker_failures": 1_000_000,
        "forbidden_delay": 0.0,
        "rate_limited_delay": 0.0,
    },
}
DELAYS = {
    "as shipped": (RECONNECT.initial_delay_seconds / SCALE, RECONNECT.max_delay_seconds / SCALE),
    "no patience": (0.0, 0.0),
}
"""With neither backoff nor breaker nor respect for bans, the budget is all there is."""


@dataclass
class Run:
    """The connects of one relay: when it began each of them, and when each arrived."""

    begun: list[float]
    arrived: list[float]

    def delay(self) -> float:
        """By how much some took longer than others to arrive: so much may they have moved together."""
        delays = [there - here for here, there in zip(self.begun, self.arrived, strict=False)]
        return max(delays, default=0.0) - min(delays, default=0.0)

    def most(self, late: float) -> int:
        """The most in any window, begun or arrived. `late` is how late a connect may begin that is due."""
        begun = most(self.begun, WINDOW - late)
        return max(begun, most(self.arrived, WINDOW - late - self.delay()))


@pytest.mark.timeout(150)
@pytest.mark.parametrize("policy", POLICIES)
async def test_no_fault_makes_more_connects_than_the_budget(
    policy: str, tmp_path: Path, begun: Begun
) -> None:
    context = authority_in(tmp_path / "authority").server_context("IP:127.0.0.1")
    faults: dict[str, Script | None] = {"refused": None, **FAULTS, **tls_faults(context)}
    async with NatsServer() as nats, late_turns() as turns, asyncio.TaskGroup() as group:
        tasks = {
            name: group.create_task(
                attempt(policy, name, script, nats.url, begun, WINDOW * number / len(faults))
            )
            for number, (name, script) in enumerate(faults.items())
        }
    runs, late = {name: task.result() for name, task in tasks.items()}, max(turns) + 0.02

    print(f"\n{policy}: 8 connections, 10 minutes, at most {BUDGET} connects in any 5", end=" ")
    print(f"(less {late / WINDOW:.1%}, by which this test was late)")
    print("| fault | connects | most in 5 minutes |\n|---|---|---|")
    for name, run in runs.items():
        print(f"| {name} | {len(run.begun)} | {run.most(late)} |")
    least = len(KINDS) if policy == "as shipped" else BUDGET
    for name, run in runs.items():
        assert run.most(late) <= BUDGET, name
        assert len(run.arrived) <= len(run.begun), f"{name}: connects that nobody decided upon"
        assert len(run.arrived or run.begun) >= least, f"{name}: the budget was not tried"


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> Begun:
    """When relays began to connect, by host and port."""
    times: Begun = defaultdict(list)
    connect = transport.connect

    async def noted(url: str, **options: Any) -> transport.Transport:
        times[urlsplit(url).netloc].append(asyncio.get_running_loop().time())
        return await connect(url, **options)

    monkeypatch.setattr(transport, "connect", noted)
    return times


async def attempt(
    policy: str, name: str, script: Script | None, nats: str, begun: Begun, delay: float
) -> Run:
    """Run one relay against one fault, a little later than the others."""
    await asyncio.sleep(delay)
    arrived: list[float] = []
    async with _exchange(script, arrived, name.startswith("TLS")) as url:
        relay = Relay(Settings(_config(policy, url, nats), False, None))
        running = asyncio.create_task(relay.run())
        await asyncio.wait({running}, timeout=LASTS)
        assert not running.done(), running.result()
        assert relay.status().ledger.difference == 0
        relay.stop()
        relay.stop()
        assert await asyncio.wait_for(running, 20) is ExitCode.OK
    times = begun[urlsplit(url).netloc]
    end = times[0] + LASTS
    return Run([at for at in times if at < end], [at for at in arrived if at < end])


@asynccontextmanager
async def _exchange(script: Script | None, arrived: list[float], tls: bool) -> AsyncIterator[str]:
    """A server that follows the script and notes each connection; nobody listens without a script."""

    async def noted(peer: Peer) -> None:
        arrived.append(asyncio.get_running_loop().time())
        with suppress(OSError, ssl.SSLError, asyncio.IncompleteReadError):
            assert script is not None
            await script(peer)

    if script is None:
        yield f"ws://127.0.0.1:{free_ports(1)[0]}/stream"
        return
    async with serve(noted) as url:
        yield url.replace("ws://", "wss://") if tls else url


def _config(policy: str, url: str, nats: str) -> RelayConfig:
    """Eight connections, and the times of the policy, scaled."""
    streams = [f"btcusdt@{'kline_1m' if kind == 'kline' else kind}" for kind in KINDS]
    routes = [{"path": kind, "channels": [kind]} for kind in KINDS]
    config = validate(RelayConfig, document(url, nats, *streams, routes=routes))
    initial, maximum = DELAYS[policy]
    timing = SHIPPED.model_copy(update={**SCALED, **UNSCALED, **POLICIES[policy]})
    reconnect = RECONNECT.model_copy(
        update={"initial_delay_seconds": initial, "max_delay_seconds": maximum}
    )
    return config.model_copy(update={"timing": timing, "reconnect": reconnect})

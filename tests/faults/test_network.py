"""Row 4: the network between the relay and its two neighbours, one trouble after the other."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.faults.case import RECOVERY, Case, Run, jetstream, market, sized
from tests.faults.troubles import BREAKS, NO_DATA, TROUBLES
from tests.support.fault_proxy import FaultProxy
from tests.support.nats_server import NatsServer
from tests.support.relay_process import RelayProcess


@pytest.mark.row("4, NATS", f"network to NATS: {', '.join(TROUBLES)}", seconds=60)
async def test_between_the_relay_and_nats(case: Case, tmp_path: Path) -> None:
    async with (
        NatsServer(jetstream=True) as server,
        market() as exchange,
        FaultProxy(server.port, seed=case.seed) as proxy,
    ):
        settings = jetstream(exchange.url, f"nats://127.0.0.1:{proxy.port}", buffer=sized(10))
        async with RelayProcess(tmp_path, settings) as relay:
            run = case.run(exchange, relay, server.url)
            await _one_after_the_other(run, proxy, "nats_reconnects")
            await run.finish()
    assert case.dropped == {}


@pytest.mark.row("4, exchange", f"network to the exchange: {', '.join(TROUBLES)}", seconds=60)
async def test_between_the_exchange_and_the_relay(case: Case, tmp_path: Path) -> None:
    """What a broken connection had on it is missing, and the relay says how much it was."""
    async with (
        NatsServer(jetstream=True) as server,
        market() as exchange,
        FaultProxy(urlsplit(exchange.url).port or 0, seed=case.seed) as proxy,
    ):
        settings = jetstream(
            f"ws://127.0.0.1:{proxy.port}", server.url, timing={"noDataAfter": NO_DATA}
        )
        async with RelayProcess(tmp_path, settings) as relay:
            run = case.run(exchange, relay, server.url)
            await _one_after_the_other(run, proxy, "reconnect_attempts")
            await run.finish(cut=True)
    assert case.dropped == {}


async def _one_after_the_other(run: Run, proxy: FaultProxy, reconnects: str) -> None:
    """All troubles, as often as was asked for; `reconnects` is what the relay calls its new connections."""
    async for number in run.injections(len(TROUBLES)):
        name, cause = list(TROUBLES.items())[number % len(TROUBLES)]
        before = (await run.described())[reconnects]
        await cause(proxy, run.case.random)
        run.over()
        if name in BREAKS:
            more = {reconnects: _more_than(before)}
            await run.until(f"another connection after {name}", RECOVERY, **more)


def _more_than(before: int) -> Any:
    return lambda count: count > before

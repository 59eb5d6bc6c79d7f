"""Rows 10 to 13 and 15: the exchange ends connections, refuses them, announces their end, falls silent, or shouts."""

import asyncio
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.faults.case import RATE, STREAMS, Case, Run, jetstream, market, sized
from tests.support.nats_server import NatsServer
from tests.support.relay import get
from tests.support.relay_process import Exchange, RelayProcess
from tests.support.subscriber import Subscriber

CODES = (1000, 1001, 1008, 1011)
STATUSES = (403, 418, 429, 451, 503)
WAITS = {403: 1.0, 451: 1.0, 418: 0.7, 429: 1.0}
"""Seconds that the relay has to wait at least, by what it was told; 429 comes with a Retry-After."""
TICKERS = ("btcusdt@ticker", "ethusdt@ticker")
SILENCE = 20.0
"""Seconds without frame or ping after which a connection is dead."""
SLACK = 0.3
"""The exchange sees a connect later than the relay counts it, on a busy machine by much."""


@pytest.mark.row("10, orderly", f"closed with {CODES}, then refused with {STATUSES}", seconds=50)
async def test_an_orderly_end_costs_what_happens_meanwhile(case: Case, tmp_path: Path) -> None:
    """What came before the close frame was read, every frame of it."""
    timing = {"forbiddenDelay": 1.0, "rateLimitedDelay": 0.7}
    timing |= {"connectsPerWindow": 30, "connectWindow": 10, "noDataAfter": SILENCE}
    # Its own window is of five minutes; the one of 10 s is looked at below.
    unlimited = market("--connection-attempts", "1000000")
    async with NatsServer(jetstream=True) as server, unlimited as exchange:
        settings = jetstream(exchange.url, server.url, timing=timing)
        async with RelayProcess(tmp_path, settings) as relay:
            run = case.run(exchange, relay, server.url)
            async for number in run.injections(len(CODES) + len(STATUSES)):
                kind = number % (len(CODES) + len(STATUSES))
                if kind < len(CODES):
                    await _end(run, "close", code=CODES[kind])
                    continue
                status = STATUSES[kind - len(CODES)]
                asked = 1 if status == 429 else None
                before = await _refusals(exchange)
                await exchange.fault("reject_upgrades", status=status, count=2, retry_after=asked)
                await exchange.fault("close", code=1001)
                async with asyncio.timeout(30):
                    while await _refusals(exchange) < before + 2:
                        await asyncio.sleep(0.05)
            await run.finish()
            stats = await exchange.stats()
    assert case.dropped == {}
    attempts = stats["attempts"]
    for refused, following in pairwise(attempts):
        least = WAITS.get(refused["status"], 0.0)
        assert following["at"] - refused["at"] >= least - SLACK, refused
    assert most_within(attempts, 10 - SLACK) <= 30
    assert stats["violations"] == {}


@pytest.mark.row("10, abrupt", "connection ends without a close frame (FIN), or with RST")
async def test_an_abrupt_end_is_told_of_as_missing(case: Case, tmp_path: Path) -> None:
    timing = {"noDataAfter": SILENCE}
    async with NatsServer(jetstream=True) as server, market() as exchange:
        settings = jetstream(exchange.url, server.url, timing=timing)
        async with RelayProcess(tmp_path, settings) as relay:
            run = case.run(exchange, relay, server.url)
            async for number in run.injections(2):
                await _end(run, ("abort", "reset")[number % 2])
            await run.finish(cut=True)
    assert case.dropped == {}


@pytest.mark.row(11, "every connection accepted and closed at once, for 30 s", seconds=50)
async def test_an_exchange_that_closes_at_once_is_not_stormed(case: Case, tmp_path: Path) -> None:
    """Three windows of the connect budget; the exchange's own are longer, and so is the relay's."""
    most, window = 8, 10
    timing = {"connectsPerWindow": most, "connectWindow": window, "breakerFailures": 1_000}
    async with NatsServer(jetstream=True) as server, market() as exchange:
        settings = jetstream(exchange.url, server.url, timing=timing)
        async with RelayProcess(tmp_path, settings) as relay:
            run = case.run(exchange, relay, server.url)
            async for _ in run.injections():
                begin = len((await exchange.stats())["attempts"])
                await exchange.fault("close_after_accept", code=1001, seconds=3 * window)
                await exchange.fault("close", code=1001)
                await asyncio.sleep(3 * window)
                run.over()
                during = (await exchange.stats())["attempts"][begin:]
                assert len(during) >= 2 * most, "it was never held back"
                assert (await get(relay.url + "/healthz"))[0] == 200
            await run.finish()
            stats = await exchange.stats()
    assert case.dropped == {}
    assert most_within(stats["attempts"], window - SLACK) <= most
    assert stats["violations"] == {}


class Pauses(Subscriber):
    """The longest time in which a stream brought nothing."""

    def __init__(self, url: str) -> None:
        super().__init__(url, "md.>")
        self.longest = 0.0
        self._at: dict[str, float] = {}

    def _received(self, subject: bytes, headers: bytes, payload: bytes) -> None:
        super()._received(subject, headers, payload)
        name, now = subject.decode(), time.monotonic()
        self.longest = max(self.longest, now - self._at.get(name, now))
        self._at[name] = now


@pytest.mark.row("12, announced", "serverShutdown, and the end 2 s later")
async def test_an_announced_end_is_not_noticed_downstream(case: Case, tmp_path: Path) -> None:
    await _handovers(case, tmp_path, {"connectionLifetime": 3600})


@pytest.mark.row("12, age", "connections as old as they may get (2 s for 24 h)")
async def test_old_connections_are_not_noticed_downstream(case: Case, tmp_path: Path) -> None:
    await _handovers(case, tmp_path, {"connectionLifetime": 2, "lifetimeJitter": 0.2})


async def _handovers(case: Case, folder: Path, timing: dict[str, Any]) -> None:
    aged = timing["connectionLifetime"] < 3600
    streams = (*STREAMS, *TICKERS, "btcusdt@bookTicker")
    async with (
        NatsServer(jetstream=True) as server,
        market() as exchange,
        Pauses(server.url) as pauses,
    ):
        settings = jetstream(exchange.url, server.url, streams=streams, timing=timing)
        async with RelayProcess(folder, settings) as relay:
            run = case.run(exchange, relay, server.url)
            async for _ in run.injections(3):
                before = sum(run.last["handovers"].values())
                if not aged:
                    await exchange.fault("announce_shutdown", close_after=2.0)
                await run.until("handed over", handovers=lambda h, b=before: sum(h.values()) > b)
            verdict = await run.finish()
    assert case.dropped == {}
    assert verdict.hole == verdict.reordered == 0
    assert run.last["gaps"] == run.last["sequence_resets"] == run.last["reconnect_attempts"] == 0
    assert run.last["handovers"].keys() == {"aligned"}
    assert case.duplicate > 0, "both connections delivered"
    assert pauses.longest < 1.0


@pytest.mark.row(13, "one stream of many silent, then all of them", seconds=20)
async def test_silent_streams_disturb_no_other(case: Case, tmp_path: Path) -> None:
    async with NatsServer(jetstream=True) as server, market() as exchange:
        settings = jetstream(exchange.url, server.url, streams=STREAMS + TICKERS)
        async with RelayProcess(tmp_path, settings) as relay:
            run = case.run(exchange, relay, server.url)
            async for number in run.injections(2):
                if number % 2:
                    await _all_silent(run)
                else:
                    await _one_silent(run, case.random.choice(TICKERS))
                await exchange.fault("clear")
            await run.finish()
    assert case.dropped == {}


async def _one_silent(run: Run, stream: str) -> None:
    """It is subscribed anew, alone, on the connection there is; all others go on."""
    before, known = run.last, await _requests(run.exchange)
    await run.exchange.fault("silence", stream=stream)
    await run.until("silent", silent_streams=[stream])
    asked: list[tuple[str, str]] = []
    async with asyncio.timeout(30):
        while len(asked) < 2:
            asked = (await _requests(run.exchange))[len(known) :]
            await asyncio.sleep(0.05)
    assert [kind for kind, _ in asked[:2]] == ["UNSUBSCRIBE", "SUBSCRIBE"]
    assert all(stream in text and text.count("@") == 1 for _, text in asked)
    now = await run.until("the others go on", ready=True, silent_streams=[stream])
    assert now["gaps"] == before["gaps"]
    assert now["reconnect_attempts"] == before["reconnect_attempts"]


async def _all_silent(run: Run) -> None:
    """The connection is replaced."""
    before = run.last["reconnect_attempts"]
    await run.exchange.fault("stall")
    await run.until("it is told", not_ready_reason=lambda reason: reason is not None)
    await run.until("replaced", reconnect_attempts=lambda count: count > before)


@pytest.mark.row(15, "ten times the load for 10 s", seconds=20)
async def test_a_burst_is_taken_whole(case: Case, tmp_path: Path) -> None:
    """The buffer would hold all of it; nobody misses a PING."""
    beats = 100
    async with NatsServer(jetstream=True) as server, market() as exchange:
        settings = jetstream(exchange.url, server.url, buffer=sized(10, 10 * RATE))
        async with RelayProcess(tmp_path, settings) as relay:
            run = case.run(exchange, relay, server.url)
            async for _ in run.injections():
                began, events = time.monotonic(), (await exchange.stats())["events"]
                for beat in range(beats):
                    stream = case.random.choice(STREAMS)
                    await exchange.fault("burst", stream=stream, events=9 * RATE * 10 // beats)
                    await asyncio.sleep(
                        max(0.0, began + 10 * (beat + 1) / beats - time.monotonic())
                    )
                run.over()
                assert (await exchange.stats())["events"] - events > 9 * RATE * 10
            await run.finish()
            stats = await exchange.stats()
    assert case.dropped == {}
    assert run.last["nats_reconnects"] == run.last["reconnect_attempts"] == run.last["gaps"] == 0
    assert stats["violations"] == {}


def most_within(attempts: Sequence[dict[str, Any]], seconds: float) -> int:
    """The most attempts in any stretch of so many seconds."""
    times = [attempt["at"] for attempt in attempts]
    return max(sum(1 for other in times if 0 <= other - at < seconds) for at in times)


async def _end(run: Run, fault: str, **arguments: object) -> None:
    """End the connection, and wait until there is another one: sooner than the silence would be noticed."""
    before = run.last["reconnect_attempts"]
    await run.exchange.fault(fault, **arguments)
    run.over()
    await run.until("a new connection", SILENCE / 2, reconnect_attempts=lambda n: n > before)


async def _refusals(exchange: Exchange) -> int:
    return int((await exchange.stats())["faults"].get("reject_upgrades", 0))


async def _requests(exchange: Exchange) -> list[tuple[str, str]]:
    """What the open connection was asked for: method and text."""
    connections = (await exchange.stats())["connections"]
    control = next(c["control"] for c in connections if c["closed_at"] is None)
    return [(each["kind"], each["text"]) for each in control if "SUBSCRIBE" in each["kind"]]

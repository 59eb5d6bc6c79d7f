"""The exchange ends connections, or does not begin them: the relay returns, by the rules."""

import asyncio
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from exchange_simulator import Faults, Simulator, SimulatorConfig
from tests.integration.relay.witness import numbers
from tests.support.nats_server import NatsServer
from tests.support.relay import LocalRelay, document, eventually, info, metrics
from tests.support.relay_process import RelayProcess
from tests.support.subscriber import Subscriber

TRADES = "btcusdt@trade"
MARKET = SimulatorConfig(rates={"*": 500})

ENDS: dict[str, tuple[Callable[[Faults], object], str]] = {
    "1000": (lambda faults: faults.close(1000), "close_1000"),
    "1001": (lambda faults: faults.close(1001), "close_1001"),
    "1008": (lambda faults: faults.close(1008, "Too many requests"), "close_1008"),
    "1011": (lambda faults: faults.close(1011), "close_1011"),
    "1006, FIN": (lambda faults: faults.abort(), "close_1006"),
    "1006, RST": (lambda faults: faults.reset(), "close_1006"),
    "24 hours": (lambda faults: faults.expire(), "close_1001"),
}


@pytest.mark.parametrize("client", ["picows", "websockets"])
@pytest.mark.parametrize("end", ENDS)
async def test_a_connection_that_ends_is_replaced(
    client: str, end: str, nats_server: NatsServer, subscriber: Subscriber
) -> None:
    cause, reason = ENDS[end]
    async with (
        Simulator(MARKET) as exchange,
        LocalRelay(document(exchange.url, nats_server.url, TRADES, transport=client)) as relay,
    ):
        await relay.until(lambda s: s.ledger.published > 20)
        cause(exchange.faults)
        await relay.until(lambda s: s.reconnects == 1 and s.websocket_connected)
        at = relay.status.ledger.published
        await relay.until(lambda s: s.ledger.published > at + 20)
        assert (await metrics(relay))[f"socket_client_disconnects_total{{reason={reason}}}"] == 1
        assert reason.removeprefix("close_") in relay.status.last_errors["exchange"]
        ledger = await relay.stop()

    assert await subscriber.settle() == ledger.received == ledger.published
    seen = numbers(subscriber.payloads, TRADES)
    assert all(later > earlier for earlier, later in pairwise(seen)), "nothing twice, in order"
    missing = sum(later - earlier - 1 for earlier, later in pairwise(seen))
    assert relay.status.missing == missing > 0, "the gap that the outage left is counted"


async def test_accept_then_close_stays_within_the_connect_budget(nats_server: NatsServer) -> None:
    budget, window = 5, 1.0
    timing = {"connectsPerWindow": budget, "connectWindow": window, "breakerFailures": 100_000}
    config = document("", nats_server.url, TRADES, timing=timing)
    async with Simulator(MARKET) as exchange:
        exchange.faults.close_after_accept(1001)
        config["endpoint"] = exchange.url
        config["reconnect"] = {"initialDelaySeconds": 0.01, "maxDelaySeconds": 0.01}
        async with LocalRelay(config) as relay:
            await eventually(lambda: len(exchange.stats().attempts) > 2 * budget)
            times = [attempt.at for attempt in exchange.stats().attempts]
            assert relay.status.not_ready == "websocket_disconnected"
            exchange.faults.clear()
            await relay.until(lambda s: s.not_ready is None)

    slack = (
        0.3  # the exchange sees a connect later than the relay counts it, on a busy machine by much
    )
    for nth, at in enumerate(times[budget:]):
        assert at - times[nth] > window - slack, f"more than {budget} connects in {window} s"


async def test_connections_share_one_budget(nats_server: NatsServer) -> None:
    streams = [f"sym{n}usdt@trade" for n in range(450)]
    timing = {"connectsPerWindow": 7, "connectWindow": 1.0, "breakerFailures": 100_000}
    async with Simulator(MARKET) as exchange:
        exchange.faults.close_after_accept(1001)
        config = document(exchange.url, nats_server.url, *streams, timing=timing)
        config["reconnect"] = {"initialDelaySeconds": 0.01, "maxDelaySeconds": 0.01}
        async with LocalRelay(config):
            await eventually(lambda: len(exchange.stats().attempts) > 14)
            times = [attempt.at for attempt in exchange.stats().attempts]

    for nth, at in enumerate(times[7:]):
        assert at - times[nth] > 0.7, "more than 7 connects in 1 s"


@pytest.mark.parametrize(
    ("status", "retry_after", "wait"),
    [
        (403, None, 0.5),
        (451, None, 0.5),
        (418, None, 0.5),
        (429, None, 0.5),
        (418, 1, 1.0),
        (429, 1, 1.0),
        (503, None, 0.05),
    ],
)
async def test_a_rejected_upgrade_is_tried_again_after_the_wait_it_asks_for(
    status: int, retry_after: int | None, wait: float, nats_server: NatsServer
) -> None:
    async with Simulator(MARKET) as exchange:
        exchange.faults.reject_upgrades(status, count=2, retry_after=retry_after)
        async with LocalRelay(document(exchange.url, nats_server.url, TRADES)) as relay:
            rejected = await relay.until(lambda s: s.last_errors)
            assert f"HTTP {status}" in rejected.last_errors["exchange"]
            assert rejected.not_ready == "websocket_disconnected"
            assert f"HTTP {status}" in (await info(relay))["last_errors"]["exchange"]
            await relay.until(lambda s: s.not_ready is None)
            samples = await metrics(relay)
            await relay.stop()

    attempts = exchange.stats().attempts
    assert [attempt.status for attempt in attempts] == [status, status, 101]
    assert samples[f"socket_client_disconnects_total{{reason=http_{status}}}"] == 2
    slack = 0.01  # two clocks
    assert all(later.at - earlier.at > wait - slack for earlier, later in pairwise(attempts))


async def test_the_breaker_opens_after_five_failures_and_lets_one_probe_through(
    nats_server: NatsServer,
) -> None:
    async with Simulator(MARKET) as exchange:
        exchange.faults.reject_upgrades(503)
        config = document(exchange.url, nats_server.url, TRADES, timing={"breakerOpen": 0.6})
        async with LocalRelay(config) as relay:
            await relay.until(lambda s: s.breakers["exchange"] == "open")
            assert len(exchange.stats().attempts) == 5
            assert (await info(relay))["breakers"] == {"exchange": "open", "nats": "closed"}
            await eventually(lambda: len(exchange.stats().attempts) == 6)
            exchange.faults.clear()
            await relay.until(lambda s: s.not_ready is None)
            assert relay.status.breakers["exchange"] == "closed"

    times = [attempt.at for attempt in exchange.stats().attempts]
    assert times[5] - times[4] > 0.59
    assert times[6] - times[5] > 0.59


async def test_ten_failed_attempts_end_the_process_with_code_4_after_the_drain(
    tmp_path: Path, nats_server: NatsServer, subscriber: Subscriber
) -> None:
    async with Simulator(MARKET) as exchange:
        # The pause lasts as long as ten attempts take; NATS is waited for all the while.
        config = document(
            exchange.url,
            nats_server.url,
            TRADES,
            reconnect={"maxAttempts": 10},
            timing={"gracePeriod": 35, "natsPingTimeout": 30},
        )
        async with RelayProcess(tmp_path, config, allow=["Giving up"]) as relay:
            while (await info(relay))["connections"] != {"healthy": 1}:
                await asyncio.sleep(0.05)
            nats_server.pause()  # so that there is something to drain when the relay gives up
            exchange.faults.burst(TRADES, 1_000)
            while (await info(relay))["ledger"]["received"] < 1_000:
                await asyncio.sleep(0.05)
            exchange.faults.reject_upgrades(503)
            exchange.faults.abort()
            await eventually(lambda: "Giving up" in relay.messages())
            nats_server.resume()
            ended = await relay.wait()

    assert ended.code == 4
    assert ended.ledger["difference"] == ended.ledger["in_flight"] == 0
    assert await subscriber.settle() == ended.ledger["published"] == ended.ledger["received"]
    (line,) = [line for line in ended.lines if line["message"] == "Giving up"]
    assert line["level"] == "CRITICAL"
    assert "gave up after 10 attempts" in line["error"]
    assert [attempt.status for attempt in exchange.stats().attempts] == [101] + [503] * 10

"""Numbered events at full rate: nothing lost, doubled or reordered, in memory that does not grow.

The exchange and the relay are processes of their own, so that both keep their pace whatever the test does.
"""

import asyncio
import statistics
import time
from pathlib import Path
from typing import Any

import pytest

from tests.integration.relay.witness import Numbered
from tests.support.nats_server import NatsServer
from tests.support.relay import document, info
from tests.support.relay_process import Ended, RelayProcess, exchange_process

RATE = 20_000
"""Events per second."""
SECONDS = 30
FLOOR = 0.9
"""The share of the load that must really have flowed: a test under less proves less."""
GROWTH = 8 << 20
"""Bytes by which the median of the last third may exceed that of the middle third."""
STREAMS = tuple(
    f"{symbol}usdt@{channel}"
    for symbol in ("btc", "eth", "bnb", "sol", "xrp")
    for channel in ("trade", "aggTrade")
)
#: The market's load comes in a burst while NATS is away for a second or two: room for all of it.
BUFFER = {"maxMessages": 10 * RATE, "maxBytes": 512 << 20}


@pytest.mark.timeout(SECONDS + 90)
async def test_nothing_is_lost_doubled_or_reordered_and_memory_stays_flat(
    tmp_path: Path, nats_server: NatsServer
) -> None:
    sizes: list[int] = []
    async with (
        exchange_process("--rate", str(RATE)) as exchange,
        Numbered(nats_server.url) as witness,
        RelayProcess(tmp_path, document(exchange.url, nats_server.url, *STREAMS)) as relay,
    ):
        await witness.wait_for(1)
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            await asyncio.sleep(0.25)
            sizes.append(relay.rss())
        ended = await relay.stop()
        arrived = await witness.settled()
        sent = (await exchange.stats())["streams"]

    assert_balanced(ended)
    assert ended.ledger["received"] > FLOOR * RATE * SECONDS, "the load was too small"
    assert ended.ledger["dropped"] == {}
    assert arrived == ended.ledger["published"] == ended.ledger["received"]
    assert sorted(witness.streams) == sorted(STREAMS)
    for name, seen in witness.streams.items():
        assert seen.breaks == []
        assert len(sent[name]["runs"]) == 1
        assert seen.first == sent[name]["first"], "nothing lost at the start"
        assert seen.last - seen.first + 1 == seen.count
        assert seen.last <= sent[name]["last"]  # what was under way at SIGTERM was not received

    third = len(sizes) // 3
    middle, last = (
        statistics.median(sizes[third : 2 * third]),
        statistics.median(sizes[2 * third :]),
    )
    print(
        f"\n{arrived:,} messages in {SECONDS} s; "
        f"RSS {middle / 2**20:.1f} MiB, then {last / 2**20:.1f} MiB"
    )
    assert last - middle < GROWTH


@pytest.mark.timeout(SECONDS + 90)
async def test_with_nats_killed_on_the_way_the_ledger_tells_the_truth(tmp_path: Path) -> None:
    """Published ≤ what the server took ≤ published + unconfirmed.

    The independent count is the server's own log, not a subscriber. A subscriber of core NATS cannot tell:
    SIGKILL takes with it what the server had accepted and not yet passed on, and what comes after the restart
    is missed until the subscription is back. With `trace` on, nats-server writes one line to its log file for
    every message it has read to the end, before it looks at what follows on that connection, such as the PING
    that confirms it; a line written is in the file whatever becomes of the process. The log is never rotated and
    goes on after the restart. Nobody subscribes, so each of these lines is a message of the relay.
    """
    trace = "trace: true\nmax_traced_msg_len: 1\nlogtime: false\n"
    async with (
        NatsServer(trace) as server,
        exchange_process("--rate", str(RATE)) as exchange,
        RelayProcess(
            tmp_path, document(exchange.url, server.url, *STREAMS, buffer=BUFFER)
        ) as relay,
    ):
        before = await until_published(relay, 1)
        for _ in range(2):
            await asyncio.sleep(SECONDS / 3)
            before = (await info(relay))["ledger"]["published"]
            await server.kill()
            await asyncio.sleep(0.5)
            await server.restart()
            await until_published(relay, before + RATE)
        await asyncio.sleep(SECONDS / 3)
        ended = await relay.stop()
        took = server.log.count("<<- MSG_PAYLOAD:")

    ledger = ended.ledger
    assert_balanced(ended)
    assert ledger["received"] > FLOOR * RATE * SECONDS, "the load was too small"
    assert ledger["dropped"] == {}
    assert ledger["published"] > before + RATE
    print(f"\npublished {ledger['published']:,} ≤ {took:,}; unconfirmed {ledger['unconfirmed']:,}")
    assert ledger["published"] <= took <= ledger["published"] + ledger["unconfirmed"]
    lost = relay.said("Lost the connection to NATS")
    assert sum(line["unconfirmed"] for line in lost) == ledger["unconfirmed"]


def assert_balanced(ended: Ended) -> None:
    """The process ended in order, and every frame is accounted for."""
    assert ended.code == 0
    assert ended.ledger, "the ledger is the last line"
    assert ended.ledger["difference"] == ended.ledger["in_flight"] == 0
    assert ended.ledger["duplicate"] == 0


async def until_published(relay: RelayProcess, count: int) -> int:
    """Wait until so many messages are confirmed; gives how many really are."""
    async with asyncio.timeout(30):
        while True:
            ledger: dict[str, Any] = (await info(relay))["ledger"]
            if ledger["published"] >= count:
                return int(ledger["published"])
            await asyncio.sleep(0.1)

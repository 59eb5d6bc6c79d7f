"""An owner that ends with something undelivered: its last word leaves that to the heir, which holds it."""

import asyncio
import signal
from pathlib import Path

import pytest

from exchange_simulator import Simulator, SimulatorConfig
from tests.integration.relay.crew import IDENTITY, LEADER, STREAM, crew, judge, ready, said
from tests.support.jetstream import administration, content
from tests.support.nats_server import NatsServer, free_ports
from tests.support.relay import LocalRelay, document, info
from tests.support.relay_process import RelayProcess, exchange_process
from tests.support.subscriber import Subscriber

RATE = 1_000
TRADES = "btcusdt@trade"
SUBJECTS = ["md.>"]
QUICK = {"gracePeriod": 8, "natsBackoffMax": 0.2}
"""Three seconds to deliver what waits."""


async def test_what_jetstream_did_not_take_until_the_end_the_heir_delivers(tmp_path: Path) -> None:
    """The stream is full from before the signal to after the end; the connection stands."""
    async with (
        NatsServer(jetstream=True) as server,
        exchange_process("--rate", str(RATE)) as exchange,
        crew(tmp_path, exchange, server.url, jetstream=True, timing=QUICK) as relays,
        administration(server.url) as js,
    ):
        owner = await relays.lead()
        heir = await relays.follow()
        await asyncio.sleep(1)
        await js.update_stream(name=STREAM, subjects=SUBJECTS, discard="new", max_bytes=1)
        while (await info(owner))["ledger"]["in_flight"] < 500:
            await asyncio.sleep(0.05)
        ended = await owner.stop()
        (line,) = await said(heir, LEADER)
        await js.update_stream(name=STREAM, subjects=SUBJECTS, discard="new", max_bytes=1 << 30)
        await ready(heir)
        while (await info(heir))["ledger"]["in_flight"] > 100:
            await asyncio.sleep(0.05)
        last = await heir.stop()
        seen = judge(await content(server.url, STREAM))

    print(f"\n{ended.ledger}\n{line}\n{last.ledger}\n{seen}")
    assert sum(ended.ledger["dropped"].values()) > 400, "nothing was left: the test proves nothing"
    assert line["from"] == "word"
    assert (seen.missing, seen.doubled) == (0, 0)
    assert last.ledger["dropped"] == {}
    for ledger in (ended.ledger, last.ledger):
        assert ledger["difference"] == ledger["in_flight"] == 0


@pytest.mark.parametrize("jetstream", [False, True], ids=["core", "jetstream"])
async def test_with_nats_stuck_to_the_end_the_follower_delivers_what_the_owner_had(
    tmp_path: Path, *, jetstream: bool
) -> None:
    """No PONG and no word in time. What the server reads later may come twice on core NATS, with the same id."""
    async with (
        NatsServer(jetstream=jetstream) as server,
        exchange_process("--rate", str(RATE)) as exchange,
        Subscriber(server.url, "md.>", keep=True) as subscriber,
        crew(tmp_path, exchange, server.url, jetstream=jetstream, timing=QUICK) as relays,
    ):
        owner = await relays.lead()
        heir = await relays.follow()
        await asyncio.sleep(1)
        server.pause()
        await asyncio.sleep(0.3)
        ended = await owner.stop()
        server.resume()
        await said(heir, LEADER)
        await ready(heir)
        await asyncio.sleep(1)
        last = await heir.stop()
        await subscriber.settle()
        seen = judge(await content(server.url, STREAM) if jetstream else subscriber.messages)

    print(f"\n{ended.ledger}\n{last.ledger}\n{seen}")
    assert seen.missing == 0
    if jetstream:
        assert seen.doubled == 0
    assert ended.ledger["difference"] == ended.ledger["in_flight"] == 0
    assert last.ledger["dropped"] == {}


async def test_a_follower_that_has_stopped_is_no_heir(tmp_path: Path) -> None:
    """It had followed for longest, and asked but a moment before."""
    async with (
        NatsServer() as server,
        exchange_process("--rate", str(RATE)) as exchange,
        Subscriber(server.url, "md.>", keep=True) as subscriber,
        crew(tmp_path, exchange, server.url, jetstream=False) as relays,
    ):
        owner = await relays.lead()
        first, second = await relays.follow(), await relays.follow()
        await asyncio.sleep(1)
        await first.stop()
        await owner.stop()
        (line,) = await said(second, LEADER)
        await asyncio.sleep(1)
        await second.stop()
        seen = await _seen(subscriber)

    assert (line["reason"], line["from"]) == ("owner hands over", "word")
    assert seen == (0, 0, 0)


async def test_an_owner_that_has_to_hurry_still_hands_over(tmp_path: Path) -> None:
    """JetStream takes nothing; the second signal comes with most of the grace period left."""
    async with (
        NatsServer(jetstream=True) as server,
        exchange_process("--rate", str(RATE)) as exchange,
        crew(tmp_path, exchange, server.url, jetstream=True, timing={"gracePeriod": 600}) as relays,
        administration(server.url) as js,
    ):
        owner = await relays.lead()
        heir = await relays.follow()
        await asyncio.sleep(1)
        await js.update_stream(name=STREAM, subjects=SUBJECTS, discard="new", max_bytes=1)
        while (await info(owner))["ledger"]["in_flight"] < 100:
            await asyncio.sleep(0.05)
        ended = await _hurried(owner)
        (line,) = await said(heir, LEADER)
        await js.update_stream(name=STREAM, subjects=SUBJECTS, discard="new", max_bytes=1 << 30)
        while (await info(heir))["ledger"]["in_flight"] > 100:
            await asyncio.sleep(0.05)
        await heir.stop()
        seen = judge(await content(server.url, STREAM))

    print(f"\n{ended}\n{line}\n{seen}")
    assert (line["reason"], line["from"]) == ("owner hands over", "word")
    assert (seen.missing, seen.doubled) == (0, 0)
    assert ended["difference"] == ended["in_flight"] == 0


async def test_what_a_relay_in_a_hurry_held_is_dropped_and_counted() -> None:
    """NATS never answered, so nobody knows whose the streams are."""
    (port,) = free_ports(1)
    async with Simulator(SimulatorConfig(rates={TRADES: 1_000})) as exchange:
        config = document(exchange.url, f"nats://127.0.0.1:{port}", TRADES, identity=IDENTITY)
        async with LocalRelay(config) as relay:
            await relay.until(lambda status: status.ledger.in_flight > 100)
            relay.relay.stop()
            ledger = await relay.stop()
    assert ledger.dropped == {"shutdown": ledger.received}


async def _hurried(relay: RelayProcess) -> dict[str, object]:
    """The ledger of a relay that is told twice."""
    relay.send(signal.SIGTERM)
    await said(relay, "Stopping: no more reading, sending what waits")
    await asyncio.sleep(0.5)
    return dict((await relay.stop(timeout=10)).ledger)


async def _seen(subscriber: Subscriber) -> tuple[int, int, int]:
    await subscriber.settle()
    seen = judge(subscriber.messages)
    return seen.missing, seen.doubled, seen.reordered

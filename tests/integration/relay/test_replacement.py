"""One relay takes over from another: nothing lost, nothing doubled, on both NATS modes."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.integration.relay.crew import (
    LEADER,
    NUMBERED,
    STREAM,
    STREAMS,
    Verdict,
    crew,
    judge,
    said,
)
from tests.support.jetstream import content
from tests.support.nats_server import NatsServer
from tests.support.relay import info
from tests.support.relay_process import exchange_process
from tests.support.subscriber import Subscriber

RATE = 4_000
OWN_PATIENCE = {"silenceFloor": 10, "silenceFactor": 5}
MODES = pytest.mark.parametrize("jetstream", [False, True], ids=["core", "jetstream"])


async def verdict_of(subscriber: Subscriber, url: str, *, jetstream: bool) -> Verdict:
    """What consumers got: of JetStream those of the stream."""
    await subscriber.settle()
    return judge(await content(url, STREAM) if jetstream else subscriber.messages)


@MODES
async def test_rolling_replacements_lose_and_double_nothing(
    tmp_path: Path, *, jetstream: bool
) -> None:
    async with (
        NatsServer(jetstream=jetstream) as server,
        exchange_process("--rate", str(RATE)) as exchange,
        Subscriber(server.url, "md.>", keep=True) as subscriber,
        crew(tmp_path, exchange, server.url, jetstream=jetstream) as relays,
    ):
        relay, ledgers = await relays.lead(), []
        for _ in range(3):
            successor = await relays.follow()
            ended = await relay.stop()
            assert relay.said("Handed over")
            (line,) = await said(successor, LEADER)
            assert line["from"] == "word"
            ledgers.append(ended.ledger)
            relay = successor
        await asyncio.sleep(1)
        ledgers.append((await relay.stop()).ledger)
        seen = await verdict_of(subscriber, server.url, jetstream=jetstream)

    pause = f"longest pause {subscriber.longest_pause * 1000:.0f} ms"
    print(f"\n{seen.messages} messages over {len(ledgers)} relays, {pause}")
    assert set(seen.distinct) == set(STREAMS)
    assert (seen.missing, seen.doubled, seen.reordered) == (0, 0, 0)
    for ledger in ledgers:
        assert ledger["difference"] == ledger["in_flight"] == 0
        assert ledger["dropped"] == {}
    assert seen.messages == sum(ledger["acked" if jetstream else "published"] for ledger in ledgers)


@MODES
async def test_a_killed_owner_is_succeeded_by_its_follower(
    tmp_path: Path, *, jetstream: bool
) -> None:
    """Nothing is lost. On core NATS what the owner sent after its last word is sent again, with the same id."""
    async with (
        NatsServer(jetstream=jetstream) as server,
        exchange_process("--rate", str(RATE)) as exchange,
        Subscriber(server.url, "md.>", keep=True) as subscriber,
        crew(tmp_path, exchange, server.url, jetstream=jetstream) as relays,
    ):
        owner = await relays.lead()
        follower = await relays.follow()
        await asyncio.sleep(1)
        owner.send(signal.SIGKILL)
        (line,) = await said(follower, LEADER)
        assert line["reason"] == "owner silent"
        await asyncio.sleep(1)
        ended = await follower.stop()
        seen = await verdict_of(subscriber, server.url, jetstream=jetstream)

    print(f"\n{seen}")
    assert seen.missing == 0
    assert ended.ledger["difference"] == 0
    assert ended.ledger["dropped"] == {}
    if jetstream:
        assert (seen.doubled, seen.reordered) == (0, 0)
    else:
        assert seen.doubled <= 2 * RATE


@MODES
async def test_the_successor_of_a_killed_relay_says_what_is_missing(
    tmp_path: Path, *, jetstream: bool
) -> None:
    """On JetStream to the message, where the numbers tell; on core NATS nobody knows how far it came."""
    async with (
        NatsServer(jetstream=jetstream) as server,
        exchange_process("--rate", str(RATE)) as exchange,
        Subscriber(server.url, "md.>", keep=True) as subscriber,
        crew(tmp_path, exchange, server.url, jetstream=jetstream, streams=NUMBERED) as relays,
    ):
        owner = await relays.lead()
        await asyncio.sleep(1)
        owner.send(signal.SIGKILL)
        await owner.wait()
        successor = await relays.lead()
        (line,) = successor.said(LEADER)
        await asyncio.sleep(1)
        missing = (await info(successor))["missing_events"]
        ended = await successor.stop()
        seen = await verdict_of(subscriber, server.url, jetstream=jetstream)

    print(f"\n{line}: {missing} missing; {seen}")
    assert line["from"] == ("stream" if jetstream else "unknown")
    assert (seen.doubled, seen.reordered) == (0, 0)
    assert seen.missing > 0
    assert missing == (seen.missing if jetstream else 0)
    assert ended.ledger["difference"] == 0


@MODES
async def test_an_owner_that_comes_back_finds_another_one_and_follows(
    tmp_path: Path, *, jetstream: bool
) -> None:
    """Stopped for longer than the silence that is allowed: there is one owner at any time it can be told.

    TCP lets the exchange wait for as long again before it repeats what had found no room (RFC 6298, 5.5). By its
    own measure, ten seconds, the relay does not take that for silence: its connection stays, and nothing is lost.
    """
    async with (
        NatsServer(jetstream=jetstream) as server,
        exchange_process("--rate", str(RATE)) as exchange,
        Subscriber(server.url, "md.>", keep=True) as subscriber,
        crew(tmp_path, exchange, server.url, jetstream=jetstream, timing=OWN_PATIENCE) as relays,
    ):
        owner = await relays.lead()
        follower = await relays.follow()
        owner.send(signal.SIGSTOP)
        await said(follower, LEADER)
        owner.send(signal.SIGCONT)
        await said(owner, "Another relay has taken over")
        await asyncio.sleep(1)
        await follower.stop()
        await said(owner, LEADER, times=2)
        await asyncio.sleep(1)
        ended = await owner.stop()
        seen = await verdict_of(subscriber, server.url, jetstream=jetstream)

    print(f"\n{seen}")
    assert seen.missing == 0
    assert ended.ledger["difference"] == 0
    if jetstream:
        assert seen.doubled == 0


async def test_of_two_successors_one_takes_over_and_the_other_follows_it(tmp_path: Path) -> None:
    async with (
        NatsServer() as server,
        exchange_process("--rate", str(RATE)) as exchange,
        Subscriber(server.url, "md.>", keep=True) as subscriber,
        crew(tmp_path, exchange, server.url, jetstream=False) as relays,
    ):
        owner = await relays.lead()
        first, second = await relays.follow(), await relays.follow()
        await owner.stop()
        await said(first, LEADER)
        await asyncio.sleep(1)
        assert not second.said(LEADER)
        await first.stop()
        await said(second, LEADER)
        await asyncio.sleep(1)
        await second.stop()
        seen = await verdict_of(subscriber, server.url, jetstream=False)

    print(f"\n{seen}")
    assert (seen.missing, seen.doubled, seen.reordered) == (0, 0, 0)


async def test_a_follower_that_stops_leaves_everything_to_the_owner(tmp_path: Path) -> None:
    async with (
        NatsServer() as server,
        exchange_process("--rate", str(RATE)) as exchange,
        Subscriber(server.url, "md.>", keep=True) as subscriber,
        crew(tmp_path, exchange, server.url, jetstream=False) as relays,
    ):
        owner = await relays.lead()
        follower = await relays.follow()
        ended = await follower.stop()
        assert ended.ledger["published"] == 0
        assert ended.ledger["received"] == ended.ledger["duplicate"] > 0
        assert ended.ledger["dropped"] == {}
        await owner.stop()
        seen = await verdict_of(subscriber, server.url, jetstream=False)

    assert (seen.missing, seen.doubled, seen.reordered) == (0, 0, 0)


async def test_nats_restarted_makes_no_second_owner(tmp_path: Path) -> None:
    async with (
        NatsServer() as server,
        exchange_process("--rate", str(RATE)) as exchange,
        crew(tmp_path, exchange, server.url, jetstream=False) as relays,
    ):
        owner = await relays.lead()
        follower = await relays.follow()
        for times in (2, 3):
            await server.restart()
            await said(owner, "Connected to NATS", times)
            await said(follower, "Connected to NATS", times)
            await asyncio.sleep(1)
        assert not follower.said(LEADER)
        await owner.stop()
        (line,) = await said(follower, LEADER)
        assert line["from"] == "word"
        await follower.stop()


async def test_without_permission_to_ask_it_takes_the_streams_after_a_while(tmp_path: Path) -> None:
    """The account may publish its data and no more; nothing of that counts as refused data."""
    user = '{ user: u, password: p, permissions: { publish: "md.>" } }'
    accounts = f"authorization {{ users: [{user}] }}\n"
    async with (
        NatsServer(accounts) as server,
        exchange_process("--rate", "100") as exchange,
        crew(
            tmp_path,
            exchange,
            server.url.replace("nats://", "nats://u:p@"),
            jetstream=False,
        ) as relays,
    ):
        relay = await relays.start()
        (line,) = await said(relay, LEADER)
        assert line["reason"] == "owner silent"
        await asyncio.sleep(1)
        ended = await relay.stop()
    assert ended.ledger["published"] > 0
    assert ended.ledger["unconfirmed"] == 0

"""Mutated messages and mutated WebSocket frames through a whole relay, from a socket to a real nats-server.

Two oracles say what has to arrive: `frame_mutation.read_wire` of a connection's bytes, `fates.fate_of` of a message.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.faults.fates import FAULTS, MESSAGE, SHUTDOWN, Fate, fate_of
from tests.faults.frame_mutation import broken_wire, legal, read_wire, segments
from tests.faults.mutation import STREAMS, messages
from tests.faults.reading_sink import open_envelope
from tests.faults.timing import most
from tests.support.nats_server import NatsServer
from tests.support.raw_websocket import Peer, Script, serve
from tests.support.relay import document, info
from tests.support.relay_process import Ended, RelayProcess
from tests.support.subscriber import Subscriber
from tests.unit.relay.core.frames import wrap

MESSAGES = 20_000
CONNECTIONS = 150
BUDGET, WINDOW = 30, 3.0
"""Connects, and seconds: what the relay may by default, a hundred times faster."""
SLACK = 0.2 * WINDOW
"""By so much may connects move together on their way from a busy process to this one."""
MEMORY = 64 << 20
"""What the relay may take beyond its size at the start: the largest message is kept by socket, buffer and NATS."""
LARGE = 1_000_000
"""Bytes; NATS takes a little more. None of the messages is so large that it might just fit."""
CLIENTS = pytest.mark.parametrize("client", ["picows", "websockets"])


class Expected:
    """What was sent, and must have become of it."""

    def __init__(self) -> None:
        self.messages: list[Fate] = []
        self.dropped: Counter[str] = Counter()

    def add(self, wire: bytes) -> None:
        """A connection delivers these bytes, and then nothing."""
        read = read_wire(wire)
        self.dropped["binary"] += read.binary
        for fate in map(fate_of, read.messages):
            if fate.kind in FAULTS:
                self.dropped[fate.kind] += 1
            elif fate.kind == MESSAGE and len(fate.payload) > LARGE:
                self.dropped["oversize"] += 1
            elif fate.kind == MESSAGE:
                self.messages.append(fate)

    @property
    def received(self) -> int:
        return len(self.messages) + self.dropped.total()


@CLIENTS
@pytest.mark.timeout(180)
async def test_mutated_messages_leave_the_connection_as_it_is(
    client: str, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    seed, expected = pytestconfig.getoption("seed"), Expected()
    random = Random(f"{seed} messages")
    wire = [legal(random, message) for message in _no_notices(random, MESSAGES)]
    expected.add(b"".join(wire))

    async def script(peer: Peer) -> None:
        connects.append(_now())
        await peer.upgrade()
        reading = asyncio.create_task(peer.receive_end())
        for each in wire:
            await peer.write(each)
        await reading

    connects: list[float] = []
    async with world(tmp_path, client, script) as (relay, subscriber):
        sizes = [relay.rss()]
        async with asyncio.timeout(120):
            while not _done(await info(relay), expected):
                sizes.append(relay.rss())
                await asyncio.sleep(0.05)
        ended = await relay.stop()
        await subscriber.settle()

    check(expected, ended.ledger, subscriber)
    print(f"\n{client}, seed {seed}: {MESSAGES:,} messages, {_words(ended)}; {_range(sizes)}")
    assert len(connects) == 1
    assert max(sizes) - sizes[0] < MEMORY


@CLIENTS
@pytest.mark.timeout(180)
async def test_mutated_frames_end_the_connection_and_nothing_else(
    client: str, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """Each connection brings some messages and a broken frame; the next one comes as the budget has it."""
    seed, expected = pytestconfig.getoption("seed"), Expected()
    random = Random(f"{seed} frames")
    wires = list(_wires(random))
    left = iter(wires)
    connects: list[float] = []
    finished = asyncio.Event()

    async def script(peer: Peer) -> None:
        connects.append(_now())
        wire = next(left, None)
        if wire is None:
            finished.set()
            await peer.upgrade()
            await peer.finish()
            return
        expected.add(wire)
        await peer.upgrade()
        with contextlib.suppress(OSError):  # the client had enough
            for piece in segments(random, wire, read_wire(wire).end):
                await peer.write(piece)
                await asyncio.sleep(0)
            peer.writer.write_eof()
        await peer.receive_end()

    async with world(tmp_path, client, script) as (relay, subscriber):
        sizes = [relay.rss()]
        async with asyncio.timeout(120):
            while not finished.is_set():
                sizes.append(relay.rss())
                await asyncio.sleep(0.1)
            while not _done(await info(relay), expected):
                await asyncio.sleep(0.05)
        ended = await relay.stop()
        await subscriber.settle()

    check(expected, ended.ledger, subscriber)
    print(f"\n{client}, seed {seed}: {len(connects)} connections, {_words(ended)}; {_range(sizes)}")
    assert len(connects) == CONNECTIONS + 1
    assert most(connects, WINDOW - SLACK) <= BUDGET
    assert max(sizes) - sizes[0] < MEMORY


@CLIENTS
@pytest.mark.timeout(120)
async def test_mutated_messages_amid_notices_of_shutdown(
    client: str, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """The relay changes connections all the while, both deliver, and nothing goes without an account."""
    seed = pytestconfig.getoption("seed")
    random = Random(f"{seed} notices")
    sent: set[tuple[str, bytes]] = set()
    connects: list[float] = []

    async def script(peer: Peer) -> None:
        connects.append(_now())
        await peer.upgrade()
        reading = asyncio.create_task(peer.receive_end())
        try:
            while not reading.done():
                number = int(_now() * 50)  # both connections show the same event at a time
                frames = [*messages(random, 40), *(wrap(n, {"t": number}) for n in STREAMS)]
                fates = map(fate_of, frames)
                sent.update((fate.stream, fate.payload) for fate in fates if fate.kind == MESSAGE)
                await peer.write(b"".join(legal(random, each) for each in frames))
                await asyncio.sleep(0.02)
        finally:
            reading.cancel()

    async with world(tmp_path, client, script) as (relay, subscriber):
        sizes = [relay.rss()]
        until = _now() + 6
        while _now() < until:
            assert (await info(relay))["ledger"]["difference"] == 0
            sizes.append(relay.rss())
            await asyncio.sleep(0.05)
        handovers = (await info(relay))["handovers"]
        ended = await relay.stop()
        await subscriber.settle()

    ledger = ended.ledger
    print(
        f"\n{client}, seed {seed}: {len(connects)} connections, {handovers}, {_words(ended)}; {_range(sizes)}"
    )
    assert (ended.code, ledger["difference"], ledger["in_flight"]) == (0, 0, 0)
    assert subscriber.count == ledger["published"] > 500
    assert set(_arrived(subscriber)) <= sent
    assert min(sum(handovers.values()), len(connects)) > 2
    assert most(connects, WINDOW - SLACK) <= BUDGET
    assert max(sizes) - sizes[0] < MEMORY


@asynccontextmanager
async def world(
    folder: Path, client: str, script: Script
) -> AsyncIterator[tuple[RelayProcess, Subscriber]]:
    """A relay in a process of its own, between a server that follows the script and a real nats-server."""
    timing = {
        "breakerFailures": 1_000_000,
        "connectsPerWindow": BUDGET,
        "connectWindow": WINDOW,
        "handoverTimeout": 0.2,
        "healthyAfter": 0.1,
    }
    async with NatsServer() as server, serve(script) as url:
        config = document(url, server.url, *STREAMS, timing=timing, transport=client)
        config["nats"]["subject"] = "fuzz.{symbol}.{channel}.{stream}"
        config["buffer"] = {"maxMessages": 1_000_000, "maxBytes": 1 << 30}
        config["reconnect"] = {"initialDelaySeconds": 0.01, "maxDelaySeconds": 0.02}
        async with (
            Subscriber(server.url, "fuzz.>", keep=True) as subscriber,
            RelayProcess(folder, config) as relay,
        ):
            yield relay, subscriber


def check(expected: Expected, ledger: Any, subscriber: Subscriber) -> None:
    """Every message arrived, in order and as it came, and all others are counted by their fault."""
    assert ledger["dropped"] == dict(+expected.dropped)
    assert ledger["received"] == expected.received
    assert ledger["published"] == subscriber.count == len(expected.messages)
    assert (ledger["difference"], ledger["duplicate"], ledger["unconfirmed"]) == (0, 0, 0)
    wanted = [(fate.stream, fate.payload) for fate in expected.messages]
    assert list(_arrived(subscriber)) == wanted


def _arrived(subscriber: Subscriber) -> Iterator[tuple[str, bytes]]:
    for envelope in map(open_envelope, subscriber.payloads):
        yield envelope.stream, envelope.payload


def _done(described: dict[str, Any], expected: Expected) -> bool:
    ledger = described["ledger"]
    assert ledger["received"] <= expected.received, described
    assert ledger["difference"] == 0
    return bool(ledger["received"] == expected.received and ledger["in_flight"] == 0)


def _no_notices(random: Random, count: int) -> list[bytes]:
    """Mutated messages of which none is the notice of a shutdown: those end connections."""
    made = (frame for frame in messages(random, 2 * count) if not LARGE < len(frame) < 1.1 * LARGE)
    return list(islice((frame for frame in made if fate_of(frame).kind != SHUTDOWN), count))


def _wires(random: Random) -> Iterator[bytes]:
    payloads = _no_notices(random, 40 * CONNECTIONS)
    made = 0
    while made < CONNECTIONS:
        wire = broken_wire(random, random.sample(payloads, random.randint(1, 60)))
        if all(fate_of(message).kind != SHUTDOWN for message in read_wire(wire).messages):
            made += 1
            yield wire


def _words(ended: Ended) -> str:
    counts = {key: ended.ledger[key] for key in ("received", "published", "duplicate", "dropped")}
    return f"{counts}, difference {ended.ledger['difference']}"


def _range(sizes: list[int]) -> str:
    return f"RSS {sizes[0] / 1e6:.0f} MB at the start, {max(sizes) / 1e6:.0f} MB at most"


def _now() -> float:
    return asyncio.get_running_loop().time()

"""The session against a real nats-server, counted by a subscriber that shares no code with it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random

import pytest

from streamset_relay.nats_connection import HIGH_WATER
from streamset_relay.nats_session import NatsSession
from tests.support.nats_server import NatsServer, free_ports
from tests.support.subscriber import Subscriber

BATCH = 10


@dataclass(frozen=True)
class Timing:
    nats_ping_timeout: float = 0.5
    nats_backoff_max: float = 0.2
    confirm_interval: float = 0.05


async def test_counts_what_arrives(nats_server: NatsServer, subscriber: Subscriber) -> None:
    async with running(nats_server.url) as session:
        await publish(session, 200)
        assert await session.drain(5)

        assert (session.written, session.published, session.unconfirmed) == (2000, 2000, 0)
        assert await subscriber.settle() == 2000
        assert subscriber.payloads == [b"%08d" % number for number in range(2000)]


async def test_confirms_while_idle(nats_server: NatsServer) -> None:
    async with running(nats_server.url) as session:
        await publish(session, 1)
        await until(lambda: session.published == BATCH)
        confirmed = session.last_confirmed_at or 0.0
        assert confirmed > 0

        await until(lambda: (session.last_confirmed_at or 0.0) > confirmed)
        assert session.rtt is not None
        assert session.breaker == "closed"


async def test_tells_server_and_limits() -> None:
    async with NatsServer("max_payload: 70000") as server, running(server.url) as session:
        await session.wait_ready()
        assert (session.server, session.max_payload) == (server.url, 70000)


@pytest.mark.parametrize("seed", range(3))
async def test_server_killed_while_publishing(
    nats_server: NatsServer, subscriber: Subscriber, seed: int
) -> None:
    """SIGKILL at random moments: what arrived lies between what the session knows and what it fears."""
    random = Random(seed)
    async with running(nats_server.url) as session, asyncio.TaskGroup() as group:
        await session.wait_ready()
        # Only while the witness listens, so that it misses nothing on its own side.
        publishing = group.create_task(publish(session, 800, pause=0.001, after=subscriber))
        for _ in range(3):
            await asyncio.sleep(random.uniform(0.02, 0.2))
            await nats_server.kill()
            await until(lambda: not session.connected)
            await nats_server.restart()
            await until(lambda: session.connected)
        await publishing
        assert await session.drain(5)

        assert session.reconnects == 3
        assert session.published + session.unconfirmed == session.written == 800 * BATCH
        count = await subscriber.settle()
        assert session.published <= count <= session.published + session.unconfirmed
        assert session.published > 0


async def test_silent_server_is_noticed_and_does_not_fill_memory(
    nats_server: NatsServer, subscriber: Subscriber
) -> None:
    """SIGSTOP with data on the way: a half-open connection that TCP alone would keep for minutes."""
    async with running(nats_server.url) as session:
        await publish(session, 10)
        assert await session.drain(5)
        nats_server.pause()

        filled = await fill(session)
        assert filled < 64 * 1024 * 1024  # kernel buffers and the high-water mark, no more
        await until(lambda: session.breaker == "open")
        assert session.unconfirmed == session.written - session.published > 0
        assert not session.connected

        nats_server.resume()
        await session.wait_ready()
        await publish(session, 10)
        assert await session.drain(5)
        assert session.published == 20 * BATCH


async def test_silent_server_replaced_by_a_restart(nats_server: NatsServer) -> None:
    async with running(nats_server.url) as session:
        await session.wait_ready()
        nats_server.pause()
        await until(lambda: not session.connected)
        await nats_server.kill()
        await nats_server.restart()

        await publish(session, 10)
        assert await session.drain(5)
        assert session.published == 10 * BATCH


async def test_transport_holds_no_more_than_its_limit(nats_server: NatsServer) -> None:
    timing = Timing(nats_ping_timeout=30)
    async with running(nats_server.url, timing=timing) as session:
        await session.wait_ready()
        nats_server.pause()
        await fill(session)
        connection = session._connection
        assert connection is not None
        held = connection._transport.get_write_buffer_size()
        assert HIGH_WATER <= held < HIGH_WATER + 2 * FILL
        assert session.connected
        nats_server.resume()
        assert await session.drain(10)
        assert session.published == session.written > 0


async def test_absent_server_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    port = free_ports(1)[0]
    async with running(f"nats://127.0.0.1:{port}") as session:
        waiting = asyncio.create_task(session.wait_ready())
        await until(lambda: session.last_error is not None)
        await asyncio.sleep(0.5)  # several attempts
        assert not waiting.done()
        assert not session.connected
        assert sum(r.message == "Cannot connect to NATS" for r in caplog.records) == 1
        async with NatsServer(port=port):
            await waiting
            assert session.breaker == "closed"
            assert session.connects == 1
    assert [r.message for r in caplog.records].count("Connected to NATS") == 1


async def test_lame_duck_is_left_without_a_loss() -> None:
    async with (
        NatsServer(LAME_DUCK) as first,
        NatsServer(LAME_DUCK) as second,
        Subscriber(first.url) as at_first,
        Subscriber(second.url) as at_second,
        running(first.url, second.url) as session,
        asyncio.TaskGroup() as group,
    ):
        await publish(session, 10)
        assert await session.drain(5)
        old, new = (first, second) if session.server == first.url else (second, first)
        publishing = group.create_task(publish(session, 400, pause=0.001))
        old.lame_duck()
        await until(lambda: session.server == new.url)
        await publishing
        assert await session.drain(5)

        assert (session.published, session.unconfirmed) == (410 * BATCH, 0)
        await until(lambda: at_first.count + at_second.count == 410 * BATCH)
        assert min(at_first.count, at_second.count) >= 10 * BATCH


async def test_lame_duck_without_a_successor_is_used_to_its_end() -> None:
    async with NatsServer(LAME_DUCK) as server, running(server.url) as session:
        await publish(session, 1)
        server.lame_duck()
        await until(lambda: session._link.state == "leaving")
        await publish(session, 1)
        await until(lambda: session.published == 2 * BATCH)

        await server.exited(10)
        await until(lambda: not session.connected)
        await server.restart()
        await publish(session, 1)
        assert await session.drain(5)
        assert (session.published, session.unconfirmed) == (3 * BATCH, 0)


async def test_too_big_a_message_costs_the_connection_and_no_more() -> None:
    async with NatsServer("max_payload: 1000") as server, running(server.url) as session:
        await session.wait_ready()
        session.write(b"PUB too.big 2000\r\n" + b"x" * 2000 + b"\r\n", 1)
        await until(lambda: session.reconnects == 1 and session.connected)
        assert "maximum payload" in (session.last_error or "")
        assert (session.published, session.unconfirmed) == (0, 1)

        await publish(session, 1)
        assert await session.drain(5)
        assert session.published == BATCH


async def test_denied_messages_are_not_published() -> None:
    users = '{user: relay, password: pw, permissions: {publish: {deny: ["secret.>"]}}}'
    port = free_ports(1)[0]
    async with (
        NatsServer(f"authorization {{ users: [{users}] }}", port=port),
        running(f"nats://relay:pw@127.0.0.1:{port}") as session,
    ):
        await publish(session, 5)
        await publish(session, 3, subject="secret.thing")
        await publish(session, 5)
        assert not await session.drain(5)

        assert (session.published, session.unconfirmed) == (10 * BATCH, 3 * BATCH)
        assert session.denied == 3 * BATCH
        assert session.reconnects == 0
        assert "permissions violation" in (session.last_error or "")


async def test_refused_credentials_are_tried_again_and_told_to_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    port = free_ports(1)[0]
    async with (
        NatsServer(USER.format("other"), port=port) as server,
        running(f"nats://relay:s3cr%2Ft@127.0.0.1:{port}") as session,
    ):
        await until(lambda: "Authorization Violation" in (session.last_error or ""))
        server.reconfigure(USER.format("s3cr/t"))
        await session.wait_ready()
        told = f"{session.last_error} {session.server} {session!r}"
    for record in caplog.records:
        told += f" {record.getMessage()} {record.__dict__}"
    assert "refused" in told
    assert "s3cr" not in told


async def test_stops_in_time_while_nats_is_away() -> None:
    session = NatsSession(
        [f"nats://127.0.0.1:{free_ports(1)[0]}"], name="t", timing=Timing(), rng=Random(1)
    )
    running = asyncio.create_task(session.run())
    await until(lambda: session.last_error is not None)
    async with asyncio.timeout(5):
        assert await session.drain(1)
        await session.stop(1)
        await running
    assert session.breaker == "open"


async def test_stops_in_time_while_the_server_is_silent(nats_server: NatsServer) -> None:
    session = NatsSession([nats_server.url], name="t", timing=Timing(30, 1, 0.05), rng=Random(1))
    running = asyncio.create_task(session.run())
    await publish(session, 1)
    assert await session.drain(5)
    nats_server.pause()
    await fill(session)
    async with asyncio.timeout(10):
        assert not await session.drain(0.2)
        await session.stop(0.2)
        await running
    assert session.published == BATCH
    assert session.unconfirmed == session.written - BATCH > 0


@pytest.mark.parametrize("seed", range(8))
async def test_stops_at_any_moment(nats_server: NatsServer, seed: int) -> None:
    """Whatever it is doing: connecting, cutting, waiting. No task and no socket stays behind."""
    random = Random(seed)
    session = NatsSession([nats_server.url], name="t", timing=Timing(0.05, 0.1, 0.02), rng=random)
    running = asyncio.create_task(session.run())
    await publish(session, 10)
    if seed % 2:
        nats_server.pause()
        await fill(session)
    else:
        await nats_server.kill()
    await asyncio.sleep(random.uniform(0.0, 0.3))
    async with asyncio.timeout(5):
        await session.stop(1)
        await running
    assert session.pending == 0


async def test_stops_at_every_step_of_connecting(nats_server: NatsServer) -> None:
    for steps in range(60):
        session = NatsSession([nats_server.url], name="t", timing=Timing(), rng=Random(1))
        running = asyncio.create_task(session.run())
        for _ in range(steps):
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await session.stop(1)
            await running


async def test_a_bug_ends_the_run(nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(self: NatsSession) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(NatsSession, "_beat", broken)
    session = NatsSession([nats_server.url], name="t", timing=Timing(), rng=Random(1))
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(session.run(), 5)


FILL = 100_000
LAME_DUCK = 'lame_duck_duration: "30s"\nlame_duck_grace_period: "1s"\n'
USER = 'authorization {{ user: relay, password: "{}" }}'


@asynccontextmanager
async def running(*servers: str, timing: Timing | None = None) -> AsyncIterator[NatsSession]:
    session = NatsSession(servers, name="test", timing=timing or Timing(), rng=Random(7))
    task = asyncio.create_task(session.run())
    try:
        yield session
    finally:
        await session.stop(2)
        await task
        assert session.written == session.published + session.unconfirmed
        assert session.pending == 0


async def publish(
    session: NatsSession,
    batches: int,
    *,
    subject: str = "test.subject",
    pause: float | None = None,
    after: Subscriber | None = None,
) -> None:
    """Write batches of numbered messages, the way the pipeline does."""
    for _ in range(batches):
        if after is not None:
            await after.wait_subscribed()
        await session.wait_ready()
        numbers = range(session.written, session.written + BATCH)
        lines = [f"PUB {subject} 8\r\n{number:08d}\r\n".encode() for number in numbers]
        session.write(b"".join(lines), BATCH)
        if pause is not None:
            await asyncio.sleep(pause)


async def fill(session: NatsSession) -> int:
    """Write until the transport is full; how many bytes it took."""
    line = b"PUB test.filling %d\r\n%b\r\n" % (FILL, b"x" * FILL)
    filled = 0
    try:
        while True:
            async with asyncio.timeout(0.2):
                await session.wait_ready()
            session.write(line, 1)
            filled += len(line)
    except TimeoutError:
        return filled


async def until(condition: Callable[[], bool], timeout: float = 10.0) -> None:
    async with asyncio.timeout(timeout):
        while not condition():
            await asyncio.sleep(0.01)

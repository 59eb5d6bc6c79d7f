"""What goes wrong between the relay and JetStream: the stream holds each message once, in order, all the same."""

import asyncio
from random import Random

import pytest

from streamset_api.nats import Discard, JetStreamCreate
from streamset_relay.core.batch import Batch
from streamset_relay.core.window import EXPIRED, UNACKED, UNACKED_AT_STOP, Limits
from streamset_relay.jetstream_sink import JetStreamSink
from tests.integration.jetstream.feed import NAMES, STREAM, WIDE, Timing, feeding, make, until
from tests.support.jetstream import administration, content, count
from tests.support.nats_server import NatsServer

RATE = 5_000
LAME_DUCK = 'lame_duck_duration: "30s"\nlame_duck_grace_period: "1s"\n'


@pytest.mark.parametrize("seed", range(4))
async def test_a_server_killed_at_random_times_has_everything_once(seed: int) -> None:
    """SIGKILL in full flow: what was stored without an answer is recognised, what was not is sent again."""
    random = Random(seed)
    async with NatsServer(jetstream=True) as server, feeding(server.url) as feed:
        async with asyncio.TaskGroup() as tasks:
            flow = tasks.create_task(feed.run(20_000, RATE))
            for attempt in range(3):
                await asyncio.sleep(random.uniform(0.1, 0.8))
                if (
                    attempt == 0
                ):  # a stopped one answers nothing: what is put now must be sent again
                    server.pause()
                    await feed.more_sent_off()
                await server.kill()
                await asyncio.sleep(random.uniform(0.0, 0.3))
                await server.restart()
                await until(lambda: feed.sink.link.connected)
            await flow
        await feed.drained()
        assert feed.dropped == {}
        assert feed.sink.link.reconnects == 3
        feed.check(await content(server.url, STREAM))
        account = feed.sink.account.jetstream
        assert account is not None
        assert account.resent > 0
        print(f"\n{feed.put} messages, 3 kills: {account}")


async def test_a_server_that_hangs_for_five_seconds_has_everything_once() -> None:
    """SIGSTOP: half-open, with data on the way on both connections when it goes on."""
    async with NatsServer(jetstream=True) as server, feeding(server.url) as feed:
        async with asyncio.TaskGroup() as tasks:
            flow = tasks.create_task(feed.run(8 * RATE // 2, RATE // 2))
            await asyncio.sleep(0.5)
            server.pause()
            await asyncio.sleep(5)
            server.resume()
            await flow
        await feed.drained()
        assert feed.dropped == {}
        feed.check(await content(server.url, STREAM))


async def test_answers_that_come_late_on_a_living_connection() -> None:
    """Overdue, so everything is sent again; then both sendings are answered."""
    timing = Timing(nats_ping_timeout=30)
    limits = WIDE._replace(timeout=0.3)
    async with (
        NatsServer(jetstream=True) as server,
        feeding(server.url, timing=timing, limits=limits) as feed,
    ):
        await feed.run(1_000)
        await feed.drained()
        for _ in range(3):
            server.pause()
            await feed.run(1_000)
            await asyncio.sleep(1)
            server.resume()
            await feed.run(1_000)
        await feed.drained()
        feed.check(await content(server.url, STREAM))
        assert feed.sink.link.reconnects == 0
        account = feed.sink.account.jetstream
        assert account is not None
        assert account.duplicate_answers > 0, "nothing was stored twice over"


async def test_a_stream_that_is_deleted_is_made_anew_and_gets_what_had_no_answer() -> None:
    async with NatsServer(jetstream=True) as server, feeding(server.url) as feed:
        await feed.run(2_000)
        await feed.drained()
        async with administration(server.url) as js:
            await js.delete_stream(STREAM)
            await feed.run(2_000)
            await feed.drained()
        stored = await content(server.url, STREAM)
        assert len(stored) == 2_000
        assert feed.dropped == {}
        account = feed.sink.account.jetstream
        assert account is not None
        assert account.acked == 4_000


async def test_a_stream_that_is_deleted_in_full_flow_is_missed_and_then_gets_the_rest() -> None:
    """Without `create` somebody else has to make it; meanwhile it is said what is missing."""
    async with NatsServer(jetstream=True) as server, administration(server.url) as js:
        await js.add_stream(name=STREAM, subjects=["md.>"], duplicate_window=120)
        async with feeding(server.url, create=None) as feed:
            async with asyncio.TaskGroup() as tasks:
                flow = tasks.create_task(feed.run(15_000, RATE))
                await asyncio.sleep(0.5)
                await js.delete_stream(STREAM)
                await until(lambda: feed.sink.link.failure == "StreamMissing")
                assert not feed.sink.ready
                before = feed.sink.account.jetstream
                await js.add_stream(name=STREAM, subjects=["md.>"], duplicate_window=120)
                await flow
            await feed.drained()
            assert feed.sink.link.failure is None
            after = feed.sink.account.jetstream
            assert before is not None
            assert after is not None
            assert feed.dropped == {}
            assert after.acked == 15_000
            stored = await content(server.url, STREAM)
            assert len(stored) >= 15_000 - before.acked - 4096


async def test_a_full_stream_is_waited_for_and_then_filled_in_order() -> None:
    full = JetStreamCreate(subjects=("md.>",), discard=Discard.NEW, max_bytes=400_000)
    async with NatsServer(jetstream=True) as server, feeding(server.url, create=full) as feed:
        await feed.run(2_000)
        await until(lambda: feed.sink.link.failure == "StreamFull")
        assert "maximum bytes exceeded" in (feed.sink.link.last_error or "")
        stored = await content(server.url, STREAM)
        assert 0 < len(stored) < 2_000
        await asyncio.sleep(1)  # several tries with ever less
        account = feed.sink.account.jetstream
        assert account is not None
        assert account.window_limit < 100

        async with administration(server.url) as js:
            await js.update_stream(
                name=STREAM, subjects=["md.>"], discard="new", max_bytes=50_000_000
            )
        await feed.drained()
        assert feed.sink.link.connected
        feed.check(await content(server.url, STREAM))


async def test_what_a_full_stream_never_took_is_dropped_for_that_reason() -> None:
    full = JetStreamCreate(subjects=("md.>",), discard=Discard.NEW, max_bytes=100_000)
    limits = WIDE._replace(lifetime=1.0, ttl=1.0)
    async with (
        NatsServer(jetstream=True) as server,
        feeding(server.url, create=full, limits=limits) as feed,
    ):
        await feed.run(1_000)
        await feed.drained()
        assert feed.dropped.keys() <= {"stream_full", "expired"}
        assert feed.dropped["stream_full"] > 0
        feed.check(await content(server.url, STREAM), missing=sum(feed.dropped.values()))


async def test_an_ingest_queue_that_overflows_is_answered_by_sending_less() -> None:
    """429: the server takes but few messages at a time. Neighbours may be inverted, and are counted."""
    async with (
        NatsServer(jetstream="max_buffered_msgs: 50") as server,
        feeding(server.url, padding=2_000) as feed,
    ):
        for _ in range(10):
            feed.batch(500)
            await asyncio.sleep(0.02)
        await feed.drained(60)
        account = feed.sink.account.jetstream
        assert account is not None
        assert account.resent > 0, "nothing was refused: the test proves nothing"
        stored = await content(server.url, STREAM)
        feed.check(stored, in_order=False)
        assert account.reordered == feed.inverted(stored)
        print(f"\n{account}")


async def test_no_responders_lose_nothing() -> None:
    """JetStream goes away for a while under a server that stays."""
    async with NatsServer(jetstream=True) as server, feeding(server.url) as feed:
        await feed.run(1_000)
        await feed.drained()
        async with administration(server.url) as js:
            await js.update_stream(name=STREAM, subjects=["other.>"])
            await feed.run(1_000)
            await until(lambda: feed.sink.link.failure == "SubjectNotInStream")
            assert "md." in (feed.sink.link.last_error or "")
            assert (await js.stream_info(STREAM)).state.messages == 1_000
            await js.update_stream(name=STREAM, subjects=["md.>"])
        await feed.drained()
        feed.check(await content(server.url, STREAM))


async def test_what_nobody_answered_in_time_is_dropped_and_not_sent_again() -> None:
    """Past the duplicate window a repetition might be stored twice."""
    limits = Limits(messages=100, bytes=1 << 20, timeout=0.5, lifetime=1.0, ttl=60.0)
    async with NatsServer(jetstream=True) as server, feeding(server.url, limits=limits) as feed:
        await feed.run(500)
        await feed.drained()
        await server.kill()
        await until(lambda: not feed.sink.link.connected)
        feed.batch(300)  # waits in the buffer
        await server.restart()
        await until(lambda: feed.sink.link.connected)
        await feed.drained()
        assert feed.dropped == {}

        server.pause()
        feed.batch(300)
        await until(lambda: feed.dropped.get(UNACKED, 0) == 100)
        server.resume()
        await feed.drained()
        assert feed.dropped == {UNACKED: 100}
        stored = await count(server.url, STREAM)
        assert 1_000 <= stored <= 1_100  # what was written did arrive in the end
        assert feed.accounted == feed.put


async def test_stopping_with_the_server_away_counts_what_is_left() -> None:
    async with NatsServer(jetstream=True) as server, feeding(server.url) as feed:
        await feed.run(500)
        await feed.drained()
        server.pause()
        feed.batch(200)
        assert not await feed.sink.drain(0.3)
        await feed.sink.stop(0.3)
        assert feed.dropped == {UNACKED_AT_STOP: 200}
        server.resume()


async def test_an_acknowledged_drain_leaves_nothing() -> None:
    async with NatsServer(jetstream=True) as server, feeding(server.url) as feed:
        await until(lambda: feed.sink.ready)
        feed.batch(3_000)
        assert await feed.sink.drain(10)
        account = feed.sink.account
        assert account.pending == 0
        feed.check(await content(server.url, STREAM))


async def test_a_drain_ends_when_the_last_messages_expire() -> None:
    """They have waited for the stream to be looked at, and are too old by the time they could be written."""
    async with NatsServer(jetstream=True) as server, feeding(server.url) as feed:
        feed.put = 3
        messages = [(feed.streams.get(NAMES[0]), b"{}", number) for number in range(feed.put)]
        now = asyncio.get_running_loop().time()
        feed.sink.send([Batch(0, now - WIDE.ttl - 1, messages, 6)], now)
        async with asyncio.timeout(20):
            assert await feed.sink.drain(600)
        assert feed.dropped == {EXPIRED: 3}


async def test_a_server_in_lame_duck_mode_is_left_without_a_loss() -> None:
    """Two servers that share nothing: what the first has taken stays there, the rest goes to the second."""
    async with (
        NatsServer(LAME_DUCK, jetstream=True) as first,
        NatsServer(LAME_DUCK, jetstream=True) as second,
        feeding(first.url, second.url) as feed,
    ):
        await feed.run(500)
        await feed.drained()
        old, new = (first, second) if feed.server == first.url else (second, first)
        async with asyncio.TaskGroup() as tasks:
            flow = tasks.create_task(feed.run(4_000, RATE))
            old.lame_duck()
            await until(lambda: feed.server == new.url)
            await flow
        await feed.drained()
        assert feed.dropped == {}
        await old.restart()
        stored = [*await content(old.url, STREAM), *await content(new.url, STREAM)]
        assert len({message.payload for message in stored}) == feed.put


async def test_a_server_without_space_is_told_of_and_waited_for() -> None:
    """The stream is right and refuses all the same: that shows only when it lasts."""
    async with (
        NatsServer(jetstream="max_file_store: 2MB") as server,
        feeding(server.url, padding=2_000) as feed,
        administration(server.url) as js,
    ):
        await js.add_stream(name="OTHER", subjects=["other"])
        await js.publish("other", b"x" * 900_000)
        await feed.run(2_000)
        await until(lambda: feed.sink.link.failure == "JetStreamUnavailable")
        assert "resources" in (feed.sink.link.last_error or "")
        assert not feed.sink.link.connected
        await js.delete_stream("OTHER")
        await until(lambda: feed.sink.link.connected)
        stored = await content(server.url, STREAM)
        assert len(stored) > 300
        feed.pipeline.buffer.drop_all("shutdown")


async def test_a_bug_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(JetStreamSink, "_check", broken)
    async with NatsServer(jetstream=True) as server:
        sink, _, _ = make(server.url)
        with pytest.raises(ExceptionGroup) as caught:
            await asyncio.wait_for(sink.run(), 5)
        assert caught.group_contains(ZeroDivisionError)


@pytest.mark.parametrize("seed", range(6))
async def test_stops_at_any_moment(seed: int) -> None:
    """Whatever it is doing: connecting, checking, sending again. No task stays, and every message counts."""
    random = Random(seed)
    async with NatsServer(jetstream=True) as server, feeding(server.url) as feed:
        await until(lambda: feed.sink.ready)
        feed.batch(2_000)
        match seed % 3:
            case 0:
                server.pause()
            case 1:
                await server.kill()
        await asyncio.sleep(random.uniform(0.0, 0.3))
        async with asyncio.timeout(5):
            await feed.sink.stop(1)
        assert feed.sink.account.pending == 0
        server.resume()

"""The stream itself: made when asked to, looked at before anything is published, and again until it is right."""

import asyncio

import pytest
from nats.js.api import StreamConfig, StreamSource

from streamset_api.nats import Discard, JetStreamCreate, Storage
from tests.integration.jetstream.feed import STREAM, WIDE, Timing, feeding, until
from tests.support.jetstream import administration, content, count
from tests.support.nats_server import NatsServer, free_ports

QUICK = Timing(ack_timeout=0.4)


async def test_is_created_as_described() -> None:
    create = JetStreamCreate(
        storage=Storage.MEMORY, max_age_seconds=600, max_bytes=1_000_000, discard=Discard.NEW
    )
    async with NatsServer(jetstream=True) as server, feeding(server.url, create=create) as feed:
        await feed.run(100)
        await feed.drained()
        async with administration(server.url) as js:
            config = (await js.stream_info(STREAM)).config
        feed.check(await content(server.url, STREAM))
    assert config.subjects == ["md.*.*"], "what the template renders"
    assert (config.storage, config.num_replicas, config.discard) == ("memory", 1, "new")
    assert (config.max_age, config.max_bytes, config.duplicate_window) == (600, 1_000_000, 120)


async def test_one_that_exists_is_left_as_it_is() -> None:
    async with NatsServer(jetstream=True) as server, administration(server.url) as js:
        await js.add_stream(
            name=STREAM, subjects=["md.>", "more.>"], duplicate_window=300, max_age=900
        )
        before = (await js.stream_info(STREAM)).config
        async with feeding(server.url) as feed:
            await feed.run(100)
            await feed.drained()
            feed.check(await content(server.url, STREAM))
        assert (await js.stream_info(STREAM)).config == before


async def test_one_that_the_server_would_not_make_is_tried_again() -> None:
    """Three replicas take three servers."""
    create = JetStreamCreate(replicas=3)
    async with NatsServer(jetstream=True) as server, feeding(server.url, create=create) as feed:
        feed.batch(10)
        await until(lambda: feed.sink.link.failure == "StreamNotCreated")
        assert "replicas" in (feed.sink.link.last_error or "")
        async with administration(server.url) as js:
            await js.add_stream(name=STREAM, subjects=["md.>"], duplicate_window=120)
        await feed.drained()
        feed.check(await content(server.url, STREAM))


@pytest.mark.parametrize(
    ("trouble", "wrong"),
    [
        ("DuplicateWindowTooShort", StreamConfig(subjects=["md.>"], duplicate_window=30)),
        ("SubjectNotInStream", StreamConfig(subjects=["md.btcusdt.>"], duplicate_window=120)),
        ("StreamWithoutAcks", StreamConfig(subjects=["md.>"], no_ack=True, duplicate_window=120)),
        (
            "StreamNotWritable",
            StreamConfig(mirror=StreamSource(name="ORIGIN"), duplicate_window=120),
        ),
    ],
)
async def test_nothing_is_published_until_it_is_right(trouble: str, wrong: StreamConfig) -> None:
    async with NatsServer(jetstream=True) as server, administration(server.url) as js:
        await js.add_stream(name="ORIGIN", subjects=["origin"])
        await js.add_stream(wrong, name=STREAM)
        async with feeding(server.url, create=None) as feed:
            await feed.run(200)
            await until(lambda: feed.sink.link.failure == trouble)
            link = feed.sink.link
            assert (link.connected, feed.sink.ready) == (False, False)
            assert STREAM in (link.last_error or "")
            assert (await js.stream_info(STREAM)).state.messages == 0

            await js.delete_stream(STREAM)
            await js.add_stream(name=STREAM, subjects=["md.>"], duplicate_window=120)
            await feed.drained()
            link = feed.sink.link
            assert (link.connected, link.failure, link.breaker) == (True, None, "closed")
            feed.check(await content(server.url, STREAM))


async def test_without_jetstream_nothing_is_lost_but_time() -> None:
    port = free_ports(1)[0]
    async with NatsServer(port=port) as plain, feeding(plain.url, timing=QUICK) as feed:
        feed.batch(100)
        await until(lambda: feed.sink.link.failure == "JetStreamUnavailable")
        assert not feed.sink.link.connected
        await plain.kill()
        async with NatsServer(jetstream=True, port=port) as server:
            await feed.drained()
            feed.check(await content(server.url, STREAM))


@pytest.mark.parametrize(
    ("denied", "trouble", "words"),
    [
        ('publish: {deny: ["$JS.API.>"]}', "JetStreamDenied", "$js.api.stream.info.trades"),
        ('subscribe: {deny: ["_INBOX.>"]}', "JetStreamDenied", "_inbox."),
        ('publish: {deny: ["md.>"]}', "PublishDenied", "md.btcusdt.trade"),
    ],
)
async def test_permissions_that_are_lacking_are_named_and_waited_for(
    denied: str, trouble: str, words: str
) -> None:
    port = free_ports(1)[0]
    async with (
        NatsServer(USERS.format(denied), jetstream=True, port=port) as server,
        feeding(f"nats://relay:pw@127.0.0.1:{port}", timing=QUICK) as feed,
    ):
        feed.batch(10)
        await until(lambda: feed.sink.link.failure == trouble)
        assert words in (feed.sink.link.last_error or "")
        assert not feed.sink.link.connected
        server.reconfigure(USERS.format('publish: {allow: [">"]}'))
        await feed.drained()
        feed.check(await content(f"nats://admin:pw@127.0.0.1:{port}", STREAM))


async def test_one_denied_subject_among_others_is_dropped_for_that_reason() -> None:
    port = free_ports(1)[0]
    limits = WIDE._replace(timeout=0.3, lifetime=1.5)
    users = USERS.format('publish: {deny: ["md.ethusdt.>"]}')
    async with (
        NatsServer(users, jetstream=True, port=port),
        feeding(f"nats://relay:pw@127.0.0.1:{port}", timing=QUICK, limits=limits) as feed,
    ):
        feed.batch(30)
        await feed.drained()
        assert feed.dropped == {"denied": 10}
        stored = await content(f"nats://admin:pw@127.0.0.1:{port}", STREAM)
        feed.check(stored, missing=10)


async def test_messages_too_large_are_left_out_whoever_sets_the_bound() -> None:
    """The server's bound is known from its greeting, the stream's from its configuration."""
    async with (
        NatsServer("max_payload: 10000", jetstream=True) as server,
        administration(server.url) as js,
    ):
        await js.add_stream(
            name=STREAM, subjects=["md.>"], duplicate_window=120, max_msg_size=2_000
        )
        async with feeding(server.url) as feed:
            await until(lambda: feed.sink.ready)
            for padding in (100, 2_000, 12_000, 100):
                feed.padding = padding
                feed.batch(30)
            await feed.drained()
            assert feed.dropped == {"oversize": 60}
            feed.check(await content(server.url, STREAM), missing=60)
            assert feed.sink.link.reconnects == 0

            # The stream's bound shrinks while messages flow: now the stream has to refuse.
            await js.update_stream(name=STREAM, subjects=["md.>"], max_msg_size=500)
            feed.padding = 1_000
            feed.batch(30)
            await feed.drained()
            assert feed.dropped == {"oversize": 90}


async def test_a_stray_subject_does_not_stop_the_others() -> None:
    """The exchange may send what nobody asked for, and the stream need not listen to that."""
    async with NatsServer(jetstream=True) as server, administration(server.url) as js:
        subjects = ["md.btcusdt.*", "md.ethusdt.*", "md.bnbusdt.*"]
        await js.add_stream(name=STREAM, subjects=subjects, duplicate_window=120)
        async with feeding(server.url) as feed:
            await feed.run(300)
            feed.names = (*feed.names, "strayusdt@trade")
            feed.batch(40)
            await feed.drained()
            assert feed.dropped == {"subject_unbound": 10}
            assert feed.sink.link.connected
            feed.check(await content(server.url, STREAM), missing=10)


async def test_a_subject_of_another_stream_is_not_published_to() -> None:
    async with NatsServer(jetstream=True) as server, administration(server.url) as js:
        await js.add_stream(name=STREAM, subjects=["md.>"], duplicate_window=120)
        async with feeding(server.url, create=None) as feed:
            await feed.run(300)
            await feed.drained()
            await js.update_stream(name=STREAM, subjects=["elsewhere.>"])
            await js.add_stream(name="OTHER", subjects=["md.>"])
            await feed.run(300)
            await until(lambda: feed.sink.link.failure == "SubjectNotInStream")
            refused = feed.dropped["wrong_stream"]
            assert 0 < refused <= 300
            await js.delete_stream("OTHER")
            await js.update_stream(name=STREAM, subjects=["md.>"])
            await feed.drained()
            assert feed.dropped == {"wrong_stream": refused}
            feed.check(await content(server.url, STREAM), missing=refused)


async def test_two_relays_at_once_store_each_message_once() -> None:
    """As during a rollout: the second is told that the stream has it already, and counts that."""
    async with NatsServer(jetstream=True) as server:
        async with feeding(server.url) as one, feeding(server.url) as other:
            await asyncio.gather(one.run(2_000), other.run(2_000))
            await asyncio.gather(one.drained(), other.drained())
            accounts = [one.sink.account.jetstream, other.sink.account.jetstream]
            assert sum(account.acked for account in accounts if account) == 2_000
            assert sum(account.duplicate for account in accounts if account) == 2_000
        assert await count(server.url, STREAM) == 2_000


USERS = """
authorization {{ users: [
  {{user: relay, password: pw, permissions: {{ {} }} }},
  {{user: admin, password: pw}}
] }}
"""

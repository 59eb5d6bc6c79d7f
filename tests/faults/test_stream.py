"""Rows 5 and 6: the JetStream stream is not there, or takes nothing."""

import asyncio
import contextlib
from pathlib import Path

import pytest
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, StreamConfig
from nats.js.errors import APIError, NoStreamResponseError

from tests.faults.case import RATE, STREAM, STREAMS, Case, Run, jetstream, market, sized
from tests.support.jetstream import administration
from tests.support.nats_server import NatsServer
from tests.support.relay import eventually, get
from tests.support.relay_process import RelayProcess

SUBJECTS = ["md.>"]
WINDOW = 120
MB = 1_000_000


@pytest.mark.row(5, "stream not made yet, then deleted again and again", seconds=15)
async def test_a_stream_that_is_missing_is_told_of_and_waited_for(
    case: Case, tmp_path: Path
) -> None:
    """It is deleted while nothing flows: what it held goes with it, and must have been read before."""
    async with (
        NatsServer(jetstream=True) as server,
        market() as exchange,
        administration(server.url) as js,
    ):
        settings = jetstream(exchange.url, server.url, buffer=sized(10), jetStream={"create": None})
        async with RelayProcess(tmp_path, settings) as relay:
            run = case.run(exchange, relay, server.url)
            await _waits(run, "StreamMissing", 0)
            await run.until("messages wait", ledger=lambda ledger: ledger["in_flight"] > RATE / 2)
            await _make(js)
            async for _ in run.injections():
                told = len(_troubles(relay))
                await run.quiet()
                await run.content.read(server.url, STREAM)
                await js.delete_stream(STREAM)
                await exchange.fault("clear")
                await _waits(run, "StreamMissing", told)
                await asyncio.sleep(case.random.uniform(0.5, 1.5))
                run.content.next_sequence = 1
                await _make(js)
            await run.finish()
    assert case.dropped == {}


@pytest.mark.row("6, full", "stream full, discards new messages (10077)", seconds=40)
async def test_what_a_full_stream_refused_for_too_long_is_counted_as_such(
    case: Case, tmp_path: Path
) -> None:
    """Nothing is repeated after the duplicate window less 10 s: the shortest one is 31 s."""
    async with (
        NatsServer(jetstream=True) as server,
        market() as exchange,
        administration(server.url) as js,
    ):
        settings = jetstream(
            exchange.url,
            server.url,
            buffer={"ttlSeconds": 1},
            jetStream={"create": None, "duplicateWindowSeconds": 31},
        )
        limits = StreamConfig(
            name=STREAM, subjects=SUBJECTS, discard=DiscardPolicy.NEW, duplicate_window=31
        )
        await js.add_stream(limits)
        async with RelayProcess(tmp_path, settings) as relay:
            run = case.run(exchange, relay, server.url)
            async for _ in run.injections():
                told = len(_troubles(relay))
                held = (await js.stream_info(STREAM)).state.bytes
                await js.update_stream(limits, max_bytes=held + MB)
                await _waits(run, "StreamFull", told)
                dropped = run.last["ledger"]["dropped"].get("stream_full", 0)
                await run.until(
                    "given up", ledger__dropped__stream_full=lambda n, d=dropped: (n or 0) > d
                )
                await js.update_stream(limits, max_bytes=-1)
            await run.finish()
    assert case.dropped.keys() <= {"stream_full", "expired", "buffer_full"}
    assert case.dropped["stream_full"] > 0


@pytest.mark.row("6, ingest queue", "the stream takes few messages at a time (429, 10167)")
async def test_an_overloaded_stream_gets_everything_if_not_always_in_order(
    case: Case, tmp_path: Path
) -> None:
    async with (
        NatsServer(jetstream="max_buffered_msgs: 100") as server,
        market() as exchange,
    ):
        settings = jetstream(exchange.url, server.url, buffer=sized(10))
        async with RelayProcess(tmp_path, settings) as relay:
            run = case.run(exchange, relay, server.url)
            async for _ in run.injections():
                stream = case.random.choice(STREAMS)
                await exchange.fault("burst", stream=stream, events=RATE)
            verdict = await run.finish()
    assert case.dropped == {}
    assert run.last["jetstream"]["resent"] > 0, "nothing was refused: the row proves nothing"
    assert verdict.reordered == run.last["jetstream"]["reordered"]


@pytest.mark.row("6, no space", "JetStream's store is full (10023, 10047)", seconds=15)
async def test_a_server_without_space_is_told_of_and_waited_for(case: Case, tmp_path: Path) -> None:
    space = 40 + 20 * case.injections
    async with (
        NatsServer(jetstream=f"max_file_store: {space}MB") as server,
        market() as exchange,
        administration(server.url) as js,
    ):
        settings = jetstream(exchange.url, server.url, buffer=sized(20))
        async with RelayProcess(tmp_path, settings) as relay:
            run = case.run(exchange, relay, server.url)
            async for _ in run.injections():
                told = len(_troubles(relay))
                await js.add_stream(name="OTHER", subjects=["other"])
                await _fill(js, "other")
                await _waits(run, "JetStreamUnavailable", told)
                await js.delete_stream("OTHER")
            await run.finish()
    assert case.dropped == {}


async def _make(js: JetStreamContext) -> None:
    await js.add_stream(name=STREAM, subjects=SUBJECTS, duplicate_window=WINDOW)


async def _fill(js: JetStreamContext, subject: str) -> None:
    """Store as much as the server has space for."""
    with contextlib.suppress(APIError, NoStreamResponseError):
        while True:
            await js.publish(subject, bytes(MB // 2))


async def _waits(run: Run, trouble: str, told: int) -> None:
    """Wait until the relay says what is wrong: not ready, the breaker open, and alive all the same."""
    await eventually(lambda: trouble in _troubles(run.relay)[told:], trouble, 30)
    await run.until(
        trouble, not_ready_reason="nats_disconnected", breakers__nats=lambda b: b != "closed"
    )
    assert (await get(run.relay.url + "/healthz"))[0] == 200


def _troubles(relay: RelayProcess) -> list[str]:
    return [line["trouble"] for line in relay.said("JetStream does not take messages")]

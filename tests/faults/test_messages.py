"""Rows 9 and 14: messages that are too large, or that no exchange should send."""

from collections import Counter
from pathlib import Path

import pytest

from tests.faults.case import STREAMS, Case, jetstream, market, sized
from tests.support.nats_server import NatsServer
from tests.support.relay_process import RelayProcess

MAX_PAYLOAD = 64 << 10
COUNTED = {
    "truncated_json": "not_json",
    "not_json": "not_json",
    "no_stream": "no_stream",
    "stream_not_text": "no_stream",
    "invalid_utf8": "not_utf8",
    "binary": "binary",
}
"""Legal frames with bad content, and what their drop is called."""
FATAL = (
    *("oversize", "reserved_opcode", "reserved_bit"),
    *("masked", "stray_continuation", "long_ping"),
)
"""Frames against RFC 6455, or over 16 MiB: the connection is replaced."""
TIMES = 3


@pytest.mark.row(9, "message over the server's max_payload, with its headers")
async def test_a_message_too_large_is_counted_and_nothing_else_happens(
    case: Case, tmp_path: Path
) -> None:
    """Sizes around the limit: what makes a message too large is the envelope, or the headers."""
    async with (
        NatsServer(f"max_payload: {MAX_PAYLOAD}\n", jetstream=True) as server,
        market() as exchange,
    ):
        settings = jetstream(exchange.url, server.url, buffer=sized(10))
        async with RelayProcess(tmp_path, settings) as relay:
            run = case.run(exchange, relay, server.url)
            async for number in run.injections():
                fits = MAX_PAYLOAD - 1_000 - number  # no two alike: they have no other number
                large = case.random.randint(MAX_PAYLOAD, 16 << 20)
                for size in (fits, MAX_PAYLOAD - 100, MAX_PAYLOAD, large):
                    stream = case.random.choice(STREAMS)
                    await exchange.fault("malformed", kind="oversize", stream=stream, size=size)
            await run.finish()
    assert case.dropped == {"oversize": 3 * case.injections}
    assert run.last["nats_reconnects"] == run.last["reconnect_attempts"] == 0
    assert sum(map(len, run.content.ids.values())) == case.injections


@pytest.mark.row("14, content", f"malformed content: {', '.join(COUNTED)}")
async def test_malformed_content_is_counted_and_the_connection_stays(
    case: Case, tmp_path: Path
) -> None:
    async with NatsServer(jetstream=True) as server, market() as exchange:
        settings = jetstream(exchange.url, server.url, buffer=sized(10))
        async with RelayProcess(tmp_path, settings) as relay:
            run = case.run(exchange, relay, server.url)
            expected: Counter[str] = Counter()
            async for _ in run.injections():
                kinds = list(COUNTED) * TIMES
                case.random.shuffle(kinds)
                for kind in kinds:
                    await exchange.fault("malformed", kind=kind)
                    expected[COUNTED[kind]] += 1
            await run.finish()
    assert case.dropped == expected
    assert run.last["reconnect_attempts"] == run.last["gaps"] == 0


@pytest.mark.row("14, frames", f"frames against the protocol: {', '.join(FATAL)}", seconds=20)
async def test_a_frame_against_the_protocol_replaces_the_connection(
    case: Case, tmp_path: Path
) -> None:
    """What came behind the bad frame goes with the connection, and is told of as missing."""
    async with NatsServer(jetstream=True) as server, market() as exchange:
        settings = jetstream(exchange.url, server.url, buffer=sized(10))
        async with RelayProcess(tmp_path, settings) as relay:
            run = case.run(exchange, relay, server.url)
            async for number in run.injections(len(FATAL)):
                before = run.last["reconnect_attempts"]
                await exchange.fault("malformed", kind=FATAL[number % len(FATAL)])
                run.over()
                await run.until("replaced", reconnect_attempts=lambda n, b=before: n > b)
            await run.finish(cut=True)
    assert case.dropped == {}
    assert run.last["reconnect_attempts"] == len(FATAL) * case.injections
    assert run.rss < 256 << 20, "a frame of 17 MiB is not kept"

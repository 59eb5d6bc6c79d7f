"""Rows 16 and 17: the relay is stopped in order, killed, or runs out of memory."""

import asyncio
import resource
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.faults.case import STREAM, Case, Run, balanced, check, jetstream, market, sized
from tests.faults.oracle import judge
from tests.faults.test_host import hooked
from tests.support.jetstream import administration
from tests.support.nats_server import NatsServer
from tests.support.relay import eventually
from tests.support.relay_process import RelayProcess

GRACE = 15.0
RESERVE = 5.0
"""Seconds of the grace period that are left when the relay is done."""
ONE_ARENA = {"MALLOC_ARENA_MAX": "1"}
"""glibc would go on in the 64 MiB that it sets aside for each thread, and the relay with it, for a minute."""
FULL = 60.0
"""Seconds in which 16 MiB are used up for sure; it takes a dozen."""
WATCH = 60.0
"""Seconds in which a relay that hangs has ended for sure; 45 are the most it should take."""
WINDOW, BUFFER = 4_096, 5_000
"""What may have no answer when a relay is killed: the usual bounds."""


@pytest.mark.row(16, "SIGTERM at full load")
async def test_a_stop_at_full_load_loses_nothing(case: Case, tmp_path: Path) -> None:
    """The exchange goes on; what it sent before the relay stopped reading is stored, all of it."""
    async with NatsServer(jetstream=True) as server:
        for number in range(case.injections):
            folder = tmp_path / str(number)
            folder.mkdir()
            async with market() as exchange:
                settings = jetstream(exchange.url, server.url, timing={"gracePeriod": GRACE})
                async with RelayProcess(folder, settings) as relay:
                    run = case.run(exchange, relay, server.url)
                    await run.calm(case.random.uniform(0.5, 1.5))
                    began = asyncio.get_running_loop().time()
                    ledger = balanced(await relay.stop(GRACE - RESERVE))
                    run.injected += 1
                    run.recoveries.append(asyncio.get_running_loop().time() - began)
                await run.content.read(server.url, STREAM)
                streams = (await exchange.stats())["streams"]
            verdict = judge(streams, run.content, dropped=0, reported=0, open_end=True)
            run.note(ledger, verdict, 0)
            check(verdict)
            run.check_load()
            assert verdict.hole == verdict.reordered == 0
            assert ledger["acked"] == ledger["received"] == run.content.count
            async with administration(server.url) as js:
                await js.delete_stream(STREAM)
    assert case.dropped == {}


@pytest.mark.row("17, killed", "relay killed (SIGKILL) and started anew")
async def test_a_killed_relay_loses_what_had_no_answer(case: Case, tmp_path: Path) -> None:
    async with NatsServer(jetstream=True) as server, market() as exchange:
        settings = jetstream(exchange.url, server.url)
        lives = Lives(case, tmp_path, settings)
        run = case.run(exchange, await lives.begin(), server.url)
        for _ in range(case.injections):
            await run.calm(case.random.uniform(0.5, 1.5))
            run.relay.send(signal.SIGKILL)
            await run.relay.wait()
            await lives.next(run)
        await run.calm()
        await lives.reckon(run, case.injections * (WINDOW + BUFFER))


@pytest.mark.row("17, memory", "relay out of memory (RLIMIT_AS) with NATS away", seconds=25)
async def test_a_relay_without_memory_ends_and_the_next_goes_on(case: Case, tmp_path: Path) -> None:
    """It must not live on and look well, nor hang: it ends by itself, with nobody to probe it."""
    buffer = sized(60)
    async with NatsServer(jetstream=True) as server, market() as exchange:
        settings = jetstream(exchange.url, server.url, buffer=buffer)
        lives = Lives(case, tmp_path, settings, ONE_ARENA)
        run = case.run(exchange, await lives.begin(), server.url)
        for _ in range(case.injections):
            await run.calm()
            server.pause()
            _bound_memory(run.relay.pid, 16 << 20)
            assert (await run.relay.wait(FULL + WATCH)).code != 0
            server.resume()
            await lives.next(run)
        await run.calm()
        await lives.reckon(run, case.injections * (WINDOW + buffer["maxMessages"]))


async def test_a_relay_that_is_held_up_for_good_ends_and_says_where(tmp_path: Path) -> None:
    async with NatsServer(jetstream=True) as server, market() as exchange:
        settings = jetstream(exchange.url, server.url)
        async with RelayProcess(tmp_path, settings, environ=hooked(block=3_600)) as relay:
            relay.send(signal.SIGUSR1)
            ended = await relay.wait(WATCH)
    assert ended.code == 1
    assert " in hold\n" in ended.stderr


class Lives:
    """Relays one after the other, each with what the one before left behind."""

    def __init__(
        self,
        case: Case,
        folder: Path,
        settings: dict[str, Any],
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._case = case
        self._folder = folder
        self._settings = settings
        self._environ = environ
        self._received = 0
        self._reported = 0

    async def begin(self) -> RelayProcess:
        """Start a relay, whose end is nobody's business but the test's."""
        relay = RelayProcess(self._folder, self._settings, environ=self._environ)
        await relay.start()
        await eventually(lambda: relay.said("Serving health and metrics"), "the relay listens")
        return relay

    async def next(self, run: Run) -> None:
        """Let another relay take over, and wait until it delivers."""
        self._received += run.last["ledger"]["received"]
        self._reported += run.last["missing_events"]
        run.over()
        run.relay = await self.begin()
        await run.recovered()

    async def reckon(self, run: Run, bound: int) -> None:
        """What was sent and is not stored had no answer; there is a bound to that, and the next relay said how much.

        The line has the least that a killed relay can have received: what it said last, or what is stored.
        """
        reported = self._reported + (await run.quiet())["missing_events"]
        ledger = balanced(await run.relay.stop())
        await run.content.read(run.nats, STREAM)
        streams = (await run.exchange.stats())["streams"]
        verdict = judge(streams, run.content, dropped=0, reported=reported)
        received = max(self._received + ledger["received"], run.content.count)
        run.note({**ledger, "received": received, "acked": run.content.count}, verdict, reported)
        check(verdict, cut=True)
        run.check_load()
        assert 0 <= verdict.sent - verdict.stored <= bound
        assert ledger["dropped"] == {}


def _bound_memory(pid: int, more: int) -> None:
    """Let a process have so many bytes of memory more than it has, and no more than that."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + more
    resource.prlimit(pid, resource.RLIMIT_AS, (limit, limit))

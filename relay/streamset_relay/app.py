"""The relay: starts its stages in one order, stops them in the same order, and says where every frame went."""

import asyncio
import logging
import os
import time
from collections.abc import Coroutine, Iterable
from enum import IntEnum
from random import Random
from socket import gethostname
from typing import Any

from prometheus_client.metrics_core import Metric

from streamset_api.relay_config import RelayConfig
from streamset_api.subject import pattern

from .core.backoff import ConnectBudget
from .core.buffer import PRESSURE, Buffer
from .core.events import Journal
from .core.losses import Losses
from .core.ownership import Bounds, Ownership
from .core.plan import Planned, plan
from .core.stream import Streams
from .core.stream_info import Wanted
from .core.succession import subject_of
from .core.tally import SHUTDOWN
from .core.window import SAFETY, Limits
from .errors import AttemptsExhausted
from .health import Endpoints, serve
from .jetstream_sink import JetStreamSink
from .kube_status import Reporter, target_of
from .metrics import RelayCollector, expose
from .nats_credentials import CredentialFiles
from .nats_session import NatsSession
from .otel import telemetry_of
from .pipeline import Pipeline, publish
from .place import Place
from .report import HEARTBEAT, beat, describe, news
from .settings import Settings
from .sink import CoreSink, Sink
from .status import Status, observe
from .succession import Succession
from .tail import Tail
from .telemetry import Pusher
from .watch import changed_streams

log = logging.getLogger(__name__)

#: The exchange allows 1,024 streams on a connection; those with long lists are cut more often.
STREAMS_PER_CONNECTION = 200

#: Seconds of the grace period that the process keeps for its own end.
RESERVE = 5.0

#: Seconds that NATS gets to confirm and to close in any case.
LAST_CHANCE = 0.1

TICK = 0.25


class ExitCode(IntEnum):
    """What the process ends with."""

    OK = 0
    FAILED = 1
    CONFIGURATION = 2
    EXHAUSTED = 4


class Relay:
    """One relay: `run` until `stop`, or until the attempts are exhausted.

    Made inside the event loop that runs it. `port` is where the health endpoints listen, once they do.
    """

    def __init__(self, settings: Settings) -> None:
        config = settings.config
        self.config = config
        self.port: int | None = None
        self._settings = settings
        self._config_hash = settings.config_hash
        self._wanted = config.streams
        self._random = Random()  # noqa: S311 - jitter is no secret
        self._budget = ConnectBudget(
            config.timing.connects_per_window, config.timing.connect_window
        )
        streams = Streams(config)
        session = _session(config, self._random)
        journal = Journal(config.nats.events_subject, config.market, config.identity.relay)
        sink = _sink(config, session, streams, self._random, journal.losses)
        self._pipeline = Pipeline(
            streams,
            Buffer(config.buffer, journal.losses),
            sink,
            ownership=_ownership(config, streams, journal),
            journal=journal,
        )
        self._succession = _succession(config, session, self._pipeline)
        self._places: dict[int, Place] = {}
        self._readers: set[asyncio.Task[None]] = set()
        self._tasks = asyncio.TaskGroup()
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        self._gave_up: AttemptsExhausted | None = None
        self._clock = asyncio.get_running_loop().time
        self._started_at = self._ticked_at = self._clock()

    async def run(self) -> ExitCode:
        """Relay until stopped; the ledger is the last line of the log, whatever ended it."""
        health = self.config.health
        async with serve(self._endpoints(), health.host, health.port) as self.port:
            return await self._relay()

    async def _relay(self) -> ExitCode:
        try:
            async with self._tasks as tasks:
                log.info("Serving health and metrics", extra={"port": self.port})
                sink = tasks.create_task(self._pipeline.sink.run())
                publisher = tasks.create_task(publish(self._pipeline))
                clocks = [tasks.create_task(task) for task in self._clockwork()]
                self._apply(self.config.streams)
                await self._stopping.wait()
                await self._drain(publisher)
                for task in (*clocks, sink):
                    task.cancel()
        finally:
            self._pipeline.drop_all(SHUTDOWN)
            log.info("Ledger", extra=self.status().ledger.as_dict())
        return ExitCode.EXHAUSTED if self._gave_up else ExitCode.OK

    def stop(self) -> None:
        """Stop gracefully: read no more, send what waits. Called again: send no more either."""
        if self._stopping.is_set():
            self._hurry.set()
        self._stopping.set()

    def status(self) -> Status:
        """A snapshot of now."""
        return observe(
            self._pipeline,
            self._places.values(),
            draining=self._stopping.is_set(),
            started_at=self._started_at,
            now=self._clock(),
            wall=time.time(),
        )

    @property
    def alive(self) -> bool:
        """Whether its tasks have had their turn lately, whatever Binance and NATS do."""
        return self._clock() - self._ticked_at < 60 * TICK

    @property
    def gave_up(self) -> AttemptsExhausted | None:
        """Why the relay ended by itself."""
        return self._gave_up

    def _apply(self, names: Iterable[str]) -> None:
        """Make the places carry these streams; those whose list stays are not touched."""
        self._wanted = tuple(names)
        self._pipeline.streams.plan(names)
        current = [place.planned for place in self._places.values()]
        limit = min(STREAMS_PER_CONNECTION, self.config.facts.streams_per_connection)
        planned = {p.number: p for p in plan(names, current, self.config.route_of, limit)}
        for number, place in list(self._places.items()):
            if number not in planned:
                # Closing takes a while; a stream that comes back meanwhile needs another place.
                del self._places[number]
                self._tasks.create_task(place.stop())
            elif planned[number] != place.planned:
                place.want(planned[number])
        for number in planned.keys() - self._places.keys():
            self._fill(planned[number])

    def _fill(self, planned: Planned) -> None:
        place = Place(planned, self.config, self._pipeline, self._budget, self._random)
        self._places[planned.number] = place
        reader = self._tasks.create_task(self._carry(place))
        self._readers.add(reader)
        reader.add_done_callback(self._readers.discard)

    async def _carry(self, place: Place) -> None:
        """One place from its first dial to its end."""
        await place.run()
        if place.gave_up is not None:
            self._gave_up = place.gave_up
            log.critical("Giving up", extra={"error": str(place.gave_up)})
            self.stop()

    async def _drain(self, publisher: asyncio.Task[None]) -> None:
        """Stop reading, send what waits, have it confirmed; in time, whatever is away."""
        log.info("Stopping: no more reading, sending what waits")
        sink = self._pipeline.sink
        deadline = self._clock() + max(self.config.timing.grace_period - RESERVE, 1.0)
        if self._succession is not None:
            self._succession.leave()
        for place in self._places.values():
            self._tasks.create_task(place.stop())
        await self._finish(self._readers, (deadline - self._clock()) / 2)
        if self._succession is not None:
            settling = self._tasks.create_task(self._succession.settle())
            await self._finish({settling}, (deadline - self._clock()) / 2)
        self._pipeline.tell(self._clock(), time.time_ns(), last=True)
        self._pipeline.end()
        await self._finish({publisher}, deadline - self._clock())
        left = max(deadline - self._clock(), LAST_CHANCE)
        await self._finish({self._tasks.create_task(sink.drain(left))}, left)
        if self._succession is not None:
            left = max(deadline - self._clock(), LAST_CHANCE)
            await self._finish({self._tasks.create_task(self._succession.end(left))}, left)
        left = LAST_CHANCE if self._hurry.is_set() else deadline - self._clock()
        await sink.stop(max(left, LAST_CHANCE))

    async def _finish(self, tasks: Iterable[asyncio.Task[Any]], timeout: float) -> None:
        """Wait for the tasks; cancel those that are late, and all when `stop` is called again."""
        until = self._clock() + timeout
        await asyncio.sleep(0)  # what takes no waiting is done even in a hurry
        late = set(tasks)
        hurry = asyncio.create_task(self._hurry.wait())
        while late and not self._hurry.is_set() and (left := until - self._clock()) > 0:
            done, _ = await asyncio.wait(
                {*late, hurry}, timeout=left, return_when=asyncio.FIRST_COMPLETED
            )
            late -= done
        for task in {*late, hurry}:
            task.cancel()

    def _endpoints(self) -> Endpoints:
        return Endpoints(
            alive=lambda: self.alive,
            not_ready=lambda: self.status().not_ready,
            info=lambda: describe(self.status(), self.config),
            collect=self._collect,
            expose=expose,
        )

    def _collect(self) -> list[Metric]:
        pipeline = self._pipeline
        return list(RelayCollector(self.status, pipeline.streams, pipeline.tally).collect())

    def _clockwork(self) -> Iterable[Coroutine[None, None, None]]:
        yield self._tick()
        if self._succession is not None:
            yield self._succession.run()
        yield self._report()
        if self.config.heartbeat.enabled:
            yield self._beat()
        if target := target_of(self.config, os.environ):
            yield Reporter(
                target,
                self.status,
                lambda: self._config_hash,
                self._failures,
                self.config.timing.report_interval,
            ).run()
        telemetry = telemetry_of(self.config, self._settings.opentelemetry, gethostname())
        for problem in telemetry.ignored:
            log.warning("A variable cannot be used", extra={"problem": str(problem)})
        if telemetry.collector is not None:
            yield Pusher(telemetry.collector, self._collect).run()
        if self._settings.file is not None:
            if self._settings.streams_from_environment:
                log.info("BINANCE_STREAMS is set: the stream list of the file is ignored")
            else:
                yield self._follow()

    def _failures(self) -> dict[str, str]:
        """Short names of what went wrong last: what the resource's status says, not its words."""
        failure = self._pipeline.sink.link.failure
        kinds = {} if failure is None else {"nats": failure}
        for place in self._places.values():
            for connection in place.connections:
                if connection.session.last_error is not None:
                    kinds["exchange"] = connection.session.last_error.kind
        return kinds

    async def _tick(self) -> None:
        """Expire what waited too long, and say when the buffer fills."""
        buffer, pressed = self._pipeline.buffer, False
        while True:
            await asyncio.sleep(TICK)
            self._ticked_at = self._clock()
            buffer.expire(self._ticked_at)
            self._pipeline.tell(self._ticked_at, time.time_ns())
            if self._pipeline.ownership is not None:
                self._pipeline.ownership.expire(self._ticked_at)
            limit = PRESSURE / 2 if pressed else PRESSURE  # or it would be said at every turn
            if pressed != (buffer.utilization >= limit):
                pressed = not pressed
                log.log(
                    logging.WARNING if pressed else logging.INFO,
                    "NATS is slower than the exchange, the buffer fills"
                    if pressed
                    else "The buffer has room again",
                    extra={"queue_size": buffer.messages, "utilization": buffer.utilization},
                )

    async def _report(self) -> None:
        """Log what went wrong, summed up per interval: a storm of bad frames is no storm of lines."""
        before = self.status()
        while True:
            await asyncio.sleep(self.config.timing.log_interval)
            now = self.status()
            for message, fields in news(now, before):
                log.warning(message, extra=fields)
            before = now

    async def _beat(self) -> None:
        interval = self.config.heartbeat.interval_seconds
        before = self.status()
        while True:
            await asyncio.sleep(interval)
            now = self.status()
            log.info(HEARTBEAT, extra=beat(now, before, interval))
            before = now

    async def _follow(self) -> None:
        """Take the stream list from the configuration file as it changes."""
        async for change in changed_streams(
            self._settings, self.config.timing.config_poll_interval
        ):
            if self._stopping.is_set():
                return
            if change.streams != self._wanted:
                log.info("The stream list changed", extra={"streams": len(change.streams)})
                self._apply(change.streams)
            self._config_hash = change.config_hash or self._config_hash


def _session(config: RelayConfig, random: Random) -> NatsSession:
    nats, timing = config.nats, config.timing
    return NatsSession(
        nats.servers,
        name=nats.client_name,
        timing=timing,
        rng=random,
        files=CredentialFiles(nats.auth, nats.tls, timing.config_poll_interval),
    )


def _ownership(config: RelayConfig, streams: Streams, journal: Journal) -> Ownership | None:
    """None where there is neither another relay nor a JetStream stream that knows how far the last one came."""
    alone = _subject(config) is None
    if alone and config.nats.jet_stream is None:
        return None
    bounds = Bounds(config.buffer.max_bytes, config.buffer.ttl_seconds)
    return Ownership(streams, bounds, journal, alone=alone)


def _succession(config: RelayConfig, session: NatsSession, pipeline: Pipeline) -> Succession | None:
    if pipeline.ownership is None:
        return None
    jet_stream = config.nats.jet_stream
    return Succession(
        session,
        pipeline,
        pipeline.ownership,
        config.timing,
        subject=_subject(config),
        tail=None if jet_stream is None else Tail(jet_stream.stream, pipeline.streams),
    )


def _subject(config: RelayConfig) -> str | None:
    """Where relays of the same streams ask for each other; None for one that belongs to no set."""
    who = config.identity
    if who.set_uid is None or who.relay is None:
        return None
    return subject_of(who.set_uid, who.relay, config.market)


def _sink(
    config: RelayConfig, session: NatsSession, streams: Streams, random: Random, losses: Losses
) -> Sink:
    """Where messages go, as configured."""
    nats, timing = config.nats, config.timing
    jet_stream = nats.jet_stream
    if jet_stream is None:
        return CoreSink(session, losses)
    window = jet_stream.duplicate_window_seconds
    subjects = pattern(nats.subject, config.market.value)
    limits = Limits(
        messages=timing.window_messages,
        bytes=timing.window_bytes,
        timeout=timing.ack_timeout,
        lifetime=window - SAFETY,
        ttl=config.buffer.ttl_seconds,
    )
    return JetStreamSink(
        session,
        Wanted(jet_stream.stream, window, subjects, jet_stream.create, nats.events_subject),
        streams,
        limits,
        timing,
        random,
        ordered=jet_stream.ordered,
        losses=losses,
    )

"""The exchange itself: takes connections, obeys control messages, sends what happens on the market."""

import asyncio
import json
import logging
import math
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import replace
from http import HTTPStatus

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from exchange_simulator.client import ABNORMAL, KEPT, Client, ExchangeConnection
from exchange_simulator.config import SimulatorConfig
from exchange_simulator.core.limits import RateWindow
from exchange_simulator.core.protocol import (
    TOO_MANY_REQUESTS,
    Answer,
    Close,
    Manners,
    Session,
    answer,
    error_text,
    open_session,
    shutdown_text,
)
from exchange_simulator.core.standing import Acknowledgement, Standing
from exchange_simulator.core.target import Target, parse_target
from exchange_simulator.market import Market
from exchange_simulator.sources.batch import Batch
from exchange_simulator.sources.generated import Clock
from exchange_simulator.stats import Attempt, ConnectionStats, Stats

log = logging.getLogger("exchange_simulator")

HOUSEKEEPING = 0.02
"""Seconds between two looks at pings, ages and delayed replies."""
IDLE = 0.02
"""Seconds to wait at most when nothing is due: a new subscription is not noticed any later."""
ATTEMPT_WINDOW = 300.0
ATTEMPTS_KEPT = 10_000

PONG_TIMEOUT = Close(1008, "Pong timeout", "pong_timeout")
SLOW_READER = Close(ABNORMAL, "", "slow_reader")


class Exchange:
    """The state of the running exchange, on the event loop that serves it."""

    def __init__(self, config: SimulatorConfig, market: Market, clock: Clock) -> None:
        self.market = market
        self.standing = Standing()
        self.clients: dict[int, Client] = {}
        self._config = config
        self._clock = clock
        self._rules = config.rules
        self._manners = Manners(
            any_id=self._rules.any_id,
            max_streams=self._rules.max_streams,
            max_length=config.max_control_chars,
            error_shape=config.error_shape,
        )
        self._loop = asyncio.get_running_loop()
        self._attempts: deque[Attempt] = deque(maxlen=ATTEMPTS_KEPT)
        self._windows: dict[str, RateWindow] = {}
        self._gone: deque[ConnectionStats] = deque(maxlen=KEPT)
        self._accepted = 0
        self._violations: Counter[str] = Counter()

    def now(self) -> float:
        """Monotonic seconds."""
        return self._loop.time()

    # Taking connections

    def upgrade(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer an upgrade request: None accepts it."""
        now = self.now()
        response = self._refusal(connection, now)
        if response is None:
            target = parse_target(request.path, self._rules)
            if target is None:
                response = connection.respond(HTTPStatus.NOT_FOUND, "")
            elif isinstance(connection, ExchangeConnection):
                connection.target = target
        return response

    def upgraded(self, _connection: ServerConnection, request: Request, response: Response) -> None:
        """Take note of how an upgrade request is answered."""
        attempt = Attempt(self._epoch(self.now()), request.path, response.status_code)
        self._attempts.append(attempt)

    async def serve(self, connection: ServerConnection) -> None:
        """Serve an accepted connection until it ends."""
        if not isinstance(connection, ExchangeConnection):
            raise TypeError(connection)
        client = self._admit(connection, connection.target)
        try:
            async for message in connection:
                self._obey(client, message)
        except ConnectionClosed:
            pass
        finally:
            self.market.unsubscribe(client, client.session.streams)
            await client.finished(self.now())
            del self.clients[client.number]
            self._gone.append(client.snapshot(self._epoch(0.0)))

    def _refusal(self, connection: ServerConnection, now: float) -> Response | None:
        address = str(connection.remote_address[0])
        window = self._windows.setdefault(
            address, RateWindow(self._rules.connection_attempts, ATTEMPT_WINDOW)
        )
        rejection = self.standing.on_upgrade(now)
        wait: int | None
        if window.exceeded(now):
            self._violations["connection_attempts"] += 1
            status, wait = 429, math.ceil(window.free_at(now) - now)
        elif rejection is not None:
            status, wait = rejection.status, rejection.retry_after
        else:
            return None
        response = connection.respond(status, "")
        if wait is not None:
            response.headers["Retry-After"] = str(wait)
        return response

    def _admit(self, connection: ExchangeConnection, target: Target) -> Client:
        now = self.now()
        opened = open_session(target.streams, combined=target.combined, manners=self._manners)
        self._accepted += 1
        client = Client(self._accepted, connection, opened.session, self._rules, now)
        client.lag = self.standing.lag
        self.clients[client.number] = client
        code = self.standing.on_open(now)
        if code is not None:
            self.close(client, code)
        elif opened.close is not None:
            client.reply(opened.reply or "")
            self.enforce(client, opened.close)
        else:
            self.market.subscribe(client, opened.session.order)
            if self.standing.stall == "everything":
                client.stop_reading()
        return client

    # Obeying control messages

    def _obey(self, client: Client, message: str | bytes) -> None:
        now = self.now()
        if not client.hear():
            self.enforce(client, TOO_MANY_REQUESTS)
        if not client.open:
            return
        answered = self._answer(client, message, now)
        text = message if isinstance(message, str) else repr(message)
        client.note(now, answered.method or "error", text)
        planned = Acknowledgement()
        if answered.method in ("SUBSCRIBE", "UNSUBSCRIBE"):
            planned = self.standing.on_obeyed(now)
        if answered.reply is not None and planned.delay:
            client.replies.append((now + planned.delay, answered.reply))
        elif answered.reply is not None and planned.sent:
            client.reply(answered.reply)
        if answered.close is not None:
            self.enforce(client, answered.close)
        elif planned.obeyed:
            self._change(client, answered.session)

    def _change(self, client: Client, session: Session) -> None:
        before, client.session = client.session, session
        self.market.unsubscribe(client, before.streams - session.streams)
        self.market.subscribe(client, [s for s in session.order if s not in before.streams])

    def _answer(self, client: Client, message: str | bytes, now: float) -> Answer:
        answered = answer(message, client.session, self._manners)
        if answered.method == "SUBSCRIBE" and (error := self.standing.on_subscribe(now)):
            manners = replace(self._manners, error_shape=error.shape or self._manners.error_shape)
            identity = json.loads(message).get("id")
            text = error_text(error.code, error.message, identity, manners)
            return Answer(client.session, reply=text)
        return answered

    # Sending

    async def run_market(self) -> None:
        """Send what happens, until cancelled."""
        while True:
            now = self.now()
            if self._config.pace == "flood":
                await self._flood(now)
                continue
            self.deliver(self.market.advance(now))
            rest = self.market.next_due() - self.now()
            await asyncio.sleep(min(max(rest, self._config.tick), max(IDLE, self._config.tick)))

    def deliver(self, batches: Iterable[Batch]) -> set[Client]:
        """Send events to their subscribers, with one write per client."""
        outbox: dict[Client, list[bytes]] = {}
        for batch in batches:
            clients = self.market.subscribers(batch.stream)
            if not clients or self.standing.stall or batch.stream in self.standing.silenced:
                continue
            encoded: dict[tuple[bool, bool], bytes] = {}
            for client in clients:
                combined, microseconds = form = client.form
                if form not in encoded:
                    encoded[form] = batch.frames(combined=combined, microseconds=microseconds)
                outbox.setdefault(client, []).append(encoded[form])
                client.messages += batch.count
            self.market.record(batch, len(clients))
        now = self.now()
        for client, parts in outbox.items():
            client.write_events(b"".join(parts), now)
            if self._config.pace == "clock" and client.buffered > self._config.write_buffer_limit:
                self.enforce(client, SLOW_READER)
        return set(outbox)

    async def _flood(self, now: float) -> None:
        receivers = set() if self.standing.stall else self.deliver(self.market.flood(now))
        for client in receivers:
            await client.drained()
        await asyncio.sleep(0 if receivers else self._config.tick)

    def announce_shutdown(self, client: Client, now: float, *, bare: bool = False) -> None:
        """Send `serverShutdown` in the shape of the connection, or as bare streams have it."""
        combined = client.session.combined and not bare
        client.reply(shutdown_text(self.time_ms(now), combined=combined))

    # Keeping order

    async def run_housekeeping(self) -> None:
        """Ping, check pongs and ages, send delayed replies, until cancelled."""
        while True:
            now = self.now()
            if self.standing.stall != "everything":
                for client in list(self.clients.values()):
                    if client.open:
                        self._look_after(client, now)
            await asyncio.sleep(HOUSEKEEPING)

    def enforce(self, client: Client, close: Close) -> None:
        """End a connection that broke a rule."""
        if client.open:
            self._violations[close.cause] += 1
            log.info("connection %d: %s, close %d", client.number, close.cause, close.code)
            self.close(client, close.code, close.reason)

    def close(self, client: Client, code: int, reason: str = "") -> None:
        """End a connection; code 1006 sends no close frame."""
        self.market.unsubscribe(client, client.session.streams)
        if code == ABNORMAL:
            client.abort()
        else:
            client.close(code, reason, self._config.close_timeout)

    def _look_after(self, client: Client, now: float) -> None:
        if not client.hear():
            self.enforce(client, TOO_MANY_REQUESTS)
        elif client.heartbeat.overdue(now):
            self.enforce(client, PONG_TIMEOUT)
        elif now >= client.expires:
            self.enforce(client, Close(client.expiry_code, "", "max_age"))
        elif client.heartbeat.due(now):
            client.ping(now, self.time_ms(now))
        client.write_late(now)
        while client.replies and client.replies[0][0] <= now:
            client.reply(client.replies.popleft()[1])

    # Looking back

    def time_ms(self, now: float) -> int:
        """The exchange's time."""
        return self._clock.time_us(now) // 1000

    def stats(self) -> Stats:
        """A snapshot of all counts."""
        streams = self.market.counts()
        clients = [client.snapshot(self._epoch(0.0)) for client in self.clients.values()]
        return Stats(
            open=sum(client.open for client in self.clients.values()),
            attempts=tuple(self._attempts),
            connections=tuple(sorted([*self._gone, *clients], key=lambda client: client.number)),
            streams=streams,
            faults=dict(self.standing.counts),
            violations=dict(self._violations),
            events=sum(stream.count for stream in streams.values()),
            deliveries=sum(stream.deliveries for stream in streams.values()),
            replay_passes=self.market.replay_passes,
        )

    def _epoch(self, now: float) -> float:
        return self._clock.start_us / 1e6 + now - self._clock.start

"""Where messages leave the relay. A sink takes batches from the pipeline and accounts for each message.

`CoreSink` publishes to core NATS, at most once; `jetstream_sink.JetStreamSink` into a JetStream stream.
"""

from collections import Counter, deque
from collections.abc import Sequence
from typing import Final, Protocol

from .core.account import OVERSIZE, Account
from .core.batch import Batch, Room
from .core.envelope import Encoded, encode, oversize
from .core.losses import Losses
from .core.nats_link import LinkStatus
from .core.unsettled import Unsettled
from .nats_session import NatsSession

WRITE_LIMIT: Final = Room(2_000, 1 << 20)
"""What goes to NATS in one write, give or take a batch."""


class Sink(Protocol):
    """What the pipeline, the relay and its status know of a sink. Counts are those of `account`."""

    async def run(self) -> None:
        """Deliver until `stop`. Failures of NATS are retried for ever; others end it."""

    async def stop(self, timeout: float) -> None:
        """End `run` and the connection within `timeout` seconds. Call `drain` before."""

    async def drain(self, timeout: float) -> bool:
        """Have everything that was sent confirmed, after the last `send`; whether it all was."""

    async def wait_ready(self) -> None:
        """Wait until a message may be sent. That may be never. Does not yield when it is so already."""

    def send(self, batches: Sequence[Batch], now: float) -> None:
        """Take messages and write what can be written; right after `wait_ready`, or while `ready`."""

    @property
    def ready(self) -> bool:
        """Whether a message may be sent right now."""

    @property
    def room(self) -> Room:
        """How much it would like to be given at once."""

    @property
    def account(self) -> Account:
        """What became of the messages so far."""

    @property
    def oldest_pending(self) -> float | None:
        """When the first to arrive of the messages without a last word arrived; None without any.

        Asked for now and then: it may look at every message.
        """

    @property
    def link(self) -> LinkStatus:
        """How it stands with NATS."""


class CoreSink:
    """Publishes to core NATS: what is lost with a connection is counted, and not sent again.

    Where `losses` are wanted, what was written is remembered until its fate is known.
    """

    def __init__(self, session: NatsSession, losses: Losses | None = None) -> None:
        self._session = session
        self._losses = Losses(wanted=False) if losses is None else losses
        self._unsettled = Unsettled(self._losses)
        self._dropped: Counter[str] = Counter()
        self._arrivals: deque[tuple[int, float]] = deque()  # written so far, first arrival of those
        self.room = WRITE_LIMIT

    async def run(self) -> None:
        """See `Sink`."""
        await self._session.run()

    async def stop(self, timeout: float) -> None:
        """See `Sink`. What is unconfirmed stays so."""
        await self._session.stop(timeout)

    async def drain(self, timeout: float) -> bool:
        """See `Sink`. What no PONG has confirmed after `timeout` seconds becomes `unconfirmed`."""
        return await self._session.drain(timeout)

    async def wait_ready(self) -> None:
        """See `Sink`: connected, breaker closed, room in the transport."""
        await self._session.wait_ready()

    def send(self, batches: Sequence[Batch], now: float) -> None:  # noqa: ARG002 - the interface
        """See `Sink`. Raises NatsLost when the connection has just ended."""
        session = self._session
        encoded = encode(batches, session.max_payload)
        if encoded.messages:
            session.write(encoded.wire, encoded.messages)
            self._forget_settled()
            self._arrivals.append((session.written, min(batch.arrived for batch in batches)))
        if encoded.oversize:
            self._dropped[OVERSIZE] += encoded.oversize
        if self._losses.wanted:
            self._remember(batches, encoded)

    def _forget_settled(self) -> None:
        settled = self._session.published + self._session.unconfirmed
        while self._arrivals and self._arrivals[0][0] <= settled:
            self._arrivals.popleft()

    def _remember(self, batches: Sequence[Batch], encoded: Encoded) -> None:
        session = self._session
        lost = session.unconfirmed - session.denied  # which were denied, the server does not say
        self._unsettled.settle(session.published + session.unconfirmed, lost)
        self._unsettled.add(batches, session.written)
        if encoded.oversize:
            for batch in batches:
                messages = oversize(batch, session.max_payload)
                self._losses.drop(messages, batch.received_at, OVERSIZE)

    @property
    def ready(self) -> bool:
        """See `Sink`."""
        return self._session.ready

    @property
    def account(self) -> Account:
        """See `Sink`."""
        session = self._session
        return Account(
            pending=session.pending,
            dropped=self._dropped.copy(),
            published=session.published,
            unconfirmed=session.unconfirmed,
        )

    @property
    def oldest_pending(self) -> float | None:
        """See `Sink`. A PONG, or the end of the connection, settles what was written before."""
        self._forget_settled()
        return min((arrived for _, arrived in self._arrivals), default=None)

    @property
    def link(self) -> LinkStatus:
        """See `Sink`: connected when the last PING was answered; a PONG closes the breaker."""
        return self._session.link

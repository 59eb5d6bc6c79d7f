"""What can go wrong with an exchange, at the push of a button.

Every method is also a request of the HTTP control API: `POST /faults/<method>` with its arguments as JSON.
"""

from http import HTTPStatus

from exchange_simulator.client import ABNORMAL, Client
from exchange_simulator.core.malformed import Malformed, malformed
from exchange_simulator.core.protocol import ErrorShape
from exchange_simulator.core.standing import (
    Acknowledgement,
    Rejection,
    Repeated,
    SubscribeError,
)
from exchange_simulator.exchange import Exchange
from exchange_simulator.sources.batch import Fragmented


class Faults:
    """The faults of one exchange. Each is counted in `Stats.faults` whenever it takes effect.

    `connection` is the number of a connection (`ConnectionStats.number`); without it, all are meant. Methods that
    act on connections give how many they reached. A fault with a `count` is used up after so many times,
    one without lasts until `clear`.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._standing = exchange.standing

    # Connections that end

    def close(self, code: int = 1000, reason: str = "", connection: int | None = None) -> int:
        """Send a close frame and end the connection.

        Raises:
            ValueError: `code` may not stand in a close frame (RFC 6455 §7.4).
        """
        _check(code)
        clients = self._open("close", connection)
        for client in clients:
            self._exchange.close(client, code, reason)
        return len(clients)

    def abort(self, connection: int | None = None) -> int:
        """End the TCP connection with FIN but without a close frame: clients see code 1006."""
        clients = self._open("abort", connection)
        for client in clients:
            self._exchange.close(client, ABNORMAL)
        return len(clients)

    def reset(self, connection: int | None = None) -> int:
        """End the TCP connection with RST."""
        clients = self._open("reset", connection)
        for client in clients:
            client.reset()
        return len(clients)

    def expire(self, connection: int | None = None, code: int = 1001) -> int:
        """Let the maximum age of a connection, 24 hours, be over now."""
        _check(code)
        clients = self._open("expire", connection)
        for client in clients:
            client.expires, client.expiry_code = self._exchange.now(), code
        return len(clients)

    def announce_shutdown(
        self,
        connection: int | None = None,
        close_after: float | None = None,
        code: int = 1001,
        bare: bool = False,
    ) -> int:
        """Send `serverShutdown`, and close the connection so many seconds later if told.

        It is wrapped as events of the connection are; `bare` sends it as on a connection of raw streams.
        """
        _check(code)
        now = self._exchange.now()
        clients = self._open("announce_shutdown", connection)
        for client in clients:
            self._exchange.announce_shutdown(client, now, bare=bare)
            if close_after is not None:
                client.expires, client.expiry_code = now + close_after, code
        return len(clients)

    # Connections that do not begin

    def reject_upgrades(
        self, status: int, count: int | None = None, retry_after: int | None = None
    ) -> None:
        """Answer upgrades with an HTTP status, such as 403, 418, 429, 451 or 503.

        Raises:
            ValueError: `status` is no HTTP error.
        """
        if HTTPStatus(status) < HTTPStatus.BAD_REQUEST:
            raise ValueError(f"status {status} is no error")
        self._standing.reject_upgrades = Repeated(Rejection(status, retry_after), count)

    def close_after_accept(
        self, code: int = 1001, count: int | None = None, seconds: float | None = None
    ) -> None:
        """Accept connections and end them at once, so many times or for so long; 1006 aborts."""
        if code != ABNORMAL:
            _check(code)
        until = None if seconds is None else self._exchange.now() + seconds
        self._standing.close_after_accept = Repeated(code, count, until)

    # Data that does not come

    def stall(self, pings: bool = True) -> None:
        """Send no data. The market goes on, and nobody ever sees what happened.

        With `pings`, pings go on both ways and requests are answered. Without, the exchange is dead to the
        world: it sends nothing and reads nothing, but the TCP connections stand.
        """
        self._standing.stall = "data" if pings else "everything"
        self._standing.counts["stall"] += 1
        if not pings:
            for client in self._exchange.clients.values():
                client.stop_reading()

    def silence(self, stream: str) -> None:
        """Send no events of one stream. They happen, and nobody ever sees them."""
        self._standing.silenced.add(stream)
        self._standing.counts["silence"] += 1

    def skip(self, stream: str, events: int = 1) -> None:
        """Let so many events of a stream happen unseen: a gap in its ids.

        Of a recorded stream, the recording's next frames of any stream are left out.

        Raises:
            ValueError: the exchange has no such stream, or a number is not above 0.
        """
        self._exchange.market.burst(stream, events, self._exchange.now())
        self._standing.counts["skip"] += 1

    # Data that comes otherwise

    def burst(self, stream: str, events: int) -> int:
        """Let so many events happen at once; of a recorded stream, the recording's next frames.

        Raises:
            ValueError: the exchange has no such stream, or a number is not above 0.
        """
        batches = self._exchange.market.burst(stream, events, self._exchange.now())
        self._standing.counts["burst"] += 1
        return len(self._exchange.deliver(batches))

    def fragment(
        self, stream: str, events: int = 1, pieces: int = 3, ping_between: bool = False
    ) -> int:
        """Send the next events of a stream in fragments, with PING frames in between if told.

        Raises:
            ValueError: the exchange has no such stream, or a number is not above 0.
        """
        if pieces < 1:
            raise ValueError(f"pieces: {pieces} is not above 0")
        now = self._exchange.now()
        ping = str(self._exchange.time_ms(now)).encode() if ping_between else None
        batches = self._exchange.market.burst(stream, events, now)
        self._standing.counts["fragment"] += 1
        return len(self._exchange.deliver(Fragmented(batch, pieces, ping) for batch in batches))

    def malformed(
        self,
        kind: Malformed,
        stream: str = "btcusdt@trade",
        size: int = 17 << 20,
        connection: int | None = None,
    ) -> int:
        """Send one message that no exchange should send; `size` is that of `oversize`, in bytes."""
        clients = self._open(f"malformed_{kind}", connection)
        data = malformed(kind, stream, size)
        for client in clients:
            client.write(data)
        return len(clients)

    def restart_ids(self, stream: str | None = None) -> None:
        """Let ids begin again, of one stream or of all; a replay begins with its first frame."""
        self._exchange.market.restart(stream, self._exchange.now())
        self._standing.counts["restart_ids"] += 1

    def lag(self, seconds: float, connection: int | None = None, opened_later: bool = False) -> int:
        """Let events come so much later, in their order; 0 ends it. What is late when a connection ends never comes.

        With `opened_later`, it is the connections that open from now on, and not those there are.
        """
        if seconds < 0:
            raise ValueError(f"seconds: {seconds} is negative")
        if opened_later:
            self._standing.lag = seconds
            self._standing.counts["lag"] += 1
            return 0
        clients = self._open("lag", connection)
        for client in clients:
            client.lag = seconds
            client.write_late(self._exchange.now())
        return len(clients)

    # Replies that go wrong

    def reply_error(
        self,
        code: int = 2,
        message: str = "Invalid request",
        shape: ErrorShape | None = None,
        count: int | None = 1,
    ) -> None:
        """Answer SUBSCRIBE with an error and do not obey it; `shape` overrides the configuration."""
        self._standing.reply_error = Repeated(SubscribeError(code, message, shape), count)

    def delay_acks(self, seconds: float, count: int | None = None) -> None:
        """Obey SUBSCRIBE and UNSUBSCRIBE at once but acknowledge them later."""
        self._standing.acknowledge = Repeated(Acknowledgement(delay=seconds), count)

    def drop_acks(self, count: int | None = None, obey: bool = True) -> None:
        """Never acknowledge SUBSCRIBE and UNSUBSCRIBE, whether they are obeyed or not."""
        self._standing.acknowledge = Repeated(Acknowledgement(sent=False, obeyed=obey), count)

    # Back to normal

    def clear(self) -> None:
        """End all faults that last."""
        self._standing.clear()
        for client in self._exchange.clients.values():
            client.read_on()
            client.lag = 0.0
            client.write_late(self._exchange.now())

    def _open(self, fault: str, connection: int | None) -> list[Client]:
        """The open connections that are meant; each counts as one effect of the fault."""
        clients = [
            client
            for client in self._exchange.clients.values()
            if client.open and connection in (None, client.number)
        ]
        if clients:
            self._standing.counts[fault] += len(clients)
        return clients


def _check(code: int) -> None:
    """Close codes that an endpoint may send (RFC 6455 §7.4, and the registry it made)."""
    if not (code in range(1000, 1004) or code in range(1007, 1015) or code in range(3000, 5000)):
        raise ValueError(f"code {code} may not be sent; abort() ends without a close frame")


NAMES = tuple(name for name in vars(Faults) if not name.startswith("_"))
"""The faults, in the order of this class."""

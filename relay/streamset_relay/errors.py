"""Errors of the relay.

::

    RelayError
    ├── ExchangeError               the WebSocket side; always retried by the session
    │   ├── ConnectFailed           DNS, TCP, TLS or time-out: no HTTP answer came
    │   ├── UpgradeRejected         the exchange answered the upgrade with an HTTP status
    │   ├── ConnectionLost          an open connection ended
    │   └── ConnectionStalled       an open connection went dead and was closed by the relay
    ├── NatsError                   the NATS side; always retried by the sink
    │   ├── NatsUnreachable         no server took the connection
    │   ├── NatsRefused             a server answered and refused (credentials, TLS, permissions)
    │   ├── SecretMissing           a file of `nats.auth` or `nats.tls` is not there: no server was asked
    │   ├── SecretInvalid           such a file is there and of no use
    │   └── NatsLost                an open connection ended or went silent
    └── AttemptsExhausted           ``maxAttempts`` connects without lasting data: exit code 4

A wrong setting is `streamset_api.errors.ConfigError` (exit code 2). Anything else is a bug and ends the process.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar


class RelayError(Exception):
    """What the relay raises on purpose."""


class ExchangeError(RelayError):
    """The exchange, or the way to it, failed."""

    @property
    def kind(self) -> str:
        """A short name of few values, for metrics."""
        return "connect_failed"


@dataclass
class ConnectFailed(ExchangeError):
    """No connection: name resolution, TCP, TLS, or no answer in time."""

    url: str
    cause: str

    def __str__(self) -> str:
        return f"cannot connect to {self.url}: {self.cause}"


@dataclass
class UpgradeRejected(ExchangeError):
    """The exchange answered the WebSocket upgrade with `status`.

    `retry_after` is the header of that name in seconds, where it came (418 and 429 carry it).
    """

    url: str
    status: int
    retry_after: float | None = None

    @property
    def kind(self) -> str:
        """`http_451`, say."""
        return f"http_{self.status}"

    def __str__(self) -> str:
        return f"{self.url} answered HTTP {self.status} to the WebSocket upgrade"


@dataclass
class ConnectionLost(ExchangeError):
    """An open connection ended. `code` is the close code of RFC 6455 §7.4; 1006 when no close frame came."""

    code: int
    reason: str = ""

    @property
    def kind(self) -> str:
        """`close_1006`, say; the private range counts as one."""
        return f"close_{self.code}" if self.code < 3000 else "close_private"

    def __str__(self) -> str:
        return f"connection closed with code {self.code}" + (
            f" ({self.reason})" if self.reason else ""
        )


@dataclass
class ConnectionStalled(ExchangeError):
    """The relay closed a connection that delivered nothing any more."""

    reason: str

    @property
    def kind(self) -> str:
        """`stalled`."""
        return "stalled"

    def __str__(self) -> str:
        return f"connection stalled: {self.reason}"


class NatsError(RelayError):
    """NATS, or the way to it, failed. `kind` is a short name of few values."""

    kind: ClassVar[str] = "unreachable"


@dataclass
class NatsUnreachable(NatsError):
    """No server of the list took the connection."""

    servers: str
    cause: str

    def __str__(self) -> str:
        return f"cannot connect to NATS at {self.servers}: {self.cause}"


@dataclass
class NatsRefused(NatsError):
    """A server answered, and would not have us."""

    kind: ClassVar[str] = "refused"
    servers: str
    cause: str

    def __str__(self) -> str:
        return f"NATS at {self.servers} refused the connection: {self.cause}"


@dataclass
class NatsLost(NatsError):
    """An open NATS connection ended, or its PING stayed unanswered."""

    kind: ClassVar[str] = "lost"
    cause: str

    def __str__(self) -> str:
        return f"NATS connection lost: {self.cause}"


@dataclass
class SecretMissing(NatsError):
    """A file with credentials is not there. The operator mounts each as `<Secret>/<key>`."""

    kind: ClassVar[str] = "secret_missing"
    file: Path

    def __str__(self) -> str:
        return f"{_key(self.file)} is missing: there is no file {self.file}"


@dataclass
class SecretInvalid(NatsError):
    """A file with credentials cannot be used. `cause` repeats nothing of what is in it."""

    kind: ClassVar[str] = "secret_invalid"
    file: Path
    cause: str

    def __str__(self) -> str:
        return f"{_key(self.file)} is of no use: {self.cause}"


@dataclass
class AttemptsExhausted(RelayError):
    """The configured number of connects in a row brought no lasting data."""

    attempts: int
    cause: str

    def __str__(self) -> str:
        return f"gave up after {self.attempts} attempts; last failure: {self.cause}"


def _key(file: Path) -> str:
    """Return a mounted file as people name it: its Secret and key."""
    return f"{file.parent.name}/{file.name}"

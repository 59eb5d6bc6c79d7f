"""What one relay runs from: the file that an operator or a person writes, and what settings add.

Everything is resolved here: the streams are a list of names, defaults are filled in. Times are in
seconds. Unknown fields are ignored, because an operator may be newer than its relays.
"""

import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Self

import yaml
from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from streamset_api import stream
from streamset_api.buffer import ChannelOverflow
from streamset_api.enums import LogLevel, Overflow
from streamset_api.errors import InvalidValueError
from streamset_api.fields import Channel, Endpoint, OtlpEndpoint, Server, Subject, SubjectTemplate
from streamset_api.market import MARKETS, Market, MarketFacts, Route, TimeUnit, route_of, stream_url
from streamset_api.model import Model
from streamset_api.nats import WINDOW_MARGIN, JetStream
from streamset_api.redact import redact
from streamset_api.secret_files import AuthFiles, TlsFiles
from streamset_api.validation import read_yaml, validate

DAY = 86_400.0
CLIENT_NAME = "petrosa-socket-client"

Seconds = Annotated[float, Field(ge=0, le=DAY)]
Period = Annotated[float, Field(gt=0, le=DAY)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]


def _served(name: str, info: ValidationInfo) -> str:
    """Normalise the name of a stream; refuse one that the market (parsed before) has retired."""
    return stream.accept(info.data.get("market", Market.SPOT), name)


ServedStream = Annotated[str, AfterValidator(_served)]


class Transport(StrEnum):
    """The WebSocket client; `auto` is picows where it is installed."""

    AUTO = "auto"
    PICOWS = "picows"
    WEBSOCKETS = "websockets"


class NatsConfig(Model):
    """Where messages go."""

    servers: Annotated[tuple[Server, ...], Field(min_length=1, max_length=32)] = (
        "nats://localhost:4222",
    )
    """Addresses of one NATS system; any of them will do."""
    subject: SubjectTemplate = "binance.websocket.data"
    """Subject, or a template of {market} {symbol} {channel} {stream}."""
    events_subject: Subject | None = None
    """Subject of records of gaps, sequence resets, disconnects and rotations; none without it."""
    jet_stream: JetStream | None = None
    """Publish with JetStream; without it, core NATS."""
    auth: AuthFiles | None = None
    """Files with the credentials; `servers` then carry none."""
    tls: TlsFiles | None = None
    """TLS, required of every server; without it, of `tls://` ones."""
    client_name: Annotated[str, Field(min_length=1, max_length=128)] = CLIENT_NAME
    """Name of the connection, as the NATS server shows it."""

    @model_validator(mode="after")
    def _check_credentials(self) -> Self:
        if self.auth is not None and any("@" in server for server in self.servers):
            allowed = "addresses without credentials, since nats.auth names files with some"
            raise InvalidValueError([redact(url) for url in self.servers], allowed, "servers")
        return self


class BufferConfig(Model):
    """The bounded buffer between the exchange and NATS."""

    max_messages: Annotated[int, Field(ge=1, le=10_000_000)] = 5000
    """Messages it holds at most."""
    max_bytes: Annotated[int, Field(ge=1024, le=2**40)] = 64 * 2**20
    """Bytes it holds at most: payloads, and 200 for each message."""
    ttl_seconds: Period = 60.0
    """A message that waited longer since it was received is dropped, not sent."""
    overflow: Overflow = Overflow.DROP_NEWEST
    """Which message gives way when it is full."""
    channels: Annotated[tuple[ChannelOverflow, ...], Field(max_length=32)] = ()
    """Exceptions by channel; the first entry that fits counts."""

    def overflow_of(self, channel: str) -> Overflow:
        """Return the policy of a channel such as `depth20@100ms`."""
        names = {channel, stream.kind(channel)}
        return next((e.overflow for e in self.channels if e.channel in names), self.overflow)


class ReconnectConfig(Model):
    """How lost connections to the exchange are replaced."""

    initial_delay_seconds: Seconds = 5.0
    """Wait before the first attempt; it doubles with each failure."""
    max_delay_seconds: Seconds = 60.0
    """The wait grows up to this."""
    max_attempts: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Attempts in a row without lasting data before the relay exits with code 4; 0 is never."""
    ping_interval_seconds: Period = 30.0
    """Time between the relay's own pings."""


class HeartbeatConfig(Model):
    """The statistics log line."""

    enabled: bool = True
    """Whether it is written."""
    interval_seconds: Period = 30.0
    """Time between two lines."""


class HealthConfig(Model):
    """The HTTP server for probes and metrics."""

    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """Port it listens on; 0 takes a free one."""
    host: Annotated[str, Field(min_length=1, max_length=253)] = "0.0.0.0"  # noqa: S104 - a pod's probes come from outside
    """Address it listens on."""


class TelemetryConfig(Model):
    """OpenTelemetry; the standard OTEL_* variables apply too."""

    otlp_endpoint: OtlpEndpoint | None = None
    """Collector that metrics are pushed to, by OTLP over HTTP; `/v1/metrics` is added where it is missing."""


class Identity(Model):
    """Who this relay is. All absent for a relay without a cluster."""

    set: str | None = None
    """Name of the BinanceStreamSet."""
    relay: str | None = None
    """Name of this relay within the set, such as `majors-0`."""
    namespace: str | None = None
    """Namespace of the set."""
    set_uid: str | None = None
    """`metadata.uid` of the set: a later set of the same name has another one."""


class RouteConfig(Model):
    """One path of the endpoint, and what it delivers."""

    path: Annotated[str, Field(max_length=64, pattern=r"^([A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*)?$")]
    """Path without slashes around it; "" is the endpoint itself."""
    channels: Annotated[tuple[Channel, ...], Field(max_length=64)] = ()
    """Kinds of channel, such as `depth`; none are all that no other route names."""


class Timing(Model):
    """The relay's inner times and limits. Change them for an unusual network, or in tests."""

    open_timeout: Period = 10.0
    """A connect that takes longer has failed."""
    healthy_after: Seconds = 60.0
    """A connection with data for this long clears the count of failed attempts."""
    breaker_failures: Count = 5
    """Failures in a row that open the exchange's circuit breaker."""
    breaker_open: Seconds = 60.0
    """Time until the open breaker lets one probe through."""
    connects_per_window: Count = 30
    """Connects per window; the exchange allows 300 per address."""
    connect_window: Period = 300.0
    """Length of that window."""
    connection_lifetime: Period = 82_800.0
    """A connection is replaced at this age at the latest; the exchange cuts it at 24 hours."""
    lifetime_jitter: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Share of that age by which it may come earlier, at random, so that many relays spread theirs."""
    handover_timeout: Period = 15.0
    """How long the old connection and its replacement deliver side by side, at most."""
    control_per_second: Annotated[float, Field(gt=0, le=1000)] = 4.0
    """Control messages per second and connection."""
    no_data_after: Period = 90.0
    """A connection with neither frame nor ping for this long is dead."""
    silence_floor: Period = 10.0
    """A periodic stream is never called silent before this."""
    silence_factor: Annotated[float, Field(ge=1, le=1000)] = 5.0
    """A periodic stream is silent after this many of its periods; also before its first message."""
    confirm_interval: Annotated[float, Field(gt=0, le=1)] = 0.25
    """Time between the PINGs to NATS that confirm what was published."""
    nats_ping_timeout: Period = 10.0
    """A PING unanswered for this long means that the NATS connection is lost."""
    nats_backoff_max: Seconds = 2.0
    """Longest wait between two connects to NATS, or between two tries of a JetStream stream."""
    ack_timeout: Period = 5.0
    """A message that JetStream has not answered for this long is sent again."""
    window_messages: Count = 4096
    """Messages on their way into JetStream at a time."""
    window_bytes: Annotated[int, Field(ge=1024, le=2**40)] = 8 * 2**20
    """Bytes on their way into JetStream at a time."""
    succession_interval: Period = 0.5
    """How often a relay asks for another one of the same streams."""
    succession_silence: Period = 3.0
    """A relay that was not heard of for this long is succeeded without its word."""
    grace_period: Period = 30.0
    """terminationGracePeriodSeconds of the pod; the relay is done 5 s earlier."""
    config_poll_interval: Period = 1.0
    """How often the configuration file and those of `nats.auth` and `nats.tls` are looked at."""
    forbidden_delay: Seconds = 300.0
    """Wait after HTTP 403 or 451."""
    rate_limited_delay: Seconds = 60.0
    """Wait after HTTP 418 or 429 without a Retry-After."""
    report_interval: Period = 30.0
    """Longest time between two reports on the resource's status, within a cluster."""
    log_interval: Period = 10.0
    """A repeated log line is written at most this often."""


class RelayConfig(Model):
    """The whole configuration of one relay."""

    market: Market = Market.SPOT
    """Market the streams belong to; it decides host, routes and limits."""
    endpoint: Endpoint | None = None
    """Address that stands in for the market's own. It may end in /, /ws or /stream."""
    routes: Annotated[tuple[RouteConfig, ...], Field(max_length=8)] = ()
    """Routes that stand in for the market's own."""
    streams: Annotated[tuple[ServedStream, ...], Field(min_length=1, max_length=25_000)]
    """Names of the streams; a repeated one counts once."""
    time_unit: TimeUnit = TimeUnit.MILLISECOND
    """Unit of the times inside payloads, where the market offers a choice."""
    nats: NatsConfig = NatsConfig()
    """Where messages go."""
    buffer: BufferConfig = BufferConfig()
    """The bounded buffer in between."""
    reconnect: ReconnectConfig = ReconnectConfig()
    """How lost connections to the exchange are replaced."""
    log_level: LogLevel = LogLevel.INFO
    """The least severe log line that is written."""
    heartbeat: HeartbeatConfig = HeartbeatConfig()
    """The statistics log line."""
    health: HealthConfig = HealthConfig()
    """The HTTP server for probes and metrics."""
    telemetry: TelemetryConfig = TelemetryConfig()
    """OpenTelemetry."""
    identity: Identity = Identity()
    """Who this relay is."""
    environment: Annotated[str, Field(min_length=1, max_length=128)] = "production"
    """Name of the environment, for logs and telemetry."""
    transport: Transport = Transport.AUTO
    """The WebSocket client."""
    timing: Timing = Timing()
    """Inner times and limits."""

    @field_validator("streams")
    @classmethod
    def _once_each(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(names))

    @model_validator(mode="after")
    def _check_time_unit(self) -> Self:
        if self.time_unit is TimeUnit.MICROSECOND and not self.facts.time_unit:
            allowed = f"{TimeUnit.MILLISECOND}: {self.market} offers no other"
            raise InvalidValueError(self.time_unit, allowed, "timeUnit")
        return self

    @model_validator(mode="after")
    def _check_duplicate_window(self) -> Self:
        jet_stream, least = self.nats.jet_stream, self.buffer.ttl_seconds + WINDOW_MARGIN
        if jet_stream is not None and jet_stream.duplicate_window_seconds < least:
            given, where = (
                jet_stream.duplicate_window_seconds,
                "nats.jetStream.duplicateWindowSeconds",
            )
            raise InvalidValueError(given, f"at least buffer.ttlSeconds + {WINDOW_MARGIN}", where)
        return self

    @property
    def facts(self) -> MarketFacts:
        """The market's row of the market table."""
        return MARKETS[self.market]

    def route_of(self, name: str) -> str:
        """Return the route that delivers a stream."""
        routes = tuple(Route(route.path, route.channels) for route in self.routes)
        return route_of(self.market, name, routes)

    def url_of(self, route: str) -> str:
        """Return the address of a route's combined streams."""
        return stream_url(self.endpoint or self.market, route, self.time_unit)


def parse_relay_config(text: str, where: str = "") -> RelayConfig:
    """Read a configuration from YAML or JSON. Raises `ConfigError`; `where` names the file."""
    return validate(RelayConfig, relay_document(text, where), where=f"{where}: " if where else "")


def relay_document(text: str, where: str = "") -> object:
    """Return the one document of a configuration file as it stands. Raises `ConfigError`."""
    documents = read_yaml(text, where or "configuration")
    return documents[0] if documents else None


def to_document(config: RelayConfig) -> dict[str, Any]:
    """Return the configuration as plain values, complete with defaults."""
    return config.model_dump(mode="json", by_alias=True, exclude_none=True)


def to_yaml(config: RelayConfig) -> str:
    """Return the configuration as the text of its file; `parse_relay_config` reads it back."""
    return yaml.safe_dump(to_document(config), sort_keys=False, allow_unicode=True)


def config_hash(config: RelayConfig | Mapping[str, Any]) -> str:
    """Return 16 hexadecimal digits that stand for a configuration, or for a file's document.

    A relay hashes the document of its file, not what it made of it: so it agrees with an operator
    that knows other fields and defaults than it does.
    """
    document = to_document(config) if isinstance(config, RelayConfig) else config
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]

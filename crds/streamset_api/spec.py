"""`spec` of a BinanceStreamSet: which streams of which market go where, and how."""

import json
from typing import Annotated

from pydantic import Field

from streamset_api import stream
from streamset_api.buffer import Buffer
from streamset_api.enums import LogLevel
from streamset_api.fields import Channel, Endpoint, OtlpEndpoint, Stream, Symbol
from streamset_api.market import MARKETS, Market, TimeUnit
from streamset_api.model import Model, Rule
from streamset_api.nats import WINDOW_MARGIN, Nats
from streamset_api.pod import (
    ImagePullPolicy,
    ImageUpdatePolicy,
    LocalObjectRef,
    Pod,
    Resources,
)

MAX_RELAYS = 128
"""Relays of a set. All of them may leave a cluster by one address, which the exchange allows 300
connects in 5 minutes; a relay needs two, the second one to replace the first."""

_SOME_SYMBOLS, _SOME_CHANNELS, _SOME_STREAMS = (
    f"(has(self.{name}) && size(self.{name}) > 0)" for name in ("symbols", "channels", "streams")
)
_MICROSECOND_MARKETS = [market.value for market, facts in MARKETS.items() if facts.time_unit]


class Reconnect(Model):
    """How lost connections to the exchange are replaced."""

    initial_delay_seconds: Annotated[int, Field(ge=1, le=3600)] = 5
    """Wait before the first attempt; it doubles with each failure."""
    max_delay_seconds: Annotated[int, Field(ge=1, le=3600)] = 60
    """The wait grows up to this."""
    max_attempts: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Attempts in a row without lasting data before the relay's container ends; 0 is never."""
    ping_interval_seconds: Annotated[int, Field(ge=1, le=3600)] = 30
    """Time between the relay's own pings."""

    RULES = (
        Rule(
            "self.maxDelaySeconds >= self.initialDelaySeconds",
            "at least initialDelaySeconds",
            lambda reconnect: reconnect.max_delay_seconds >= reconnect.initial_delay_seconds,
            field="max_delay_seconds",
        ),
    )


class Heartbeat(Model):
    """The statistics log line of each relay."""

    enabled: bool = True
    """Whether it is written."""
    interval_seconds: Annotated[int, Field(ge=1, le=3600)] = 30
    """Time between two lines."""


class Telemetry(Model):
    """OpenTelemetry."""

    otlp_endpoint: OtlpEndpoint | None = None
    """Collector that metrics are pushed to, by OTLP over HTTP (usually port 4318); none are without it."""


class NetworkPolicy(Model):
    """A NetworkPolicy for the relays."""

    enabled: bool = False
    """Whether there is one."""


class PodMonitor(Model):
    """A PodMonitor of the Prometheus operator."""

    enabled: bool = False
    """Whether there is one, where the cluster knows the kind."""


class Monitoring(Model):
    """How the relays are monitored."""

    pod_monitor: PodMonitor = PodMonitor()
    """A PodMonitor of the Prometheus operator."""


def _serves(retired: stream.Retired) -> Rule:
    """Return the rule that no stream of the list is one of those retired."""
    return Rule(
        f"!(self.market in {json.dumps(retired.markets)}) || "
        f"!has(self.streams) || !self.streams.exists(name, name.matches({json.dumps(retired.pattern)}))",
        f"streams that the market serves: {retired.reason}",
        lambda spec: not any(retired.covers(spec.market, name) for name in spec.streams),
        field="streams",
    )


class BinanceStreamSetSpec(Model):
    """Which streams of which market go to which subjects, and how."""

    market: Market = Market.SPOT
    """Market that the streams belong to. It decides host, routes and limits."""
    endpoint: Endpoint | None = None
    """Address that stands in for the market's own, such as a proxy's. Names no streams."""
    symbols: Annotated[tuple[Symbol, ...], Field(max_length=1000)] = ()
    """Symbols; every one is combined with every entry of `channels`."""
    channels: Annotated[tuple[Channel, ...], Field(max_length=20)] = ()
    """Channels such as `trade`, `depth20@100ms` or `kline_1m`."""
    streams: Annotated[tuple[Stream, ...], Field(max_length=2000)] = ()
    """Further streams by their full name, such as "!miniTicker@arr"."""
    nats: Nats
    """Where messages go."""
    buffer: Buffer = Buffer()
    """What is held while NATS is slower than the exchange, or away."""
    time_unit: TimeUnit = TimeUnit.MILLISECOND
    """Unit of the times inside payloads; spot markets offer Microsecond too."""
    reconnect: Reconnect = Reconnect()
    """How lost connections to the exchange are replaced."""
    max_streams_per_relay: Annotated[int, Field(ge=1, le=5000)] = 200
    """More streams than this are spread over more relays."""
    suspend: bool = False
    """No relay runs while this is true; the resource and its settings stay."""
    log_level: LogLevel = LogLevel.INFO
    """The least severe log line that is written."""
    heartbeat: Heartbeat = Heartbeat()
    """The statistics log line."""
    telemetry: Telemetry = Telemetry()
    """OpenTelemetry."""
    image: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    """Image of the relays; without it the operator's default."""
    image_pull_policy: ImagePullPolicy | None = None
    """When the image is pulled; without it Kubernetes decides."""
    image_pull_secrets: Annotated[tuple[LocalObjectRef, ...], Field(max_length=16)] = ()
    """Secrets that pull the image."""
    image_update_policy: ImageUpdatePolicy = ImageUpdatePolicy.STAY
    """Whether running relays take a new default image when the operator is updated."""
    resources: Resources = Resources()
    """Compute resources of each relay."""
    pod: Pod = Pod()
    """What is added to the pods of the relays."""
    network_policy: NetworkPolicy = NetworkPolicy()
    """A NetworkPolicy for the relays."""
    monitoring: Monitoring = Monitoring()
    """How the relays are monitored."""

    RULES = (
        Rule(
            f"{_SOME_STREAMS} || ({_SOME_SYMBOLS} && {_SOME_CHANNELS})",
            "at least one stream: symbols and channels, or streams, or both",
            lambda spec: bool(spec.streams or (spec.symbols and spec.channels)),
            field="streams",
        ),
        Rule(
            f"{_SOME_SYMBOLS} == {_SOME_CHANNELS}",
            "channels where there are symbols, and symbols where there are channels",
            lambda spec: bool(spec.symbols) == bool(spec.channels),
            field="channels",
        ),
        *map(_serves, stream.RETIRED),
        Rule(
            f"({_SOME_SYMBOLS} && {_SOME_CHANNELS} ? size(self.symbols) * size(self.channels) : 0)"
            " + (has(self.streams) ? size(self.streams) : 0)"
            f" <= {MAX_RELAYS} * self.maxStreamsPerRelay",
            f"large enough for at most {MAX_RELAYS} relays: symbols times channels, and streams",
            lambda spec: (
                len(spec.symbols) * len(spec.channels) + len(spec.streams)
                <= MAX_RELAYS * spec.max_streams_per_relay
            ),
            field="max_streams_per_relay",
        ),
        Rule(
            f"self.timeUnit == '{TimeUnit.MILLISECOND}' || "
            f"self.market in {json.dumps(_MICROSECOND_MARKETS)}",
            f"{TimeUnit.MILLISECOND}; only {', '.join(_MICROSECOND_MARKETS)} offer another unit",
            lambda spec: (
                spec.time_unit is TimeUnit.MILLISECOND or spec.market in _MICROSECOND_MARKETS
            ),
            field="time_unit",
        ),
        Rule(
            "!has(self.nats.jetStream) || self.nats.jetStream.duplicateWindowSeconds >= "
            f"self.buffer.ttlSeconds + {WINDOW_MARGIN}",
            f"at least buffer.ttlSeconds + {WINDOW_MARGIN}",
            lambda spec: (
                spec.nats.jet_stream is None
                or spec.nats.jet_stream.duplicate_window_seconds
                >= spec.buffer.ttl_seconds + WINDOW_MARGIN
            ),
            field="nats.jet_stream.duplicate_window_seconds",
        ),
    )


def streams_of(spec: BinanceStreamSetSpec) -> tuple[str, ...]:
    """Return all streams that the set asks for, normalised, each once, in a stable order."""
    return stream.unite(spec.symbols, spec.channels, spec.streams)

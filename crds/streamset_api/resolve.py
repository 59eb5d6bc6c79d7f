"""From a manifest to the configuration of one relay. The operator and the demo both use it."""

from collections.abc import Sequence

from streamset_api.relay_config import (
    BufferConfig,
    HeartbeatConfig,
    Identity,
    NatsConfig,
    ReconnectConfig,
    RelayConfig,
    TelemetryConfig,
    Timing,
)
from streamset_api.secret_files import auth_files, tls_files
from streamset_api.spec import BinanceStreamSetSpec, streams_of


def resolve(
    spec: BinanceStreamSetSpec,
    streams: Sequence[str] | None = None,
    identity: Identity | None = None,
) -> RelayConfig:
    """Return what a relay runs from: all of the set's streams, or the share named in `streams`."""
    return RelayConfig(
        market=spec.market,
        endpoint=spec.endpoint,
        streams=tuple(streams_of(spec) if streams is None else streams),
        time_unit=spec.time_unit,
        nats=NatsConfig(
            servers=spec.nats.servers,
            subject=spec.nats.subject,
            events_subject=spec.nats.events_subject,
            jet_stream=spec.nats.jet_stream,
            auth=auth_files(spec.nats.auth),
            tls=tls_files(spec.nats.tls),
        ),
        buffer=BufferConfig(
            max_messages=spec.buffer.max_messages,
            max_bytes=spec.buffer.max_bytes,
            ttl_seconds=spec.buffer.ttl_seconds,
            overflow=spec.buffer.overflow,
            channels=spec.buffer.channels,
        ),
        reconnect=ReconnectConfig(
            initial_delay_seconds=spec.reconnect.initial_delay_seconds,
            max_delay_seconds=spec.reconnect.max_delay_seconds,
            max_attempts=spec.reconnect.max_attempts,
            ping_interval_seconds=spec.reconnect.ping_interval_seconds,
        ),
        log_level=spec.log_level,
        heartbeat=HeartbeatConfig(
            enabled=spec.heartbeat.enabled, interval_seconds=spec.heartbeat.interval_seconds
        ),
        telemetry=TelemetryConfig(otlp_endpoint=spec.telemetry.otlp_endpoint),
        identity=identity or Identity(),
        timing=Timing(grace_period=spec.pod.termination_grace_period_seconds),
    )

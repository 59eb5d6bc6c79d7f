"""From a manifest to a relay's configuration."""

from typing import Any

from streamset_api.relay_config import Identity, RelayConfig, parse_relay_config, to_yaml
from streamset_api.resolve import resolve
from streamset_api.resource import parse
from tests.unit.api.documents import manifest, nats

FULL: dict[str, Any] = {
    "market": "spot-data",
    "endpoint": "wss://proxy.example.com/ws",
    "symbols": ["BTCUSDT", "ethusdt"],
    "channels": ["trade", "depth@100ms"],
    "streams": ["!miniTicker@arr"],
    "timeUnit": "Microsecond",
    "nats": nats(
        subject="x.{stream}",
        eventsSubject="x.events",
        jetStream={
            "stream": "S",
            "create": {
                "subjects": ["x.>"],
                "storage": "Memory",
                "replicas": 3,
                "maxAgeSeconds": 600,
                "maxBytes": 1_000_000,
                "discard": "New",
            },
            "ordered": True,
            "duplicateWindowSeconds": 40,
        },
    ),
    "buffer": {
        "maxMessages": 7,
        "maxBytes": 70_000,
        "ttlSeconds": 8,
        "overflow": "DropOldest",
        "channels": [{"channel": "trade", "overflow": "DropNewest"}],
    },
    "reconnect": {
        "initialDelaySeconds": 2,
        "maxDelaySeconds": 9,
        "maxAttempts": 3,
        "pingIntervalSeconds": 4,
    },
    "logLevel": "DEBUG",
    "heartbeat": {"enabled": False, "intervalSeconds": 11},
    "telemetry": {"otlpEndpoint": "http://collector:4318"},
    "pod": {"terminationGracePeriodSeconds": 45},
}


def config_of(**spec: Any) -> RelayConfig:
    return resolve(parse(manifest(**spec)).spec)


def test_the_defaults_of_a_manifest_are_those_of_the_file() -> None:
    assert config_of() == parse_relay_config(
        "{streams: [btcusdt@trade], nats: {servers: ['nats://nats:4222']}}"
    )


def test_every_field_arrives() -> None:
    config = config_of(**FULL)

    assert config.market == "spot-data"
    assert config.endpoint == "wss://proxy.example.com/ws"
    assert config.streams == (
        *("btcusdt@trade", "btcusdt@depth@100ms", "ethusdt@trade", "ethusdt@depth@100ms"),
        "!miniTicker@arr",
    )
    assert config.time_unit == "Microsecond"
    assert config.nats.servers == ("nats://nats:4222",)
    assert (config.nats.subject, config.nats.events_subject) == ("x.{stream}", "x.events")
    assert config.nats.jet_stream is not None
    jet_stream = config.nats.jet_stream.model_dump(mode="json", by_alias=True)
    assert jet_stream == FULL["nats"]["jetStream"]
    assert config.buffer.model_dump(mode="json", by_alias=True) == FULL["buffer"]
    assert config.reconnect.model_dump(mode="json", by_alias=True) == FULL["reconnect"]
    assert config.log_level == "DEBUG"
    assert config.heartbeat.model_dump(by_alias=True) == FULL["heartbeat"]
    assert config.telemetry.otlp_endpoint == "http://collector:4318"
    assert config.timing.grace_period == 45


def test_manifest_to_file_and_back() -> None:
    config = config_of(**FULL)

    assert parse_relay_config(to_yaml(config)) == config


def test_a_share_of_the_streams_and_an_identity() -> None:
    identity = Identity(set="majors", relay="majors-1", namespace="data", set_uid="u")

    config = resolve(parse(manifest()).spec, ["ethusdt@trade"], identity)

    assert config.streams == ("ethusdt@trade",)
    assert config.identity == identity

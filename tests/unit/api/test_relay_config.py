"""The relay's configuration file."""

import re
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamset_api.buffer import ChannelOverflow
from streamset_api.enums import Overflow
from streamset_api.errors import ConfigError
from streamset_api.market import MarketFacts
from streamset_api.relay_config import (
    BufferConfig,
    RelayConfig,
    RouteConfig,
    Timing,
    config_hash,
    parse_relay_config,
    to_document,
    to_yaml,
)
from streamset_api.stream import normalise
from tests.unit.api import strategies

MINIMAL = "streams: [btcusdt@trade]"


def test_defaults() -> None:
    config = parse_relay_config(MINIMAL)

    assert to_document(config) == {
        "market": "spot",
        "routes": [],
        "streams": ["btcusdt@trade"],
        "timeUnit": "Millisecond",
        "nats": {
            "servers": ["nats://localhost:4222"],
            "subject": "binance.websocket.data",
            "clientName": "petrosa-socket-client",
        },
        "buffer": {
            "maxMessages": 5000,
            "maxBytes": 67_108_864,
            "ttlSeconds": 60,
            "overflow": "DropNewest",
            "channels": [],
        },
        "reconnect": {
            "initialDelaySeconds": 5,
            "maxDelaySeconds": 60,
            "maxAttempts": 0,
            "pingIntervalSeconds": 30,
        },
        "logLevel": "INFO",
        "heartbeat": {"enabled": True, "intervalSeconds": 30},
        "health": {"port": 8080, "host": "0.0.0.0"},
        "telemetry": {},
        "identity": {},
        "environment": "production",
        "transport": "auto",
        "timing": {
            "openTimeout": 10,
            "healthyAfter": 60,
            "breakerFailures": 5,
            "breakerOpen": 60,
            "connectsPerWindow": 30,
            "connectWindow": 300,
            "connectionLifetime": 82_800,
            "lifetimeJitter": 0.1,
            "handoverTimeout": 15,
            "controlPerSecond": 4,
            "noDataAfter": 90,
            "silenceFloor": 10,
            "silenceFactor": 5,
            "confirmInterval": 0.25,
            "natsPingTimeout": 10,
            "natsBackoffMax": 2,
            "ackTimeout": 5,
            "windowMessages": 4096,
            "windowBytes": 8_388_608,
            "gracePeriod": 30,
            "successionInterval": 0.5,
            "successionSilence": 3,
            "configPollInterval": 1,
            "forbiddenDelay": 300,
            "rateLimitedDelay": 60,
            "reportInterval": 30,
            "logInterval": 10,
        },
    }


@pytest.mark.parametrize(
    ("text", "where", "allowed"),
    [
        ("", "relay.yaml: given", "a mapping"),
        ("{}", "relay.yaml: streams", "required"),
        ("streams: []", "relay.yaml: streams", "at least 1"),
        ("streams: [btcusdt]", "relay.yaml: streams[0]", "<symbol>@<channel>"),
        ("streams: [a@trade, '!ticker@arr']", "relay.yaml: streams[1]", "March 2026"),
        (f"{MINIMAL}\nmarket: usdm\ntimeUnit: Microsecond", "relay.yaml: timeUnit", "Millisecond"),
        (f"{MINIMAL}\nbuffer: {{maxMessages: 0}}", "relay.yaml: buffer.maxMessages", "equal to 1"),
        (f"{MINIMAL}\nbuffer: {{ttlSeconds: .nan}}", "relay.yaml: buffer.ttlSeconds", "finite"),
        (f"{MINIMAL}\nnats: {{subject: 'a.>'}}", "relay.yaml: nats.subject", "wildcards"),
        (f"{MINIMAL}\ntiming: {{confirmInterval: 2}}", "timing.confirmInterval", "equal to 1"),
        (f"{MINIMAL}\nhealth: {{port: 65536}}", "health.port", "equal to 65535"),
        (f"{MINIMAL}\ntransport: pigeon", "transport", "'picows'"),
    ],
)
def test_wrong_files_are_refused_by_field(text: str, where: str, allowed: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_relay_config(text, "relay.yaml")

    [line] = str(caught.value).splitlines()
    assert where in line
    assert allowed in line.partition("; allowed: ")[2]


def test_credentials_of_a_wrong_file_are_masked() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_relay_config(f'{MINIMAL}\nnats: {{servers: ["nats://u:hush@h:x"]}}\ntransport: 5')

    assert "hush" not in str(caught.value)


def test_unknown_fields_are_ignored() -> None:
    text = f"{MINIMAL}\nfuture: 1\nbuffer: {{future: {{a: b}}}}"

    assert parse_relay_config(text) == parse_relay_config(MINIMAL)


def test_streams_are_normalised_and_repeated_once() -> None:
    config = parse_relay_config("streams: [BTCUSDT@trade, '!miniTicker@arr', btcusdt@trade]")

    assert config.streams == ("btcusdt@trade", "!miniTicker@arr")


def test_times_can_be_scaled_down() -> None:
    zeros = {
        name: 0.001 for name, field in Timing.model_fields.items() if field.annotation is float
    }

    timing = Timing(**(zeros | {"silence_factor": 1}))

    assert timing.open_timeout == timing.forbidden_delay == 0.001


def test_overflow_by_channel_or_kind_first_fit() -> None:
    buffer = BufferConfig(
        channels=(
            ChannelOverflow(channel="depth@100ms", overflow=Overflow.DROP_NEWEST),
            ChannelOverflow(channel="depth", overflow=Overflow.DROP_OLDEST),
        )
    )

    assert buffer.overflow_of("depth@100ms") is Overflow.DROP_NEWEST
    assert buffer.overflow_of("depth20@100ms") is Overflow.DROP_OLDEST
    assert buffer.overflow_of("trade") is Overflow.DROP_NEWEST


@pytest.mark.parametrize(
    ("config", "url"),
    [
        (RelayConfig(streams=("a@trade",)), "wss://stream.binance.com:9443/stream"),
        (
            RelayConfig(streams=("a@trade",), market="usdm", endpoint="ws://127.0.0.1:1/ws"),
            "ws://127.0.0.1:1/public/stream",
        ),
        (
            RelayConfig(
                streams=("a@trade",),
                market="usdm",
                routes=(
                    RouteConfig(path="public"),
                    RouteConfig(path="market", channels=("trade",)),
                ),
            ),
            "wss://fstream.binance.com/market/stream",
        ),
        (
            RelayConfig(streams=("a@trade",), time_unit="Microsecond"),
            "wss://stream.binance.com:9443/stream?timeUnit=MICROSECOND",
        ),
    ],
)
def test_the_address_of_a_stream(config: RelayConfig, url: str) -> None:
    assert config.url_of(config.route_of("a@trade")) == url


configs = st.builds(
    RelayConfig,
    market=st.sampled_from(["spot-data", "usdm", "us"]),
    streams=st.lists(strategies.names.map(lambda name: name.replace("!", "a@", 1)), min_size=1).map(
        tuple
    ),
    endpoint=st.sampled_from([None, "ws://127.0.0.1:1/ws"]),
    buffer=st.builds(BufferConfig, ttl_seconds=st.floats(0.001, 86_400)),
    timing=st.builds(Timing, open_timeout=st.floats(0.001, 100)),
)


@given(configs)
def test_a_configuration_survives_its_file(config: RelayConfig) -> None:
    text = to_yaml(config)

    assert parse_relay_config(text) == config
    assert config_hash(parse_relay_config(text)) == config_hash(config)


@given(configs, configs)
def test_the_hash_tells_configurations_apart(one: RelayConfig, other: RelayConfig) -> None:
    assert (config_hash(one) == config_hash(other)) is (one == other)
    assert re.fullmatch(r"[0-9a-f]{16}", config_hash(one))


def test_the_hash_is_that_of_the_document_in_any_order() -> None:
    config = parse_relay_config(MINIMAL)
    document: dict[str, Any] = to_document(config)

    assert config_hash(dict(reversed(document.items()))) == config_hash(config)
    assert config_hash(document | {"future": 1}) != config_hash(config)


def test_a_repeated_message_has_to_fall_into_the_duplicate_window() -> None:
    """A message may wait for `buffer.ttlSeconds`, and then be sent again for a while."""
    jet_stream = "nats: {jetStream: {stream: S, duplicateWindowSeconds: 40}}"
    assert parse_relay_config(
        f"{MINIMAL}\n{jet_stream}\nbuffer: {{ttlSeconds: 10}}"
    ).nats.jet_stream

    with pytest.raises(ConfigError, match=r"nats\.jetStream\.duplicateWindowSeconds.*40.*\+ 30"):
        parse_relay_config(f"{MINIMAL}\n{jet_stream}\nbuffer: {{ttlSeconds: 10.5}}")


def test_facts_are_those_of_the_market() -> None:
    facts = parse_relay_config(f"{MINIMAL}\nmarket: usdm").facts

    assert {field.name for field in fields(MarketFacts)} >= {"url", "routes", "control_per_second"}
    assert facts.control_per_second == 10


@given(strategies.names.filter(lambda name: not name.startswith("!")))
def test_streams_keep_their_normal_form(name: str) -> None:
    assert RelayConfig(streams=(name,)).streams == (normalise(name),)

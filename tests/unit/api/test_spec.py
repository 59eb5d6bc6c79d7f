"""The resource's fields: defaults, and every rule with what it takes and what it refuses."""

from typing import Any

import pytest

from streamset_api.errors import ConfigError
from streamset_api.resource import parse
from streamset_api.spec import streams_of
from tests.unit.api.documents import manifest, nats

SECRET = {"name": "nats-creds", "key": "relay.creds"}
LISTEN_KEY = "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1"


def test_defaults() -> None:
    spec = parse(manifest()).spec

    assert spec.market == "spot"
    assert spec.nats.subject == "binance.websocket.data"
    assert spec.nats.jet_stream is None
    assert (spec.buffer.max_messages, spec.buffer.max_bytes) == (5000, 64 * 1024 * 1024)
    assert (spec.buffer.ttl_seconds, spec.buffer.overflow) == (60, "DropNewest")
    assert spec.time_unit == "Millisecond"
    assert spec.reconnect.model_dump() == {
        "initial_delay_seconds": 5,
        "max_delay_seconds": 60,
        "max_attempts": 0,
        "ping_interval_seconds": 30,
    }
    assert spec.max_streams_per_relay == 200
    assert spec.suspend is False
    assert spec.log_level == "INFO"
    assert (spec.heartbeat.enabled, spec.heartbeat.interval_seconds) == (True, 30)
    assert spec.image_update_policy == "Stay"
    assert spec.resources.requests == {"memory": "256Mi", "cpu": "200m"}
    assert spec.resources.limits == {"memory": "2Gi", "cpu": "1000m"}
    assert spec.network_policy.enabled is False
    assert spec.monitoring.pod_monitor.enabled is False


def test_streams_are_the_matrix_and_the_list() -> None:
    spec = parse(manifest(symbols=["BTCUSDT"], streams=["!miniTicker@arr", "btcusdt@trade"])).spec

    assert streams_of(spec) == ("btcusdt@trade", "!miniTicker@arr")


@pytest.mark.parametrize(
    "fields",
    [
        {"streams": ["!miniTicker@arr"], "symbols": [], "channels": []},
        {"symbols": ["币安人生usdt"], "channels": ["kline_1d@+08:00"]},
        {"market": "usdm", "streams": ["!bookTicker", "!ticker@arr", "tradingSession"]},
        {"market": "us", "streams": ["!ticker@arr"]},
        {"market": "spot-data", "timeUnit": "Microsecond"},
        {"endpoint": "ws://127.0.0.1:9443/ws"},
        {"nats": nats(subject="{market}.{symbol}.{channel}", eventsSubject="binance.events")},
        {"nats": nats(auth={"credsSecretRef": SECRET}, tls={"caSecretRef": SECRET})},
        {"nats": nats(jetStream={"stream": "S", "duplicateWindowSeconds": 90})},
        {"nats": nats(jetStream={"stream": "S", "create": {"storage": "Memory", "replicas": 3}})},
        {"buffer": {"channels": [{"channel": "depth", "overflow": "DropOldest"}]}},
        {"reconnect": {"initialDelaySeconds": 60, "maxDelaySeconds": 60}},
        {"resources": {"limits": {"cpu": 1, "memory": "1Gi"}}},
        {"pod": {"affinity": {"nodeAffinity": {"anything": [1, {"goes": None}]}}}},
        {"pod": {"env": [{"name": "A", "value": "b"}], "terminationGracePeriodSeconds": 60}},
        {"logLevel": "DEBUG", "suspend": True, "maxStreamsPerRelay": 1},
        {"telemetry": {"otlpEndpoint": "http://collector:4318"}},
    ],
)
def test_accepted(fields: dict[str, Any]) -> None:
    parse(manifest(**fields), strict=True)


@pytest.mark.parametrize(
    ("fields", "where", "allowed"),
    [
        ({"symbols": [], "channels": []}, "spec.streams", "at least one stream"),
        ({"symbols": []}, "spec.streams", "at least one stream"),
        ({"symbols": [], "streams": ["a@trade"]}, "spec.channels", "channels where there are"),
        ({"symbols": ["btc@usdt"]}, "spec.symbols[0]", "a symbol such as btcusdt"),
        ({"symbols": ["_x"]}, "spec.symbols[0]", "a symbol such as btcusdt"),
        ({"symbols": ["s"] * 1001}, "spec.symbols", "at most 1000, not 1001"),
        ({"channels": ["@trade"]}, "spec.channels[0]", "without symbol"),
        ({"channels": ["trade", "btcusdt trade"]}, "spec.channels[1]", "without symbol"),
        ({"streams": ["btcusdt"]}, "spec.streams[0]", "<symbol>@<channel>"),
        ({"streams": ["!ticker@arr"]}, "spec.streams", "retired on spot in March 2026"),
        ({"streams": ["!bookTicker"]}, "spec.streams", "retired on spot in December 2022"),
        ({"streams": [LISTEN_KEY]}, "spec.streams[0]", "listen key"),
        ({"market": "coinm", "streams": ["a@indexPrice@1s"]}, "spec.streams", "June 2026"),
        ({"streams": ["a@trade"] * 128, "maxStreamsPerRelay": 1}, "spec.maxStreamsPerRelay", "128"),
        ({"market": "nyse"}, "spec.market", "'usdm'"),
        ({"market": "usdm", "timeUnit": "Microsecond"}, "spec.timeUnit", "Millisecond"),
        ({"endpoint": "https://h"}, "spec.endpoint", "wss://stream.binance.com:9443"),
        ({"endpoint": "wss://h/stream?streams=a@b"}, "spec.endpoint", "without stream names"),
        ({"nats": {}}, "spec.nats.servers", "required"),
        ({"nats": {"servers": []}}, "spec.nats.servers", "at least 1"),
        ({"nats": {"servers": ["http://h"]}}, "spec.nats.servers[0]", "nats://localhost:4222"),
        ({"nats": {"servers": ["nats://u:p@h"]}}, "spec.nats.servers[0]", "nats.auth"),
        ({"nats": nats(subject="a.*")}, "spec.nats.subject", "without spaces and wildcards"),
        ({"nats": nats(subject="$SYS.a")}, "spec.nats.subject", "not starting with $"),
        ({"nats": nats(subject="{nope}")}, "spec.nats.subject", "{market}"),
        ({"nats": nats(eventsSubject="{symbol}")}, "spec.nats.eventsSubject", "placeholders"),
        (
            {"nats": nats(auth={"credsSecretRef": SECRET, "tokenSecretRef": SECRET})},
            "spec.nats.auth",
            "at most one of",
        ),
        ({"nats": nats(auth={"nkeySecretRef": {"name": "a"}})}, "spec.nats.auth.nkey", "required"),
        ({"nats": nats(jetStream={"stream": "a b"})}, "spec.nats.jetStream.stream", "letters"),
        (
            {"nats": nats(jetStream={"stream": "S"}), "buffer": {"ttlSeconds": 91}},
            "spec.nats.jetStream.duplicateWindowSeconds: given 120",
            "at least buffer.ttlSeconds + 30",
        ),
        ({"buffer": {"maxMessages": 0}}, "spec.buffer.maxMessages", "greater than or equal to 1"),
        ({"buffer": {"maxMessages": "5"}}, "spec.buffer.maxMessages", "a valid integer"),
        ({"buffer": {"overflow": "Block"}}, "spec.buffer.overflow", "'DropNewest'"),
        ({"buffer": {"channels": [{"channel": "depth"}]}}, "channels[0].overflow", "required"),
        ({"reconnect": {"maxDelaySeconds": 4}}, "reconnect.maxDelaySeconds", "initialDelay"),
        ({"maxStreamsPerRelay": 0}, "spec.maxStreamsPerRelay", "greater than or equal to 1"),
        ({"suspend": "yes"}, "spec.suspend", "a valid boolean"),
        ({"logLevel": "loud"}, "spec.logLevel", "'DEBUG'"),
        ({"resources": {"limits": {"memory": "lots"}}}, "spec.resources.limits.memory", "256Mi"),
        ({"resources": {"limits": {"cpu": True}}}, "spec.resources.limits.cpu", "string"),
        ({"telemetry": {"otlpEndpoint": "collector"}}, "otlpEndpoint", "http://collector:4318"),
        ({"telemetry": {"otlpEndpoint": "http://[1]:1"}}, "otlpEndpoint", "http://collector:4318"),
        ({"endpoint": "ws://[1]:9443"}, "spec.endpoint", "wss://stream.binance.com:9443"),
        ({"nats": nats(servers=["nats://[1]:4222"])}, "servers[0]", "nats://localhost:4222"),
        ({"heartbeat": {"intervalSeconds": 0}}, "heartbeat.intervalSeconds", "greater than"),
        ({"pod": {"terminationGracePeriodSeconds": 5}}, "terminationGrace", "equal to 10"),
    ],
)
def test_refused_by_name_with_what_is_allowed(
    fields: dict[str, Any], where: str, allowed: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(manifest(**fields))

    [line] = str(caught.value).splitlines()
    assert where in line
    assert allowed in line.partition("; allowed: ")[2]


@pytest.mark.parametrize("name", ["a", "spot-majors", "a" * 40, "a1"])
def test_names_that_are_dns_labels(name: str) -> None:
    assert parse(manifest() | {"metadata": {"name": name}}).metadata.name == name


@pytest.mark.parametrize("name", ["", "A", "a" * 41, "a.b", "-a", "a-", "1a", "a_b", "a\n"])
def test_names_that_are_not(name: str) -> None:
    with pytest.raises(ConfigError, match=r"metadata\.name"):
        parse(manifest() | {"metadata": {"name": name}})


def test_all_problems_come_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(manifest(market="nyse", suspend=1, buffer={"ttlSeconds": 0}, streams=[1]))

    assert [problem.where for problem in caught.value.problems] == [
        *("spec.market", "spec.streams[0]", "spec.buffer.ttlSeconds", "spec.suspend"),
    ]

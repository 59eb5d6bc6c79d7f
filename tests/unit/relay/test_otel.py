from pathlib import Path
from typing import Any

import pytest

from streamset_api.relay_config import RelayConfig
from streamset_api.validation import validate
from streamset_relay.otel import Collector, Telemetry, telemetry_of

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
METRICS = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"
HERE = {ENDPOINT: "http://collector:4318"}


def read(variables: dict[str, str], **parts: Any) -> Telemetry:
    config = validate(RelayConfig, {"streams": ["btcusdt@trade"], **parts})
    return telemetry_of(config, variables, "relay-7")


def collector(variables: dict[str, str], **parts: Any) -> Collector:
    telemetry = read(variables, **parts)
    assert telemetry.collector is not None
    assert telemetry.ignored == ()
    return telemetry.collector


def ignored(variables: dict[str, str]) -> str:
    (problem,) = read(HERE | variables).ignored
    return str(problem)


def test_metrics_are_pushed_to_nobody_by_default() -> None:
    assert read({}) == Telemetry(None)


@pytest.mark.parametrize(
    ("variables", "field", "url"),
    [
        ({}, "http://c:4318", "http://c:4318/v1/metrics"),
        ({}, "http://c:4318/", "http://c:4318/v1/metrics"),
        ({}, "https://c/otlp", "https://c/otlp/v1/metrics"),
        ({}, "https://c/otlp/v1/metrics", "https://c/otlp/v1/metrics"),
        ({ENDPOINT: "http://e:1"}, "http://c:4318", "http://e:1/v1/metrics"),
        ({ENDPOINT: "http://e:1"}, None, "http://e:1/v1/metrics"),
        ({ENDPOINT: " "}, "http://c:4318", "http://c:4318/v1/metrics"),
        ({METRICS: "http://m:2", ENDPOINT: "http://e:1"}, "http://c:4318", "http://m:2"),
        ({METRICS: "http://m:2/at/all"}, None, "http://m:2/at/all"),
    ],
)
def test_address(variables: dict[str, str], field: str | None, url: str) -> None:
    """The variable for metrics alone is taken as it is; the others are a base."""
    assert collector(variables, telemetry={"otlpEndpoint": field}).url == url


@pytest.mark.parametrize(
    "variables",
    [
        {"OTEL_SDK_DISABLED": "True"},
        {"OTEL_METRICS_EXPORTER": "none"},
        {"OTEL_METRICS_EXPORTER": "Prometheus, console"},
    ],
)
def test_it_can_be_switched_off(variables: dict[str, str]) -> None:
    assert read(HERE | variables) == Telemetry(None)


def test_everything_by_default() -> None:
    asked = collector(HERE)

    assert (asked.interval, asked.timeout, asked.gzip) == (60, 10, False)
    assert (asked.headers, asked.certificate) == ({}, None)
    assert asked.resource == {
        "service.name": "binance-streamset-relay",
        "service.instance.id": "relay-7:8080",
        "deployment.environment.name": "production",
        "streamset.market": "spot",
    }


def test_everything_by_variables() -> None:
    asked = collector(
        HERE
        | {
            "OTEL_METRICS_EXPORTER": "console, OTLP",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "HTTP/protobuf",
            "OTEL_EXPORTER_OTLP_HEADERS": "api-key=s3cret%2C=, tenant = a",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "9000",
            "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT": "1500",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "GZIP",
            "OTEL_EXPORTER_OTLP_CERTIFICATE": "/tls/ca.pem",
            "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": "/tls/tls.crt",
            "OTEL_EXPORTER_OTLP_CLIENT_KEY": "/tls/tls.key",
            "OTEL_METRIC_EXPORT_INTERVAL": "5000",
        }
    )

    assert asked.headers == {"api-key": "s3cret,=", "tenant": "a"}
    assert (asked.interval, asked.timeout, asked.gzip) == (5, 1.5, True)
    files = asked.certificate, asked.client_certificate, asked.client_key
    assert files == (Path("/tls/ca.pem"), Path("/tls/tls.crt"), Path("/tls/tls.key"))
    assert "s3cret" not in repr(asked)


def test_resource_attributes_may_hold_what_headers_may_not() -> None:
    resource = collector(HERE | {"OTEL_RESOURCE_ATTRIBUTES": "a%2Cb=c%0Ad, e f=g"}).resource

    assert (resource["a,b"], resource["e f"]) == ("c\nd", "g")


def test_the_relay_says_who_it_is() -> None:
    identity = {"set": "majors", "relay": "majors-0", "namespace": "data", "setUid": "u"}

    asked = collector(HERE, identity=identity, environment="staging", market="usdm")

    assert asked.resource == {
        "service.name": "binance-streamset-relay",
        "service.instance.id": "relay-7",
        "deployment.environment.name": "staging",
        "k8s.namespace.name": "data",
        "streamset.name": "majors",
        "streamset.relay": "majors-0",
        "streamset.market": "usdm",
    }


@pytest.mark.parametrize(
    ("variables", "service"),
    [
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=a,team=md%20core"}, "a"),
        (
            {"OTEL_RESOURCE_ATTRIBUTES": "service.name=a,team=md%20core", "OTEL_SERVICE_NAME": "b"},
            "b",
        ),
    ],
)
def test_variables_name_the_service(variables: dict[str, str], service: str) -> None:
    resource = collector(HERE | variables).resource

    assert (resource["service.name"], resource["team"]) == (service, "md core")


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s", True),
        ("OTEL_METRIC_EXPORT_INTERVAL", "0", True),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd", True),
        ("OTEL_RESOURCE_ATTRIBUTES", "team", True),
        ("OTEL_RESOURCE_ATTRIBUTES", "=md", True),
        ("OTEL_RESOURCE_ATTRIBUTES", "team=%ff", True),
        ("OTEL_SERVICE_NAME", "a\udcff", True),
        ("OTEL_METRICS_EXPORTER", "oltp", True),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=b%0d%0ac: d", True),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a b=c", True),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/proto", True),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", False),
    ],
)
def test_what_cannot_be_used_is_told_and_ignored(name: str, value: str, kept: bool) -> None:
    assert ignored({name: value}).startswith(f"{name}: given ")
    asked = read(HERE | {name: value}).collector
    assert (asked == collector(HERE)) if kept else (asked is None)


def test_a_wrong_address_leaves_the_configured_one() -> None:
    for wrong in ("collector:4318", "http://[1]:4318", "http://[::::]"):
        telemetry = read({ENDPOINT: wrong}, telemetry={"otlpEndpoint": "http://c:4318"})

        assert telemetry.collector is not None
        assert telemetry.collector.url == "http://c:4318/v1/metrics"
        assert str(telemetry.ignored[0]).startswith(f"{ENDPOINT}: given ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_HEADERS", "hush"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "hush=a b,=hush"),
        (ENDPOINT, "http://user:hush@collector:4318"),
        (ENDPOINT, "user:hush@collector:4318"),
        (ENDPOINT, "http://user:hu/sh@collector:4318"),
        (METRICS, "https://collector/v1/metrics?api-key=hush"),
    ],
)
def test_keys_are_never_shown(name: str, value: str) -> None:
    assert "hush" not in ignored({name: value})

"""Metrics pushed to an OpenTelemetry collector, and what a relay does when there is trouble with it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from exchange_simulator import Simulator, SimulatorConfig
from streamset_api.relay_config import RelayConfig
from streamset_api.validation import validate
from streamset_relay.settings import Settings
from tests.support.certificates import authority_in
from tests.support.collector import Collector
from tests.support.nats_server import NatsServer, free_ports
from tests.support.relay import LocalRelay, document, eventually, metrics
from tests.support.relay_process import RelayProcess

TRADES = "btcusdt@trade"
OFTEN = {"OTEL_METRIC_EXPORT_INTERVAL": "50"}
NOT_PUSHED = "Metrics could not be pushed"
PUSHED_AGAIN = "Metrics are pushed again"


def settings(config: Mapping[str, Any], **variables: str) -> Settings:
    return Settings(
        validate(RelayConfig, config), False, None, opentelemetry={**OFTEN, **variables}
    )


def alone(collector: str, **variables: str) -> Settings:
    """A relay with neither exchange nor NATS in reach."""
    config = document("ws://127.0.0.1:9", "nats://127.0.0.1:9", TRADES)
    return settings(config | {"telemetry": {"otlpEndpoint": collector}}, **variables)


async def test_a_collector_has_what_metrics_show(nats_server: NatsServer) -> None:
    """Compressed; once the market stands still, both say the same, to the message."""
    market = SimulatorConfig(rates={TRADES: 500}, limit=300)
    async with Simulator(market) as exchange, Collector() as collector:
        config = document(exchange.url, nats_server.url, TRADES, environment="staging")
        config["telemetry"] = {"otlpEndpoint": collector.url}
        variables = {
            "OTEL_EXPORTER_OTLP_HEADERS": "x-key=s3cret",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
        }
        async with LocalRelay(settings(config, **variables)) as relay:
            await relay.until(lambda status: status.ledger.published == 300)
            at = len(collector.pushes)
            await eventually(lambda: len(collector.pushes) > at + 1, "pushes after the end")
            shown, pushed = await metrics(relay), collector.pushes[-1]

            counted = {name for name in shown if name.startswith("socket_client_received")}
            counted |= {name for name in shown if "processed" in name or "published" in name}
            assert {shown[name] for name in counted} == {300}
            assert len(counted) == 3
            assert {name: pushed.samples[name] for name in counted} == {
                name: shown[name] for name in counted
            }
            known = {name.partition("{")[0] for name in pushed.samples}
            assert known == {name.partition("{")[0] for name in shown}
            assert pushed.headers["x-key"] == "s3cret"
            assert pushed.headers["Content-Encoding"] == "gzip"
            assert pushed.headers["Content-Type"] == "application/json"
            assert pushed.resource["deployment.environment.name"] == "staging"
            assert not relay.said(NOT_PUSHED)
            assert "s3cret" not in str(relay.lines)


async def test_over_tls_by_an_own_authority(tmp_path: Path) -> None:
    """Of a stranger nothing is believed, and nothing is sent to it."""
    ours, stranger = authority_in(tmp_path / "ours"), authority_in(tmp_path / "stranger")
    tls = ours.server_context("IP:127.0.0.1")
    for authority, trusted in ((stranger, False), (ours, True)):
        async with Collector(tls=tls) as collector:
            variables = {"OTEL_EXPORTER_OTLP_CERTIFICATE": str(authority.certificate)}
            async with LocalRelay(alone(collector.url, **variables)) as relay:
                if trusted:
                    await eventually(lambda: collector.pushes, "a push over TLS")
                else:
                    await eventually(lambda: relay.said(NOT_PUSHED), "a refusal")
                    assert collector.asked == 0


async def test_a_collector_that_is_away_costs_one_line() -> None:
    (port,) = free_ports(1)
    async with LocalRelay(alone(f"http://127.0.0.1:{port}")) as relay:
        await eventually(lambda: relay.said(NOT_PUSHED), "the first refusal")
        await relay.until(lambda status: status.uptime > 1)
        assert len(relay.said(NOT_PUSHED)) == 1
        async with Collector(port) as collector:
            await eventually(lambda: relay.said(PUSHED_AGAIN), "the collector is found")
            assert collector.pushes
        await eventually(lambda: len(relay.said(NOT_PUSHED)) == 2, "it is away again")


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (503, "overloaded", "HTTP status 503: overloaded"),
        (302, "", "HTTP status 302"),
        (
            200,
            '{"partialSuccess": {"rejectedDataPoints": "3", "errorMessage": "too old"}}',
            "3 data points refused: too old",
        ),
    ],
)
async def test_a_refusal_is_told(status: int, body: str, why: str) -> None:
    async with Collector() as collector:
        collector.status, collector.pieces = status, (body,)
        async with LocalRelay(alone(collector.url)) as relay:
            await eventually(lambda: relay.said(NOT_PUSHED), "the refusal")
            assert relay.said(NOT_PUSHED)[0].fields["why"] == why


async def test_an_answer_in_pieces_is_read_to_its_end_and_shows_no_key() -> None:
    async with Collector() as collector:
        collector.status, collector.pieces = 401, ("who is ", "s3cret", "?")
        variables = {"OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Bearer%20s3cret"}
        async with LocalRelay(alone(collector.url, **variables)) as relay:
            await eventually(lambda: relay.said(NOT_PUSHED), "the refusal")
            assert relay.said(NOT_PUSHED)[0].fields["why"] == "HTTP status 401: who is ***?"
            collector.status = 403
            await eventually(lambda: len(relay.said(NOT_PUSHED)) == 2, "another reason")


async def test_a_key_under_a_password_is_refused_without_asking_for_it(tmp_path: Path) -> None:
    authority = authority_in(tmp_path / "authority")
    certificate, key = authority.issue("client")
    async with Collector(tls=authority.server_context("IP:127.0.0.1")) as collector:
        variables = {
            "OTEL_EXPORTER_OTLP_CERTIFICATE": str(authority.certificate),
            "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": str(certificate),
            "OTEL_EXPORTER_OTLP_CLIENT_KEY": str(authority.encrypted(key)),
        }
        async with LocalRelay(alone(collector.url, **variables)) as relay:
            await eventually(lambda: relay.said(NOT_PUSHED), "a refusal")
        variables["OTEL_EXPORTER_OTLP_CLIENT_KEY"] = str(key)
        async with LocalRelay(alone(collector.url, **variables)):
            await eventually(lambda: collector.pushes, "a push")


async def test_an_answer_that_never_comes_holds_nothing_up() -> None:
    """Neither the next push, once the time is up, nor the relay's end."""
    async with Collector() as collector:
        collector.mute = True
        async with LocalRelay(alone(collector.url, OTEL_EXPORTER_OTLP_TIMEOUT="100")) as relay:
            await eventually(lambda: collector.asked > 1, "a second push")
            assert relay.said(NOT_PUSHED)[0].fields["why"] == "no answer within 0.1 s"
        async with LocalRelay(alone(collector.url, OTEL_EXPORTER_OTLP_TIMEOUT="900000")) as relay:
            asked = collector.asked
            await eventually(lambda: collector.asked > asked, "a push")
            await relay.stop()


async def test_a_variable_of_no_use_is_told() -> None:
    async with LocalRelay(alone("http://127.0.0.1:9", OTEL_EXPORTER_OTLP_PROTOCOL="grpc")) as relay:
        await relay.until(lambda status: status.uptime > 0)
        (line,) = relay.said("A variable cannot be used")
        assert str(line.fields["problem"]).startswith("OTEL_EXPORTER_OTLP_PROTOCOL: given ")
        assert not relay.said("Pushing metrics")


async def test_a_process_by_variables_alone(tmp_path: Path) -> None:
    exchange, nats = free_ports(2)
    async with Collector() as collector:
        environ = {
            "BINANCE_WS_URL": f"ws://127.0.0.1:{exchange}",
            "NATS_URL": f"nats://127.0.0.1:{nats}",
            "HEALTH_PORT": "0",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_SERVICE_NAME": "md",
            **OFTEN,
        }
        async with RelayProcess(tmp_path, environ=environ) as relay:
            await eventually(lambda: collector.pushes, "a push")
            assert (await relay.stop()).code == 0
        assert collector.pushes[0].resource["service.name"] == "md"
        assert collector.pushes[0].samples["process_resident_memory_bytes"] > 1_000_000

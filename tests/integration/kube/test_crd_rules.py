"""Every rule of the CRD: a manifest that it takes, and one that it refuses in words that name the fix."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from streamset_api import crd
from streamset_api.errors import ConfigError
from streamset_api.model import VALIDATIONS
from tests.integration.kube.sets import dry_run, parsed
from tests.support.kube_client import KubeClient, KubeError
from tests.unit.api.documents import manifest, nats

SECRET = {"name": "nats-creds", "key": "relay.creds"}
LISTEN_KEY = "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1"
NO_MATRIX: dict[str, Any] = {"symbols": [], "channels": []}
FULL = "a" * 253


class Case(NamedTuple):
    """`fix` is part of the rule's message, `field` is where the API server says the fault is."""

    fix: str
    field: str
    accepted: dict[str, Any]
    refused: dict[str, Any]


CASES = (
    Case("at least one stream", "spec.streams", NO_MATRIX | {"streams": ["a@trade"]}, NO_MATRIX),
    Case(
        "channels where there are symbols",
        "spec.channels",
        {"streams": ["a@trade"]},
        {"streams": ["a@trade"], "channels": []},
    ),
    Case(
        "!bookTicker was retired on spot",
        "spec.streams",
        {"market": "usdm", "streams": ["!bookTicker"]},
        {"streams": ["!bookTicker"]},
    ),
    Case(
        "use !miniTicker@arr",
        "spec.streams",
        {"market": "us", "streams": ["!ticker@arr"]},
        {"market": "spot-data", "streams": ["!miniTicker@arr", "!ticker@arr"]},
    ),
    Case(
        "use <pair>@indexPrice",
        "spec.streams",
        {"market": "coinm", "streams": ["btcusd@indexPrice"]},
        {"market": "coinm", "streams": ["btcusd@indexPrice@1s"]},
    ),
    Case(
        "Millisecond; only spot",
        "spec.timeUnit",
        {"market": "spot", "timeUnit": "Microsecond"},
        {"market": "usdm", "timeUnit": "Microsecond"},
    ),
    Case(
        "large enough for at most 128 relays",
        "spec.maxStreamsPerRelay",
        {"symbols": [f"s{i}" for i in range(128)], "maxStreamsPerRelay": 1},
        {"streams": [f"s{i}@trade" for i in range(128)], "maxStreamsPerRelay": 1},
    ),
    Case(
        "at least buffer.ttlSeconds + 30",
        "spec.nats.jetStream.duplicateWindowSeconds",
        {"nats": nats(jetStream={"stream": "S"}), "buffer": {"ttlSeconds": 90}},
        {"nats": nats(jetStream={"stream": "S"}), "buffer": {"ttlSeconds": 91}},
    ),
    Case(
        "without stream names",
        "spec.endpoint",
        {"endpoint": "wss://proxy.example:9443/binance?x=1"},
        {"endpoint": "https://stream.binance.com"},
    ),
    Case(
        "without stream names and credentials",
        "spec.endpoint",
        {"endpoint": "wss://proxy.example"},
        {"endpoint": "wss://user:pass@proxy.example"},
    ),
    Case(
        "without stream names",
        "spec.endpoint",
        {"endpoint": "ws://[::1]:9443/stream?timeUnit=MICROSECOND"},
        {"endpoint": "wss://proxy/stream?streams=btcusdt@trade"},
    ),
    Case(
        "a symbol such as btcusdt",
        "spec.symbols[0]",
        {"symbols": ["币安人生USDT", "btcusd_perp"]},
        {"symbols": ["btc@usdt"]},
    ),
    Case(
        "depth20@100ms or kline_1m",
        "spec.channels[1]",
        {"channels": ["trade", "kline_1d@+08:00"]},
        {"channels": ["trade", "@trade"]},
    ),
    Case("listen key", "spec.streams[0]", {"streams": ["a@trade"]}, {"streams": [LISTEN_KEY]}),
    Case(
        "<symbol>@<channel> such as",
        "spec.streams[0]",
        {"streams": ["btcusdt@depth20@100ms", "!miniTicker@arr", "tradingSession"]},
        {"streams": ["btcusdt"]},
    ),
    Case(
        "nats:// or tls:// address",
        "spec.nats.servers[1]",
        {"nats": {"servers": ["nats://nats", "tls://nats-1.nats.svc:4222", "nats://[::1]:1/"]}},
        {"nats": {"servers": ["nats://nats", "nats://nats:65536"]}},
    ),
    Case(
        "belong in a Secret that nats.auth names",
        "spec.nats.servers[0]",
        {"nats": nats(auth={"userPasswordSecretRef": {"name": "nats-login"}})},
        {"nats": {"servers": ["nats://user:password@nats:4222"]}},
    ),
    Case(
        "the placeholders {market} {symbol} {channel} {stream}",
        "spec.nats.subject",
        {"nats": nats(subject="binance.{market}.{symbol}.{channel}")},
        {"nats": nats(subject="binance.{exchange}")},
    ),
    Case(
        "not starting with $",
        "spec.nats.subject",
        {"nats": nats(subject="a.$b")},
        {"nats": nats(subject="$JS.API")},
    ),
    Case(
        "without spaces, wildcards and placeholders",
        "spec.nats.eventsSubject",
        {"nats": nats(eventsSubject="binance.events")},
        {"nats": nats(eventsSubject="binance.*")},
    ),
    Case(
        "does not start with $",
        "spec.nats.eventsSubject",
        {"nats": nats(eventsSubject="a.$")},
        {"nats": nats(eventsSubject="$SYS.events")},
    ),
    Case(
        "letters, digits, - and _",
        "spec.nats.jetStream.stream",
        {"nats": nats(jetStream={"stream": "BINANCE_spot-1"})},
        {"nats": nats(jetStream={"stream": "binance.spot"})},
    ),
    Case(
        "at most one of credsSecretRef",
        "spec.nats.auth",
        {"nats": nats(auth={"credsSecretRef": SECRET})},
        {"nats": nats(auth={"credsSecretRef": SECRET, "tokenSecretRef": SECRET})},
    ),
    Case(
        "the name of an object",
        "spec.nats.tls.certSecretRef.name",
        {"nats": nats(tls={"certSecretRef": {"name": "a.b-c"}})},
        {"nats": nats(tls={"certSecretRef": {"name": "A"}})},
    ),
    Case(
        "a key of a Secret",
        "spec.nats.auth.nkeySecretRef.key",
        {"nats": nats(auth={"nkeySecretRef": SECRET})},
        {"nats": nats(auth={"nkeySecretRef": {"name": "a", "key": "a/b"}})},
    ),
    Case(
        "at least initialDelaySeconds",
        "spec.reconnect.maxDelaySeconds",
        {"reconnect": {"initialDelaySeconds": 60}},
        {"reconnect": {"initialDelaySeconds": 61}},
    ),
    Case(
        "http://collector:4318",
        "spec.telemetry.otlpEndpoint",
        {"telemetry": {"otlpEndpoint": "https://collector.example:4318/v1/metrics"}},
        {"telemetry": {"otlpEndpoint": "collector:4318"}},
    ),
    Case(
        "a quantity such as 500m",
        "spec.resources.limits[memory]",
        {"resources": {"limits": {"memory": "1.5Gi", "cpu": 2}, "requests": {"cpu": "1e3"}}},
        {"resources": {"limits": {"memory": "lots"}}},
    ),
    Case(
        "names of 1 to 253 characters",
        "spec.pod.annotations",
        {"pod": {"annotations": {FULL: ""}}},
        {"pod": {"annotations": {FULL + "a": ""}}},
    ),
    Case(
        "names of 1 to 253 characters",
        "spec.resources.requests",
        {"resources": {"requests": {FULL: 1}}},
        {"resources": {"requests": {"": 1}}},
    ),
)


def messages(schema: object) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from (rule["message"] for rule in schema.get(VALIDATIONS, ()))
        for inner in schema.values():
            yield from messages(inner)


def test_every_rule_has_a_case() -> None:
    rules = set(messages(crd.schema()["properties"]))

    assert len(rules) > 20
    assert [rule for rule in rules if not any(case.fix in rule for case in CASES)] == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.field}: {case.fix}")
async def test_a_rule(admin: KubeClient, case: Case) -> None:
    taken = await dry_run(admin, manifest(**case.accepted))
    refusal = await dry_run(admin, manifest(**case.refused))
    by_models = parsed(manifest(**case.refused))

    assert not isinstance(taken, KubeError), taken
    assert isinstance(refusal, KubeError)
    assert any(case.fix in message for message in refusal.causes[case.field]), refusal.causes
    assert isinstance(by_models, ConfigError)
    [problem] = by_models.problems
    assert problem.where.startswith(case.field.replace("[memory]", ".memory"))
    assert case.fix in problem.allowed


@pytest.mark.parametrize("name", ["a", "spot-majors", "a" * 40, "a1"])
async def test_names_that_are_dns_labels(admin: KubeClient, name: str) -> None:
    taken = await dry_run(admin, manifest() | {"metadata": {"name": name}})

    assert not isinstance(taken, KubeError), taken


@pytest.mark.parametrize("name", ["a" * 41, "a.b", "1a", "spot.majors-1"])
async def test_names_that_are_not(admin: KubeClient, name: str) -> None:
    """What Kubernetes would take as a name and a relay's Service would not."""
    refusal = await dry_run(admin, manifest() | {"metadata": {"name": name}})

    assert isinstance(refusal, KubeError)
    assert "metadata.name: lower-case letters, digits and -" in refusal.message
    assert "at most 40 characters" in refusal.message

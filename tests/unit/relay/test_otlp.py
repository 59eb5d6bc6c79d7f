"""Requests are held against OpenTelemetry's own schema: its parser refuses fields that it does not know."""

from math import inf, nan

import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family

from streamset_relay.core.tally import Tally
from streamset_relay.metrics import RelayCollector, with_process
from streamset_relay.otlp import request_of
from streamset_relay.status import Status

from .snapshots import JETSTREAM, STATUS

STARTED, NOW = 1_700_000_000_000_000_001, 1_700_000_060_000_000_002


def parse(*families: Family) -> ExportMetricsServiceRequest:
    request = request_of(
        families,
        {"service.name": "relay", "team": "币安"},
        {"name": "streamset_relay", "version": "1"},
        started_ns=STARTED,
        now_ns=NOW,
    )
    parsed = ExportMetricsServiceRequest()
    ParseDict(request, parsed)
    return parsed


def metrics(*families: Family) -> dict[str, Metric]:
    found = parse(*families).resource_metrics[0].scope_metrics[0].metrics
    by_name = {metric.name: metric for metric in found}
    assert len(by_name) == len(found)
    return by_name


def pairs(attributes: list[KeyValue]) -> dict[str, str]:
    return {pair.key: pair.value.string_value for pair in attributes}


def test_who_says_it() -> None:
    (resource,) = parse().resource_metrics

    assert pairs(list(resource.resource.attributes)) == {"service.name": "relay", "team": "币安"}
    assert resource.scope_metrics[0].scope.name == "streamset_relay"
    assert resource.scope_metrics[0].scope.version == "1"


def test_a_counter_is_a_cumulative_sum() -> None:
    """Beyond 2**53, where a double would round."""
    family = CounterMetricFamily("dropped", "Messages dropped, by reason", labels=["reason"])
    family.add_metric(["expired"], 2**53 + 1)
    family.add_metric(["币安"], 0)

    metric = metrics(family)["dropped_total"]

    assert metric.description == "Messages dropped, by reason"
    assert metric.sum.is_monotonic
    assert metric.sum.aggregation_temporality == AggregationTemporality.Value(
        "AGGREGATION_TEMPORALITY_CUMULATIVE"
    )
    points = {pairs(list(p.attributes))["reason"]: p.as_int for p in metric.sum.data_points}
    assert points == {"expired": 2**53 + 1, "币安": 0}
    times = {(p.start_time_unix_nano, p.time_unix_nano) for p in metric.sum.data_points}
    assert times == {(STARTED, NOW)}


def test_a_gauge_is_a_gauge() -> None:
    metric = metrics(GaugeMetricFamily("lag", "Seconds", value=-0.25))["lag"]

    assert metric.WhichOneof("data") == "gauge"
    assert [point.as_double for point in metric.gauge.data_points] == [-0.25]


def test_what_has_no_number_is_left_out() -> None:
    families = [
        GaugeMetricFamily(name, "", value=value) for name, value in [("a", nan), ("b", inf)]
    ]
    assert metrics(*families, CounterMetricFamily("none", "", labels=["stream"])) == {}


@pytest.mark.parametrize("snapshot", [STATUS, JETSTREAM])
def test_all_of_the_relay(snapshot: Status) -> None:
    """Every sample of `/metrics`, the process' own included, under its name."""
    collector = RelayCollector(lambda: snapshot, [], Tally())
    families = list(with_process(list(collector.collect())))

    found = metrics(*families)

    assert {sample.name for family in families for sample in family.samples} == set(found)
    assert "process_resident_memory_bytes" in found
    received = found["socket_client_received_total"].sum.data_points[0]
    assert received.as_int == snapshot.ledger.received > 0

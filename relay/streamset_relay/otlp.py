"""Metrics as OTLP says them: ExportMetricsServiceRequest in JSON, under the names that `/metrics` has.

Source: OpenTelemetry protocol, `opentelemetry/proto/metrics/v1/metrics.proto`, in the JSON mapping of Protocol Buffers
(64-bit integers are strings), and the specification's "Prometheus and OpenMetrics Compatibility".
"""

from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from typing import Any

from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

CUMULATIVE = 2
"""AGGREGATION_TEMPORALITY_CUMULATIVE: a count since the start, so a lost request loses nothing."""


def request_of(
    families: Iterable[Metric],
    resource: Mapping[str, str],
    scope: Mapping[str, str],
    *,
    started_ns: int,
    now_ns: int,
) -> dict[str, Any]:
    """Return the request that carries these metrics.

    `resource` are its attributes, `scope` the name and version of who measured. Times are nanoseconds of the Unix
    epoch: since when counters count, and when all of it was read.
    """
    times = {"startTimeUnixNano": str(started_ns), "timeUnixNano": str(now_ns)}
    metrics = [metric for family in families for metric in _metrics(family, times)]
    return {
        "resourceMetrics": [
            {
                "resource": {"attributes": _attributes(resource)},
                "scopeMetrics": [{"scope": dict(scope), "metrics": metrics}],
            }
        ]
    }


def _metrics(family: Metric, times: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """A family whose samples have several names is as many metrics; one without samples is none."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for sample in family.samples:
        if isfinite(sample.value):  # JSON has no word for the others
            by_name.setdefault(sample.name, []).append(_point(sample, times))
    for name, points in by_name.items():
        about = {"name": name, "description": family.documentation, "unit": family.unit}
        if family.type == "counter":
            total = {"aggregationTemporality": CUMULATIVE, "isMonotonic": True}
            yield about | {"sum": {"dataPoints": points, **total}}
        else:
            yield about | {"gauge": {"dataPoints": points}}


def _point(sample: Sample, times: Mapping[str, str]) -> dict[str, Any]:
    whole = isinstance(sample.value, int) and not isinstance(sample.value, bool)
    value = {"asInt": str(sample.value)} if whole else {"asDouble": float(sample.value)}
    return {"attributes": _attributes(sample.labels), **times, **value}


def _attributes(pairs: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in pairs.items()]

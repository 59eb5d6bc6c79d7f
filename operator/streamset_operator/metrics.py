"""The operator's own metrics, Prometheus text."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

PREFIX = "streamset_operator_"


class Metrics:
    """Counters that the stages of the operator add to."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.reconciles = Counter(
            f"{PREFIX}reconciles", "Sets worked on.", ["result"], registry=self.registry
        )
        self.errors = Counter(
            f"{PREFIX}reconcile_errors",
            "Failures of that work, by the kind of error.",
            ["error"],
            registry=self.registry,
        )
        self.duration = Histogram(
            f"{PREFIX}reconcile_duration_seconds",
            "Time that the work on a set took.",
            buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100),
            registry=self.registry,
        )
        self.requests = Counter(
            f"{PREFIX}api_requests",
            "Requests to the API server, other than watches.",
            ["method", "resource"],
            registry=self.registry,
        )
        self.watch_failures = Counter(
            f"{PREFIX}watch_failures",
            "Times that the watches ended and were started again.",
            registry=self.registry,
        )
        self.resynced_at = Gauge(
            f"{PREFIX}last_resync_timestamp_seconds",
            "When everything was last listed, Unix time.",
            registry=self.registry,
        )
        for result in ("success", "failure"):
            self.reconciles.labels(result=result)

    def watch(self, resources: Callable[[], Iterable[Any]], depth: Callable[[], int]) -> None:
        """Report what is there at each scrape: the sets by condition, and how many wait."""
        self.registry.register(_World(resources, depth))


class _World(Collector):
    def __init__(self, resources: Callable[[], Iterable[Any]], depth: Callable[[], int]) -> None:
        self._resources = resources
        self._depth = depth

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            f"{PREFIX}queue_depth", "Sets that wait to be worked on.", self._depth()
        )
        resources = list(self._resources())
        yield GaugeMetricFamily(f"{PREFIX}sets", "Sets that there are.", len(resources))
        by_condition: dict[tuple[str, str, str], int] = {}
        for found in resources:
            for condition in (found.get("status") or {}).get("conditions") or ():
                labels = (condition["type"], condition["status"], condition["reason"])
                by_condition[labels] = by_condition.get(labels, 0) + 1
        family = GaugeMetricFamily(
            f"{PREFIX}sets_by_condition",
            "Sets by condition, its status and its reason.",
            labels=["condition", "status", "reason"],
        )
        for labels, count in sorted(by_condition.items()):
            family.add_metric(labels, count)
        yield family

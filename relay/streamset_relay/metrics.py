"""Prometheus metrics, read from the status when they are asked for: nothing is counted twice, nothing per message."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client import (
    CollectorRegistry,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from .core.account import JetStreamAccount
from .core.stream import Stream
from .core.tally import Tally
from .status import Status

PREFIX = "socket_client_"

#: Clocks that disagree show as a negative lag; below this it is no rounding.
SKEW = -0.05


class RelayCollector(Collector):
    """Collects from what it is given; names kept from the service this one replaces come first."""

    def __init__(
        self, observe: Callable[[], Status], streams: Iterable[Stream], tally: Tally
    ) -> None:
        self._observe = observe
        self._streams = streams
        self._tally = tally

    def collect(self) -> Iterator[Metric]:
        """Every metric family of the relay."""
        status = self._observe()
        yield from self._kept(status)
        yield from self._ledger(status)
        yield from self._sequences(status)
        yield from self._links(status)

    def _kept(self, status: Status) -> Iterator[Metric]:
        processed = CounterMetricFamily(
            PREFIX + "messages_processed", "Messages received, by stream", labels=["stream"]
        )
        for stream in list(self._streams):
            processed.add_metric([stream.name], stream.received)
        yield processed
        yield _counter(
            "messages_dropped", "Messages dropped, all reasons", status.ledger.dropped_total
        )
        yield _gauge("queue_size", "Messages waiting for NATS", status.queue_size)
        yield _gauge(
            "queue_utilization_percent",
            "How full the buffer is, by the bound that is nearer",
            status.queue_utilization * 100,
        )
        yield _gauge(
            "websocket_connected", "1 when every connection is open", status.websocket_connected
        )
        yield _gauge("nats_connected", "1 when NATS is connected", status.nats_connected)
        yield _counter(
            "reconnect_attempts", "Connects after the first, exchange", status.reconnects
        )
        yield _gauge("uptime_seconds", "Seconds since the start", status.uptime)
        rate = status.ledger.received / status.uptime if status.uptime else 0.0
        yield _gauge("messages_per_second", "Messages received per second since the start", rate)
        since = status.since_last_message
        yield _gauge(
            "time_since_last_message_seconds",
            "Seconds since the last message; since the start while there was none",
            status.uptime if since is None else since,
        )

    def _ledger(self, status: Status) -> Iterator[Metric]:
        ledger = status.ledger
        yield _counter("received", "Data frames received, malformed ones included", ledger.received)
        if status.jetstream is None:
            yield _counter("published", "Messages that NATS confirmed", ledger.published)
            yield _counter(
                "unconfirmed",
                "Messages written to a NATS connection that was lost before it confirmed them",
                ledger.unconfirmed,
            )
        else:
            yield from _jetstream(status.jetstream)
        yield _counter(
            "duplicate",
            "Messages that two connections or two relays brought, delivered once",
            ledger.duplicate,
        )
        yield _labelled("dropped", "Messages dropped, by reason", "reason", ledger.dropped)
        yield _labelled(
            "event_records", "Records on the subject of events", "type", status.event_records
        )
        yield _gauge("in_flight", "Messages in the buffer or not yet confirmed", ledger.in_flight)
        yield _gauge("ledger_difference", "Frames unaccounted for; must be 0", ledger.difference)
        yield _gauge("queue_age_seconds", "Age of the oldest waiting message", status.queue_age)

    def _sequences(self, status: Status) -> Iterator[Metric]:
        yield _counter("sequence_gaps", "Holes in the numbers of a stream", status.gaps)
        yield _counter("sequence_missing", "Events known to be missing in them", status.missing)
        yield _counter(
            "sequence_resets", "Times a stream's numbers went back", status.sequence_resets
        )
        yield _gauge(
            "exchange_lag_seconds",
            "Receive time less the exchange's event time, of the last event that shows one",
            status.lag,
        )
        yield _gauge(
            "clock_skew_suspected", "1 when events come from the future", status.lag < SKEW
        )

    def _links(self, status: Status) -> Iterator[Metric]:
        connections = GaugeMetricFamily(
            PREFIX + "connections", "Connections to the exchange, by state", labels=["state"]
        )
        for state, count in status.connections.items():
            connections.add_metric([state], count)
        yield connections
        breaker = GaugeMetricFamily(
            PREFIX + "breaker_state", "1 for the state that is", labels=["name", "state"]
        )
        for name, current in status.breakers.items():
            for state in ("closed", "half_open", "open"):
                breaker.add_metric([name, state], state == current)
        yield breaker
        yield _gauge("streams_wanted", "Streams configured", len(status.streams))
        yield _gauge("streams_active", "Streams that delivered on their connection", status.active)
        yield _gauge("streams_silent", "Clock-driven streams that are overdue", len(status.silent))
        yield _counter(
            "subscribe_errors", "Error answers to SUBSCRIBE and UNSUBSCRIBE", self._tally.refusals
        )
        yield _labelled(
            "disconnects",
            "Failed connects and lost connections, by close code or HTTP status",
            "reason",
            self._tally.losses,
        )
        yield _labelled(
            "handovers", "Planned replacements of connections", "outcome", status.handovers
        )
        yield _counter(
            "handover_unaligned",
            "Streams that were replaced although no event was seen on both connections",
            self._tally.unaligned,
        )
        yield _counter(
            "nats_reconnects", "Connects to NATS after the first", status.nats_reconnects
        )


def _jetstream(account: JetStreamAccount) -> Iterator[Metric]:
    yield _counter("acked", "Messages that the JetStream stream stored", account.acked)
    yield _gauge("jetstream_in_window", "Messages written and not answered", account.in_window)
    yield _gauge(
        "jetstream_window_limit",
        "Messages that may be in flight; less than configured while the server is overloaded",
        account.window_limit,
    )
    yield _counter("jetstream_resent", "Writes after a message's first", account.resent)
    yield _counter(
        "jetstream_duplicate_answers",
        "Answers that the stream had the message already",
        account.duplicate_answers,
    )
    yield _counter(
        "jetstream_reordered",
        "Messages stored behind a later one of their stream",
        account.reordered,
    )


def expose(families: Sequence[Metric]) -> bytes:
    """Prometheus text of metrics that were collected before, and of the process' own. Reads files."""
    return generate_latest(registry_of(_Collected(families)))


def with_process(families: Sequence[Metric]) -> Iterable[Metric]:
    """Metrics that were collected before, and those of the process. Reads files."""
    return registry_of(_Collected(families)).collect()


def registry_of(collector: Collector) -> CollectorRegistry:
    """A registry with the relay's metrics and those of its process."""
    registry = CollectorRegistry()
    registry.register(collector)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry


@dataclass(frozen=True, eq=False)  # a registry wants it hashable
class _Collected(Collector):
    families: Sequence[Metric]

    def collect(self) -> Iterable[Metric]:
        return self.families


def _counter(name: str, help_text: str, value: float) -> Metric:
    return CounterMetricFamily(PREFIX + name, help_text, value=value)


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(PREFIX + name, help_text, value=float(value))


def _labelled(name: str, help_text: str, label: str, values: dict[str, int]) -> Metric:
    family = CounterMetricFamily(PREFIX + name, help_text, labels=[label])
    for value, count in values.items():
        family.add_metric([value], count)
    return family

from collections import Counter

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from streamset_api.enums import Overflow
from streamset_api.market import Market
from streamset_relay.core.stream import Stream
from streamset_relay.core.tally import Tally
from streamset_relay.metrics import PREFIX, RelayCollector, registry_of
from streamset_relay.status import Status

from .snapshots import FRESH, JETSTREAM, STATUS, status

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]

# Names kept from the replaced service, with their types and labels.
KEPT = {
    "messages_processed_total": ("counter", {"stream"}),
    "messages_dropped_total": ("counter", set()),
    "queue_size": ("gauge", set()),
    "queue_utilization_percent": ("gauge", set()),
    "websocket_connected": ("gauge", set()),
    "nats_connected": ("gauge", set()),
    "reconnect_attempts_total": ("counter", set()),
    "uptime_seconds": ("gauge", set()),
    "messages_per_second": ("gauge", set()),
    "time_since_last_message_seconds": ("gauge", set()),
}


def stream(name: str, received: int) -> Stream:
    made = Stream(name, Market.SPOT, "s", Overflow.DROP_NEWEST)
    made.received = received
    return made


def scrape(
    snapshot: Status, streams: list[Stream] | None = None, tally: Tally | None = None
) -> str:
    given = [stream("btcusdt@trade", 700), stream("币安人生usdt@trade", 296)]
    collector = RelayCollector(
        lambda: snapshot, given if streams is None else streams, tally or Tally()
    )
    registry = CollectorRegistry()
    registry.register(collector)
    return generate_latest(registry).decode()


def samples(text: str) -> Samples:
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found
            found[key] = sample.value
    return found


def value(text: str, metric: str, /, **labels: str) -> float:
    return samples(text)[PREFIX + metric, tuple(sorted(labels.items()))]


@pytest.mark.parametrize("snapshot", [STATUS, FRESH], ids=["busy", "fresh"])
def test_names_types_and_labels_are_kept(snapshot: Status) -> None:
    text = scrape(snapshot)

    labels: dict[str, set[str]] = {}
    for name, pairs in samples(text):
        labels.setdefault(name, set()).update(label for label, _ in pairs)
    for name, (kind, wanted) in KEPT.items():
        assert f"# TYPE {PREFIX}{name} {kind}\n" in text
        assert labels[PREFIX + name] == wanted


def test_every_name_has_the_prefix_help_and_one_family() -> None:
    families = list(text_string_to_metric_families(scrape(STATUS)))

    names = [family.name for family in families]
    assert len(names) == len(set(names))
    assert all(name.startswith(PREFIX) for name in names)
    assert all(family.documentation for family in families)
    assert {family.type for family in families} == {"counter", "gauge"}


def test_values_are_those_of_the_status() -> None:
    tally = Tally(refusals=13, unaligned=8, losses=Counter({"close_1006": 4, "http_451": 2}))
    found = samples(scrape(STATUS, tally=tally))

    assert {
        name.removeprefix(PREFIX): number for (name, labels), number in found.items() if not labels
    } == {
        "messages_dropped_total": 29,
        "queue_size": 38,
        "queue_utilization_percent": 81.25,
        "websocket_connected": 1,
        "nats_connected": 1,
        "reconnect_attempts_total": 6,
        "uptime_seconds": 80,
        "messages_per_second": 12.5,
        "time_since_last_message_seconds": 0.75,
        "received_total": 1_000,
        "published_total": 900,
        "unconfirmed_total": 30,
        "duplicate_total": 1,
        "in_flight": 40,
        "ledger_difference": 0,
        "queue_age_seconds": 1.5,
        "sequence_gaps_total": 3,
        "sequence_missing_total": 11,
        "sequence_resets_total": 2,
        "exchange_lag_seconds": 0.125,
        "clock_skew_suspected": 0,
        "streams_wanted": 3,
        "streams_active": 2,
        "streams_silent": 1,
        "subscribe_errors_total": 13,
        "handover_unaligned_total": 8,
        "nats_reconnects_total": 5,
    }


def test_labelled_values() -> None:
    tally = Tally(losses=Counter({"close_1006": 4, "http_451": 2}))
    text = scrape(STATUS, tally=tally)

    assert value(text, "messages_processed_total", stream="btcusdt@trade") == 700
    assert value(text, "messages_processed_total", stream="币安人生usdt@trade") == 296
    reasons = {"buffer_full": 18, "expired": 7, "not_json": 4}
    for reason, count in reasons.items():
        assert value(text, "dropped_total", reason=reason) == count
    assert sum(reasons.values()) == value(text, "messages_dropped_total")
    assert value(text, "connections", state="healthy") == 2
    assert value(text, "connections", state="waiting") == 0
    assert value(text, "disconnects_total", reason="close_1006") == 4
    assert value(text, "disconnects_total", reason="http_451") == 2
    assert value(text, "handovers_total", outcome="aligned") == 4
    assert value(text, "handovers_total", outcome="missing") == 1


@pytest.mark.parametrize("current", ["closed", "half_open", "open"])
def test_a_breaker_is_in_exactly_one_state(current: str) -> None:
    text = scrape(status(breakers={"exchange": current, "nats": "closed"}))

    states = {
        state: value(text, "breaker_state", name="exchange", state=state)
        for state in ("closed", "half_open", "open")
    }
    assert states == {state: float(state == current) for state in states}
    assert value(text, "breaker_state", name="nats", state="closed") == 1


@pytest.mark.parametrize(("lag", "suspected"), [(0.5, 0), (0.0, 0), (-0.04, 0), (-0.06, 1)])
def test_events_from_the_future_show_a_clock_that_is_wrong(lag: float, suspected: int) -> None:
    text = scrape(status(lag=lag))

    assert value(text, "clock_skew_suspected") == suspected
    assert value(text, "exchange_lag_seconds") == lag


def test_a_fresh_relay_shows_numbers_and_no_streams() -> None:
    text = scrape(FRESH, streams=[])

    assert value(text, "messages_per_second") == 0
    assert value(text, "time_since_last_message_seconds") == 0
    assert value(scrape(status(since_last_message=None)), "time_since_last_message_seconds") == 80
    assert "messages_processed_total{" not in text
    assert "dropped_total{" not in text


def test_a_name_from_outside_cannot_break_the_text() -> None:
    evil = 'a"\n# TYPE x counter\nx 1\\@trade'
    text = scrape(STATUS, streams=[stream(evil, 5)])

    assert value(text, "messages_processed_total", stream=evil) == 5
    assert all(name.startswith(PREFIX) for name, _ in samples(text))


def test_counts_are_read_anew_at_each_scrape() -> None:
    streams, tally, current = [stream("a@trade", 1)], Tally(), [FRESH]
    registry = registry_of(RelayCollector(lambda: current[0], streams, tally))
    first = generate_latest(registry).decode()

    streams[0].received = 9
    streams.append(stream("b@trade", 2))
    tally.refusals = 3
    current[0] = STATUS
    second = generate_latest(registry).decode()

    assert value(first, "messages_processed_total", stream="a@trade") == 1
    assert value(second, "messages_processed_total", stream="a@trade") == 9
    assert value(second, "messages_processed_total", stream="b@trade") == 2
    assert value(second, "subscribe_errors_total") == 3
    assert value(second, "received_total") == 1_000


def test_the_registry_shows_the_process_too() -> None:
    text = generate_latest(registry_of(RelayCollector(lambda: FRESH, [], Tally()))).decode()

    assert "python_info{" in text
    assert "process_resident_memory_bytes" in text


def test_on_jetstream_the_ledger_is_that_of_answers() -> None:
    found = samples(scrape(JETSTREAM))
    values = {name.removeprefix(PREFIX): number for (name, _), number in found.items()}

    assert {name: values[name] for name in values if "acked" in name or "jetstream" in name} == {
        "acked_total": 930,
        "jetstream_in_window": 25,
        "jetstream_window_limit": 2_048,
        "jetstream_resent_total": 17,
        "jetstream_duplicate_answers_total": 9,
        "jetstream_reordered_total": 4,
    }
    assert values["ledger_difference"] == 0
    assert values.keys().isdisjoint({"published_total", "unconfirmed_total"})

import json
from dataclasses import replace

import pytest

from streamset_api.market import Market
from streamset_api.relay_config import HeartbeatConfig, RelayConfig
from streamset_relay.core.account import JetStreamAccount
from streamset_relay.core.ledger import Ledger
from streamset_relay.report import HEARTBEAT, beat, describe, news
from streamset_relay.status import Status

from .snapshots import FRESH, JETSTREAM, LEDGER, STATUS, status

CONFIG = RelayConfig(
    market=Market.USDM,
    streams=("btcusdt@aggTrade",),
    heartbeat=HeartbeatConfig(enabled=True, interval_seconds=15.0),
)

# What users of the replaced service read.
GET_METRICS = [
    "is_connected",
    "is_running",
    "connection_status",
    "reconnect_attempts",
    "processed_messages",
    "dropped_messages",
    "stream_count",
    "streams",
    "uptime",
    "queue_size",
    "last_message_time",
    "last_ping",
    "websocket_state",
    "nats_state",
    "uptime_seconds",
    "messages_per_second",
    "queue_utilization_percent",
    "time_since_last_message",
    "heartbeat_enabled",
    "heartbeat_interval",
]
HEARTBEAT_FIELDS = [
    "connection_status",
    "websocket_state",
    "nats_state",
    "messages_processed_since_last",
    "messages_dropped_since_last",
    "messages_per_second",
    "total_processed",
    "total_dropped",
    "overall_rate_per_second",
    "queue_size",
    "queue_utilization_percent",
    "time_since_last_message_seconds",
    "uptime_seconds",
    "heartbeat_interval_seconds",
    "reconnect_attempts",
    "last_ping_seconds_ago",
]


@pytest.mark.parametrize("snapshot", [STATUS, FRESH], ids=["busy", "fresh"])
def test_all_old_keys_are_there_and_all_of_it_is_json(snapshot: Status) -> None:
    described = describe(snapshot, CONFIG)
    fields = beat(snapshot, FRESH, 30.0)

    assert described.keys() >= set(GET_METRICS)
    assert list(fields) == HEARTBEAT_FIELDS
    assert json.loads(json.dumps(described, allow_nan=False)) == described
    assert json.loads(json.dumps(dict(fields), allow_nan=False)) == fields


def test_old_keys_say_what_they_said() -> None:
    described = describe(STATUS, CONFIG)

    assert {key: described[key] for key in GET_METRICS} == {
        "is_connected": True,
        "is_running": True,
        "connection_status": "connected",
        "reconnect_attempts": 6,
        "processed_messages": 930,
        "dropped_messages": 29,
        "stream_count": 3,
        "streams": ["btcusdt@trade", "btcusdt@ticker", "币安人生usdt@trade"],
        "uptime": 80.0,
        "queue_size": 38,
        "last_message_time": 1_700_000_000.25,
        "last_ping": 1_699_999_990.0,
        "websocket_state": "connected",
        "nats_state": "connected",
        "uptime_seconds": 80.0,
        "messages_per_second": 12.5,
        "queue_utilization_percent": 81.25,
        "time_since_last_message": 0.75,
        "heartbeat_enabled": True,
        "heartbeat_interval": 15.0,
    }


def test_new_keys_say_what_the_old_service_could_not() -> None:
    described = describe(STATUS, CONFIG)

    new = {key: value for key, value in described.items() if key not in GET_METRICS}
    assert new == {
        "ready": True,
        "not_ready_reason": None,
        "ledger": LEDGER.as_dict(),
        "active_streams": 2,
        "silent_streams": ["btcusdt@ticker"],
        "refused_streams": {"btcusdt@ticker": "Invalid request"},
        "connections": {"healthy": 2, "streaming": 1},
        "breakers": {"exchange": "closed", "nats": "half_open"},
        "gaps": 3,
        "missing_events": 11,
        "sequence_resets": 2,
        "exchange_lag_seconds": 0.125,
        "queue_age_seconds": 1.5,
        "nats_reconnects": 5,
        "handovers": {"aligned": 4, "missing": 1},
        "ownership": "owning",
        "jetstream": None,
        "last_errors": {"exchange": "connection closed with code 1006"},
        "environment": "production",
        "market": "usdm",
        "subject": "binance.websocket.data",
    }


def test_a_fresh_relay_divides_by_nothing() -> None:
    described = describe(FRESH, CONFIG)
    fields = beat(FRESH, FRESH, 30.0)

    assert described["messages_per_second"] == 0
    assert (described["last_message_time"], described["last_ping"]) == (0, 0)
    assert (fields["messages_per_second"], fields["overall_rate_per_second"]) == (0, 0)
    assert fields["time_since_last_message_seconds"] == 0
    assert fields["last_ping_seconds_ago"] is None


@pytest.mark.parametrize(
    ("reason", "running"),
    [("draining", False), ("websocket_disconnected", True), ("no_data", True)],
)
def test_only_a_draining_relay_does_not_run(reason: str, running: bool) -> None:
    described = describe(status(not_ready=reason), CONFIG)

    assert described["is_running"] is running
    assert (described["ready"], described["not_ready_reason"]) == (False, reason)


def test_a_lost_link_is_said_in_words() -> None:
    lost = status(websocket_connected=False, nats_connected=False)

    for fields in (describe(lost, CONFIG), beat(lost, FRESH, 30.0)):
        assert fields["websocket_state"] == fields["nats_state"] == "disconnected"
    assert beat(lost, FRESH, 30.0)["connection_status"] is False


def test_the_heartbeat_counts_since_the_one_before() -> None:
    before = status(
        uptime=50.0,
        ledger=replace(LEDGER, received=400, published=700, unconfirmed=20, dropped={"expired": 9}),
    )

    assert HEARTBEAT == "HEARTBEAT: WebSocket Client Statistics"
    assert beat(STATUS, before, 30.0) == {
        "connection_status": True,
        "websocket_state": "connected",
        "nats_state": "connected",
        "messages_processed_since_last": 210,
        "messages_dropped_since_last": 20,
        "messages_per_second": 7.0,
        "total_processed": 930,
        "total_dropped": 29,
        "overall_rate_per_second": 11.62,
        "queue_size": 38,
        "queue_utilization_percent": 81.25,
        "time_since_last_message_seconds": 0.75,
        "uptime_seconds": 80.0,
        "heartbeat_interval_seconds": 30.0,
        "reconnect_attempts": 6,
        "last_ping_seconds_ago": 10.12,
    }


def test_news_are_what_went_wrong_since_the_look_before() -> None:
    assert dict(news(STATUS, FRESH)) == {
        "Frames were dropped": {"reasons": {"buffer_full": 18, "expired": 7, "not_json": 4}},
        "Streams have gaps": {"gaps": 3, "missing_events": 11},
        "Streams started their numbers again": {"sequence_resets": 2},
        "NATS was lost with messages unconfirmed": {"unconfirmed": 30},
    }
    later = status(ledger=replace(LEDGER, dropped=LEDGER.dropped | {"expired": 9}))
    assert dict(news(later, STATUS)) == {"Frames were dropped": {"reasons": {"expired": 2}}}


def test_no_news_are_none() -> None:
    assert list(news(STATUS, STATUS)) == []
    assert list(news(FRESH, FRESH)) == []
    more = status(ledger=Ledger(2_000, 1_900, 30, 40, dict(LEDGER.dropped), 1), active=3)
    assert list(news(more, STATUS)) == []


def test_jetstream_delivery_is_told_where_there_is_one() -> None:
    delivery = {
        "acked": 930,
        "duplicate": 1,
        "in_window": 25,
        "resent": 17,
        "duplicate_answers": 9,
        "reordered": 4,
        "window_limit": 2_048,
    }
    line = beat(JETSTREAM, FRESH, 30.0)

    assert line["jetstream"] == delivery
    assert line["total_processed"] == 930
    assert "jetstream" not in beat(STATUS, FRESH, 30.0), (
        "the line of old has its fields and no more"
    )
    assert describe(JETSTREAM, CONFIG)["jetstream"] == delivery
    assert describe(STATUS, CONFIG)["jetstream"] is None


def test_repetitions_are_news() -> None:
    before = replace(JETSTREAM, jetstream=JetStreamAccount(resent=10, reordered=4))

    assert dict(news(JETSTREAM, before)) == {
        "Messages were sent to JetStream again": {"resent": 7, "reordered": 0}
    }
    assert list(news(JETSTREAM, JETSTREAM)) == []

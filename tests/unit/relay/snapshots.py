"""A status made by hand, each number of it different, for tests of what is read from one."""

from dataclasses import replace
from typing import Any

from streamset_relay.core.account import JetStreamAccount
from streamset_relay.core.ledger import Ledger
from streamset_relay.core.session import State
from streamset_relay.status import Status

LEDGER = Ledger(
    received=1_000,
    published=900,
    unconfirmed=30,
    in_flight=40,
    dropped={"buffer_full": 18, "expired": 7, "not_json": 4},
    duplicate=1,
)

STATUS = Status(
    not_ready=None,
    websocket_connected=True,
    nats_connected=True,
    connections={state.value: 0 for state in State} | {"healthy": 2, "streaming": 1},
    breakers={"exchange": "closed", "nats": "half_open"},
    streams=("btcusdt@trade", "btcusdt@ticker", "币安人生usdt@trade"),
    active=2,
    silent=("btcusdt@ticker",),
    refused={"btcusdt@ticker": "Invalid request"},
    ledger=LEDGER,
    queue_size=38,
    queue_utilization=0.8125,
    queue_age=1.5,
    gaps=3,
    missing=11,
    sequence_resets=2,
    reconnects=6,
    handovers={"aligned": 4, "missing": 1},
    nats_reconnects=5,
    lag=0.125,
    last_message_at=1_700_000_000.25,
    since_last_message=0.75,
    last_ping_at=1_699_999_990.0,
    since_last_ping=10.125,
    uptime=80.0,
    last_errors={"exchange": "connection closed with code 1006"},
)

#: The same on JetStream.
JETSTREAM = replace(
    STATUS,
    ledger=replace(LEDGER, published=0, unconfirmed=0, acked=930),
    jetstream=JetStreamAccount(
        acked=930,
        duplicate=1,
        in_window=25,
        resent=17,
        duplicate_answers=9,
        reordered=4,
        window_limit=2_048,
    ),
)

#: A relay that has just been started.
FRESH = Status(
    not_ready="websocket_disconnected",
    websocket_connected=False,
    nats_connected=False,
    connections={state.value: 0 for state in State},
    breakers={"exchange": "closed", "nats": "closed"},
    streams=(),
    active=0,
    silent=(),
    refused={},
    ledger=Ledger(0, 0, 0, 0),
    queue_size=0,
    queue_utilization=0.0,
    queue_age=0.0,
    gaps=0,
    missing=0,
    sequence_resets=0,
    reconnects=0,
    handovers={},
    nats_reconnects=0,
    lag=0.0,
    last_message_at=None,
    since_last_message=None,
    last_ping_at=None,
    since_last_ping=None,
    uptime=0.0,
    last_errors={},
)


def status(**changes: Any) -> Status:
    return replace(STATUS, **changes)

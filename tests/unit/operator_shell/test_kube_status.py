"""The relay's entry of `status.relays`, from a snapshot."""

from dataclasses import replace
from typing import Any

import pytest

from streamset_api.relay_config import Identity, RelayConfig
from streamset_api.status import RelayReport
from streamset_relay.core.ownership import State
from streamset_relay.core.trouble import Trouble
from streamset_relay.kube_status import (
    FIRST_MOMENTS,
    RateWindow,
    Target,
    body_of,
    entry,
    is_news,
    speaks,
    target_of,
)
from streamset_relay.status import DRAINING, NO_DATA, Status
from tests.unit.relay.snapshots import STATUS

IDENTITY = Identity(set="majors", relay="majors-0", namespace="data", set_uid="uid-1")
CONFIG = RelayConfig(streams=("btcusdt@trade",), identity=IDENTITY)
POD = {
    "KUBERNETES_SERVICE_HOST": "10.0.0.1",
    "KUBERNETES_SERVICE_PORT": "443",
    "POD_NAME": "majors-0-x",
}
NOW = "2026-11-22T12:00:00Z"
HEALTHY = replace(STATUS, not_ready=None, websocket_connected=True, nats_connected=True, silent=())


def target() -> Target:
    found = target_of(CONFIG, POD)
    assert found is not None
    return found


def entry_of(
    status: Status,
    *,
    rate: float = 100.0,
    failures: dict[str, str] | None = None,
    sent: RelayReport | None = None,
    now: str = NOW,
) -> RelayReport:
    return entry(status, target(), "hash", rate=rate, failures=failures or {}, sent=sent, now=now)


def test_where_to_report() -> None:
    assert target().url == (
        "https://10.0.0.1:443/apis/streams.petrosa.io/v1alpha1"
        "/namespaces/data/binancestreamsets/majors/status"
    )


def test_an_address_of_ipv6() -> None:
    found = target_of(CONFIG, POD | {"KUBERNETES_SERVICE_HOST": "fd00::1"})

    assert found is not None
    assert found.url.startswith("https://[fd00::1]:443/")


@pytest.mark.parametrize(
    ("identity", "environ"),
    [
        (IDENTITY, {}),
        (Identity(), POD),
        (IDENTITY.model_copy(update={"set_uid": None}), POD),
    ],
)
def test_without_cluster_or_set_there_is_nobody_to_tell(
    identity: Identity, environ: dict[str, str]
) -> None:
    assert target_of(CONFIG.model_copy(update={"identity": identity}), environ) is None


def test_a_healthy_relay() -> None:
    report = entry_of(HEALTHY)

    assert (report.name, report.pod, report.set_uid) == ("majors-0", "majors-0-x", "uid-1")
    assert (report.config_hash, report.phase) == ("hash", "Running")
    assert report.web_socket is not None
    assert report.web_socket.model_dump(exclude_none=True) == {"connected": True}
    assert report.messages_per_second == 100


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("http_451", "GeoBlocked"), ("http_403", "Forbidden"), ("connect_failed", "Unreachable")],
)
def test_why_the_exchange_is_away(kind: str, reason: str) -> None:
    away = replace(HEALTHY, websocket_connected=False, last_errors={"exchange": "x" * 5000})
    link = entry_of(away, failures={"exchange": kind}).web_socket

    assert link is not None
    assert (link.connected, link.reason, len(link.message or "")) == (False, reason, 1024)


def test_no_data_is_the_exchanges_silence() -> None:
    link = entry_of(replace(HEALTHY, not_ready=NO_DATA)).web_socket

    assert link is not None
    assert (link.connected, link.reason) == (True, "NoData")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("refused", "Refused"),
        ("unreachable", "Unreachable"),
        ("lost", "Unreachable"),
        ("secret_missing", "SecretMissing"),
        ("secret_invalid", "SecretInvalid"),
        *((trouble.value, trouble.value) for trouble in Trouble),
    ],
)
def test_why_nats_is_away(kind: str, reason: str) -> None:
    away = replace(HEALTHY, nats_connected=False, last_errors={"nats": "no"})
    link = entry_of(away, failures={"nats": kind}).nats

    assert link is not None
    assert (link.connected, link.reason, link.message) == (False, reason, "no")


def test_what_nats_refuses_is_trouble_though_it_is_connected() -> None:
    denied = replace(HEALTHY, last_errors={"nats": "permissions violation"})
    link = entry_of(denied, failures={"nats": "denied"}).nats

    assert link is not None
    assert (link.connected, link.reason, link.message) == (
        *(True, "Refused"),
        "permissions violation",
    )
    over = entry_of(denied, failures={"nats": "refused"}).nats
    assert over is not None
    assert (over.connected, over.reason) == (True, None)


def test_silent_streams_are_counted_and_the_first_are_named() -> None:
    silent = tuple(f"s{number}@ticker" for number in range(50))
    found = entry_of(replace(HEALTHY, silent=silent)).silent_streams

    assert found is not None
    assert (found.count, found.names) == (50, silent[:20])


def test_phases() -> None:
    ledger = replace(HEALTHY.ledger, received=0)
    young = replace(HEALTHY, websocket_connected=False, ledger=ledger)

    assert entry_of(young).phase == "Starting"
    assert entry_of(HEALTHY).phase == "Running"
    assert entry_of(replace(HEALTHY, not_ready=DRAINING)).phase == "Draining"


def test_a_rate_has_two_digits_and_stays_while_it_hardly_moves() -> None:
    first = entry_of(HEALTHY, rate=1234.5)
    assert first.messages_per_second == 1200

    assert entry_of(HEALTHY, rate=1400.0, sent=first).messages_per_second == 1200
    assert entry_of(HEALTHY, rate=1500.0, sent=first).messages_per_second == 1500
    assert entry_of(HEALTHY, rate=0.0, sent=first).messages_per_second == 0


def test_the_last_error_keeps_its_time() -> None:
    failed = replace(HEALTHY, last_errors={"exchange": "closed"})
    first = entry_of(failed)
    second = entry_of(failed, sent=first, now="2026-11-22T13:00:00Z")

    assert second.last_error == first.last_error
    assert second.last_error is not None
    assert second.last_error.time == NOW


@pytest.mark.parametrize(
    ("change", "news"),
    [
        ({"websocket_connected": False}, True),
        ({"active": STATUS.active + 1}, True),
        ({"silent": ("a@ticker",)}, True),
        ({"gaps": STATUS.gaps + 1}, False),
        ({"reconnects": STATUS.reconnects + 1}, False),
        ({"last_message_at": 1e9}, False),
    ],
)
def test_what_is_news(change: dict[str, Any], news: bool) -> None:
    sent = entry_of(HEALTHY)
    report = entry_of(replace(HEALTHY, **change), rate=9999.0, now="2026-11-22T13:00:00Z")

    assert is_news(report, sent) is news
    assert is_news(report, None)


def test_what_is_applied() -> None:
    body = body_of(entry_of(HEALTHY), target())

    assert body["metadata"] == {"name": "majors"}
    [applied] = body["status"]["relays"]
    assert applied["setUid"] == "uid-1"
    assert None not in applied.values()


def test_the_rate_is_that_of_the_last_seconds() -> None:
    window = RateWindow()
    rates = [window.update(float(second), 100 * second) for second in range(1, 31)]
    slower = [window.update(30.0 + second, 3000 + second) for second in range(1, 31)]

    assert rates == pytest.approx([100.0] * 30)
    assert slower[-1] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("state", "connected", "uptime", "says"),
    [
        (State.OWNING, True, 0.1, True),
        (State.OWNING, False, 0.1, False),
        (State.OWNING, False, FIRST_MOMENTS, True),
        (State.ASKING, True, 0.1, False),
        (State.ASKING, False, FIRST_MOMENTS, True),
        (State.FOLLOWING, True, 0.1, False),
        (State.FOLLOWING, True, 1000.0, False),
        (State.TAKING_OVER, True, 0.1, True),
    ],
)
def test_the_owner_speaks_and_nobody_of_its_first_moments(
    state: State, connected: bool, uptime: float, says: bool
) -> None:
    status = replace(HEALTHY, ownership=state, websocket_connected=connected, uptime=uptime)
    assert speaks(status) is says

"""The demo's reckoning: relays for a set, ledgers added up, and the verdict."""

from pathlib import Path
from typing import Any

import pytest

from streamset_api.manifest import load_manifest
from streamset_cli.demo import add_up, configurations, summarise
from streamset_cli.processes import DemoError
from streamset_cli.witness import Arrivals

LEDGER: dict[str, Any] = {
    "received": 10,
    "published": 7,
    "unconfirmed": 1,
    "duplicate": 0,
    "dropped": {"expired": 2},
    "in_flight": 0,
    "difference": 0,
}

MANIFEST = """
apiVersion: streams.petrosa.io/v1alpha1
kind: BinanceStreamSet
metadata: {name: demo}
spec:
  symbols: [btcusdt, ethusdt, bnbusdt]
  channels: [trade]
  maxStreamsPerRelay: 2
  nats: {servers: ["nats://elsewhere:4222"]}
"""


def test_a_set_over_its_border_runs_several_relays_at_the_demos_own_ends() -> None:
    relays = configurations(load_manifest(MANIFEST), "nats://127.0.0.1:1", "ws://127.0.0.1:2")

    assert [relay.streams for relay in relays] == [
        ("btcusdt@trade", "ethusdt@trade"),
        ("bnbusdt@trade",),
    ]
    assert {relay.nats.servers for relay in relays} == {("nats://127.0.0.1:1",)}
    assert {relay.endpoint for relay in relays} == {"ws://127.0.0.1:2"}
    assert {relay.health.host for relay in relays} == {"127.0.0.1"}


def test_ledgers_add_up() -> None:
    other = LEDGER | {"dropped": {"expired": 1, "binary": 4}, "received": 13}

    assert add_up([LEDGER, other]) == {
        "received": 23,
        "published": 14,
        "unconfirmed": 2,
        "duplicate": 0,
        "dropped": {"expired": 3, "binary": 4},
        "in_flight": 0,
        "difference": 0,
    }


def test_a_relay_without_a_ledger_is_no_success() -> None:
    with pytest.raises(DemoError):
        add_up([LEDGER, {}])


@pytest.mark.parametrize(
    ("delivered", "difference", "verdict"),
    [(7, 0, True), (8, 0, True), (6, 0, False), (9, 0, False), (7, 1, False)],
)
def test_the_consumers_count_has_to_fit_the_ledger(
    delivered: int, difference: int, verdict: bool
) -> None:
    ledger = LEDGER | {"difference": difference}

    assert summarise(ledger, Arrivals(total=delivered), 2.0)["accounted_for"] is verdict


def test_the_default_manifest_is_the_example() -> None:
    example = Path(__file__).parents[3] / "examples" / "demo.yaml"
    streams = configurations(load_manifest(example.read_text()), "nats://x:1", "ws://x:1")[
        0
    ].streams

    assert {"btcusdt@trade", "btcusdt@depth@100ms", "btcusdt@bookTicker"} < set(streams)

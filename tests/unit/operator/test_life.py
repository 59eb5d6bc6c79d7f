"""A set's life on a cluster of dicts: streams are never lost on the way, and it ends at rest."""

from random import Random
from typing import Any

import pytest

from streamset_operator import labels
from streamset_operator.objects.config_map import read_share
from tests.unit.operator.chain import Outcome, reconcile
from tests.unit.operator.worlds import SETTINGS, UID, deployment, entry, pod

Object = dict[str, Any]


class Cluster:
    """Holds what was applied; each relay runs the file that it has last read."""

    def __init__(self) -> None:
        self.config_maps: dict[str, Object] = {}
        self.running: dict[str, Object] = {}
        self.now = 0.0
        self.sightings: dict[str, Any] = {}
        self.status: Object = {}

    def document(self, symbols: list[str], cap: int) -> Object:
        return {
            "apiVersion": "streams.petrosa.io/v1alpha1",
            "kind": "BinanceStreamSet",
            "metadata": {"name": "a", "namespace": "data", "uid": UID, "generation": 1},
            "spec": {
                "symbols": symbols,
                "channels": ["trade"],
                "maxStreamsPerRelay": cap,
                "nats": {"servers": ["nats://nats:4222"]},
            },
            "status": {"relays": [self.report(name) for name in self.running]},
        }

    def report(self, name: str) -> Object:
        file = self.running[name]
        listed = len(read_share(file).listed)
        return entry(
            name,
            configHash=file["metadata"]["annotations"][labels.CONFIG_HASH],
            streams={"desired": listed, "active": listed},
        )

    def carried(self) -> set[str]:
        return {name for file in self.running.values() for name in read_share(file).listed}

    def step(self, symbols: list[str], cap: int) -> Outcome:
        live = [
            *self.config_maps.values(),
            *({"kind": "Deployment"} | deployment(name) for name in self.config_maps),
            *({"kind": "Pod"} | pod(f"{name}-pod", name) for name in self.running),
        ]
        outcome = reconcile(
            self.document(symbols, cap), live, SETTINGS, before=self.sightings, now=self.now
        )
        self.sightings, self.now = outcome.sightings, self.now + 1
        made = [thing for thing in outcome.objects if thing["kind"] == "ConfigMap"]
        self.config_maps = {thing["metadata"]["name"]: thing for thing in made}
        self.running = {name: f for name, f in self.running.items() if name in self.config_maps}
        return outcome

    def read(self, name: str) -> None:
        """The relay reads its file; its pod starts where it has not yet."""
        self.running[name] = self.config_maps[name]


@pytest.mark.parametrize("seed", range(12))
def test_a_life(seed: int) -> None:
    """The set changes before moves are over, and relays read their files in any order.

    Seeds, and no Hypothesis: reading YAML under its tracer takes minutes. `test_move.py` has it.
    """
    rng = Random(seed)
    cluster = Cluster()
    for _ in range(4):
        wanted, cap = rng.sample("abcdefgh", rng.randint(1, 8)), rng.randint(1, 4)
        streams = {f"{symbol}@trade" for symbol in wanted}
        for _ in range(rng.randint(1, 3)):
            before = cluster.carried() & streams
            cluster.step(wanted, cap)
            assert before <= cluster.carried()
            for name in cluster.config_maps:
                if rng.random() < 0.5:
                    cluster.read(name)

    for _ in range(3):
        outcome = cluster.step(wanted, cap)
        for name in cluster.config_maps:
            cluster.read(name)
    outcome = cluster.step(wanted, cap)

    shares = [read_share(file) for file in cluster.config_maps.values()]
    listed = [name for share in shares for name in share.listed]
    assert sorted(listed) == sorted(streams)
    assert all(1 <= len(share.stays) <= cap and not share.leaving for share in shares)
    assert len(shares) == -(-len(streams) // cap)
    assert outcome.status.conditions[0].reason == "Streaming"
    assert cluster.step(wanted, cap).objects == outcome.objects


def test_a_relay_that_stays_quiet_is_not_waited_for_for_ever() -> None:
    cluster = Cluster()
    cluster.step(["a", "b"], 1)
    for name in ("a-0", "a-1"):
        cluster.read(name)
    cluster.step(["a", "b"], 2)
    cluster.read("a-0")
    quiet = cluster.report

    def half_active(name: str) -> Object:
        found = quiet(name)
        return found | {"streams": {"desired": 2, "active": 1}}

    cluster.report = half_active  # type: ignore[method-assign]  # the test's own cluster
    cluster.step(["a", "b"], 2)
    assert set(cluster.config_maps) == {"a-0", "a-1"}
    cluster.now += SETTINGS.move_patience
    cluster.step(["a", "b"], 2)
    assert set(cluster.config_maps) == {"a-0"}


def test_a_suspended_set_moves_at_once() -> None:
    cluster = Cluster()
    cluster.step(["a", "b"], 1)
    document = cluster.document(["a", "b"], 2)
    document["spec"]["suspend"] = True

    outcome = reconcile(document, list(cluster.config_maps.values()), SETTINGS)

    made = [o["metadata"]["name"] for o in outcome.objects if o["kind"] == "ConfigMap"]
    assert made == ["a-0"]

"""The relays that a set asks for: each with its name, its share of the streams, its configuration."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from streamset_api.errors import ConfigError, Problem
from streamset_api.relay_config import Identity, RelayConfig, config_hash
from streamset_api.resolve import resolve
from streamset_api.resource import BinanceStreamSet
from streamset_operator import names
from streamset_operator.move import Share

RELAYS_AT_FULL_BUDGET = 8
"""Relays that may connect as often as a relay may alone: 8 times 30 in 5 min is 80 % of what the
exchange allows one address, and a set's pods may all leave a cluster by the same one."""

LARGEST_LIST = 1_000_000
"""Bytes of a relay's stream list; a ConfigMap holds 1 MiB (1,048,576), all included."""


@dataclass(frozen=True)
class Relay:
    """One relay as it is wanted."""

    name: str
    number: int
    share: Share
    config: RelayConfig

    @cached_property
    def config_hash(self) -> str:
        """What the relay reports once it runs this configuration."""
        return config_hash(self.config)

    @cached_property
    def restart_hash(self) -> str:
        """Stands for all of the configuration that takes a restart: all but the streams.

        Fields at their default do not count, so an operator that knows a new field restarts nobody.
        """
        given = self.config.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return config_hash({name: value for name, value in given.items() if name != "streams"})


def plan(
    resource: BinanceStreamSet, shares: Mapping[int, Share], report_interval: float = 30.0
) -> tuple[Relay, ...]:
    """Return the set's relays in the order of their numbers.

    They report at least every `report_interval` seconds; the operator times silence by the same
    setting. Raises `ConfigError` for what no relay can do, or be told in one ConfigMap.
    """
    name, spec = resource.metadata.name, resource.spec
    budget = connect_budget(len(shares))
    relays = []
    for number, share in sorted(shares.items()):
        relay = names.relay(name, number)
        identity = Identity(
            set=name,
            relay=relay,
            namespace=resource.metadata.namespace,
            set_uid=resource.metadata.uid,
        )
        config = resolve(spec, share.listed, identity)
        timing = config.timing.model_copy(
            update={
                "connects_per_window": min(config.timing.connects_per_window, budget),
                "report_interval": report_interval,
            }
        )
        relays.append(
            Relay(
                name=relay,
                number=number,
                share=share,
                config=config.model_copy(update={"timing": timing}),
            )
        )
    if any(_size(relay.share.listed) > LARGEST_LIST for relay in relays):
        allowed = "fewer: the names of a relay's streams have to fit into one ConfigMap of 1 MiB"
        raise ConfigError([Problem("spec.maxStreamsPerRelay", spec.max_streams_per_relay, allowed)])
    return tuple(relays)


def connect_budget(relays: int) -> int:
    """Return how often each of a set's relays may connect in 5 min.

    The share shrinks by halves, not with every relay: it is part of what a relay only takes at a
    restart, and a new relay is no reason to restart the others.
    """
    budget, room = 30, RELAYS_AT_FULL_BUDGET
    while room < relays:
        budget, room = max(budget // 2, 2), room * 2
    return budget


def _size(streams: Iterable[str]) -> int:
    """Return the bytes that the streams take as a list of YAML, quotes included."""
    return sum(len(name.encode()) + len('- ""\n') for name in streams)

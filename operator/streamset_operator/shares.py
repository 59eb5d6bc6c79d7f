"""From what the set's ConfigMaps list to what they should list next."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from streamset_api.resource import BinanceStreamSet
from streamset_api.spec import streams_of
from streamset_operator import labels, names
from streamset_operator.assign import assign
from streamset_operator.move import Share, carried, settled, transition
from streamset_operator.objects.config_map import annotation, read_share
from streamset_operator.observe import Wanted
from streamset_operator.observed import ObservedRelay
from streamset_operator.ownership import Owner, owner
from streamset_operator.plan import Relay

Object = Mapping[str, Any]


class Live(NamedTuple):
    """What a relay's live ConfigMap says."""

    share: Share
    config_hash: str


def live_shares(
    set_name: str, config_maps: Iterable[Object], uid: str | None = None
) -> dict[int, Live]:
    """Return what the set's live ConfigMaps say, by number of the relay.

    With `uid`, only those count that belong to this very set.
    """
    live = {}
    for config_map in config_maps:
        number = names.number(set_name, config_map["metadata"]["name"])
        ours = uid is None or owner(config_map, set_name, uid) is Owner.THIS_SET
        if number is not None and ours:
            config_hash = annotation(config_map, labels.CONFIG_HASH) or ""
            live[number] = Live(read_share(config_map), config_hash)
    return live


def next_shares(
    resource: BinanceStreamSet,
    live: Mapping[int, Live],
    relays: Iterable[ObservedRelay],
    patience: float,
) -> dict[int, Share]:
    """Return what each relay is to list now.

    `relays` were observed against what is live (`wanted_live`). A suspended set has nobody to wait
    for, so its streams move at once.
    """
    spec, set_name = resource.spec, resource.metadata.name
    current = {number: found.share for number, found in live.items()}
    stays = {number: share.stays for number, share in current.items()}
    target = assign(streams_of(spec), stays, spec.max_streams_per_relay)
    if spec.suspend:
        return settled(target)
    active = {}
    for relay in relays:
        number = names.number(set_name, relay.name)
        if number is not None and number in current:
            active[number] = _carried(current[number], relay, patience)
    return transition(current, target, active)


def wanted_live(set_name: str, live: Mapping[int, Live]) -> list[Wanted]:
    """Return what the relays should be by what is live: before a change, and while paused."""
    return [
        Wanted(
            name=names.relay(set_name, number),
            config_hash=found.config_hash,
            streams=len(found.share.stays),
            leaving=len(found.share.leaving),
        )
        for number, found in sorted(live.items())
    ]


def wanted_planned(relays: Iterable[Relay]) -> list[Wanted]:
    """Return what the relays should be by the plan: after it was applied."""
    return [
        Wanted(
            name=relay.name,
            config_hash=relay.config_hash,
            streams=len(relay.share.stays),
            leaving=len(relay.share.leaving),
        )
        for relay in relays
    ]


def _carried(share: Share, relay: ObservedRelay, patience: float) -> tuple[str, ...]:
    report = relay.report
    connected = report is not None and report.web_socket is not None and report.web_socket.connected
    active = report.streams.active if report is not None and report.streams is not None else 0
    return carried(
        share,
        runs_it=relay.runs_it and connected,
        active=active,
        ran_for=relay.ran_for,
        patience=patience,
    )

"""Whose an object is decides what may be done to it."""

from typing import Any

import pytest

from streamset_operator.ownership import Owner, Reference, leftovers, owner
from streamset_operator.shares import live_shares
from tests.unit.operator.worlds import UID, objects_of, of_kind, resource


def owned_by(**fields: Any) -> dict[str, Any]:
    reference = {
        "apiVersion": "streams.petrosa.io/v1alpha1",
        "kind": "BinanceStreamSet",
        "name": "majors",
        "uid": UID,
    }
    return {"metadata": {"name": "x", "ownerReferences": [reference | fields]}}


@pytest.mark.parametrize(
    ("live", "whose"),
    [
        (None, Owner.NOBODY),
        (owned_by(), Owner.THIS_SET),
        (owned_by(apiVersion="streams.petrosa.io/v1"), Owner.THIS_SET),
        (owned_by(uid="older"), Owner.NAMESAKE),
        ({"metadata": owned_by()["metadata"] | {"deletionTimestamp": "t"}}, Owner.NAMESAKE),
        (owned_by(name="minors"), Owner.STRANGER),
        (owned_by(kind="Deployment"), Owner.STRANGER),
        (owned_by(apiVersion="other.io/v1alpha1"), Owner.STRANGER),
        ({"metadata": {"name": "x"}}, Owner.STRANGER),
        ({"metadata": {"name": "x", "ownerReferences": []}}, Owner.STRANGER),
    ],
)
def test_whose_it_is(live: dict[str, Any] | None, whose: Owner) -> None:
    assert owner(live, "majors", UID) is whose


def test_what_the_operator_makes_is_its_own() -> None:
    for made in objects_of(resource()):
        assert owner(made, "majors", UID) is Owner.THIS_SET


def test_leftovers_are_own_objects_that_are_not_wanted_any_more() -> None:
    before = objects_of(resource(symbols=["a", "b"], maxStreamsPerRelay=1))
    after = objects_of(resource(symbols=["a"], maxStreamsPerRelay=1))
    foreign = {"apiVersion": "v1", "kind": "ConfigMap"} | owned_by(uid="older")

    assert leftovers([*before, foreign], after, "majors", UID) == [
        Reference("v1", "ConfigMap", "majors-1"),
        Reference("apps/v1", "Deployment", "majors-1"),
    ]
    assert leftovers(after, after, "majors", UID) == []


def test_config_maps_of_others_are_no_shares() -> None:
    mine = of_kind(objects_of(resource()), "ConfigMap")
    namesakes = of_kind(objects_of(resource(metadata={"uid": "older"})), "ConfigMap")
    strangers = mine | {"metadata": {"name": "majors-7"}}

    assert live_shares("majors", [mine], UID).keys() == {0}
    assert live_shares("majors", [namesakes, strangers], UID) == {}
    assert live_shares("majors", [strangers | {"metadata": {"name": "minors-0"}}]) == {}

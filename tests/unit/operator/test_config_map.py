"""The ConfigMap: what the relay takes it for, and what the operator reads back."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamset_api.errors import ConfigError
from streamset_api.relay_config import config_hash, relay_document
from streamset_api.resource import parse
from streamset_operator import labels
from streamset_operator.move import NOTHING, Share
from streamset_operator.objects.config_map import FILE, config_map, read_share
from streamset_operator.plan import LARGEST_LIST, connect_budget, plan
from streamset_relay.settings import load
from tests.unit.api.documents import manifest
from tests.unit.api.strategies import names
from tests.unit.api.test_resolve import FULL
from tests.unit.operator.worlds import resource

shares = st.lists(names, min_size=1, max_size=8, unique=True).flatmap(
    lambda listed: st.integers(0, len(listed)).map(
        lambda border: Share(tuple(listed[:border]), tuple(listed[border:]))
    )
)


@pytest.mark.parametrize("spec", [{}, FULL])
def test_the_relay_reads_what_the_operator_writes(tmp_path: Path, spec: dict[str, Any]) -> None:
    found = resource(**spec)
    share = Share(("btcusdt@trade",), ("ethusdt@trade",))
    [relay] = plan(found, {4: share})
    written = config_map(relay)
    file = tmp_path / FILE
    file.write_text(written["data"][FILE], "utf-8")

    read = load(file, {})

    assert read.config == relay.config
    assert read.config.streams == share.listed
    assert read.config.identity.relay == "majors-4"
    assert read.config.identity.set_uid == found.metadata.uid


def test_the_hash_is_that_of_the_document_that_the_relay_finds() -> None:
    [relay] = plan(resource(**FULL), {0: Share(("btcusdt@trade",))})
    written = config_map(relay)
    document = relay_document(written["data"][FILE])

    assert isinstance(document, dict)
    assert written["metadata"]["annotations"][labels.CONFIG_HASH] == config_hash(document)


@given(shares)
def test_a_share_comes_back(share: Share) -> None:
    found = parse(manifest(market="us"))  # the market that has retired no stream
    [relay] = plan(found, {0: share})

    assert read_share(config_map(relay)) == share_as_normalised(share, relay.config.streams)


def share_as_normalised(share: Share, listed: tuple[str, ...]) -> Share:
    border = len(listed) - len(share.leaving)
    return Share(listed[:border], listed[border:])


SPOILT: dict[str, dict[str, Any]] = {
    "empty": {},
    "no data": {"data": None},
    "another file": {"data": {"x": "y"}},
    "no yaml": {"data": {FILE: "{"}},
    "no mapping": {"data": {FILE: "7"}},
    "no list": {"data": {FILE: "streams: 7"}},
    "no names": {"data": {FILE: "streams: [7, null]"}},
}


@pytest.mark.parametrize("case", SPOILT)
def test_a_spoilt_one_lists_nothing(case: str) -> None:
    assert read_share({"metadata": {"name": "majors-0"}} | SPOILT[case]) == NOTHING


@pytest.mark.parametrize(
    ("annotation", "leaving"),
    [("1", 1), ("0", 0), ("-1", 0), ("x", 0), ("²", 0), ("9", 2)],
)
def test_the_annotation_says_how_many_are_leaving(annotation: str, leaving: int) -> None:
    live = {
        "metadata": {"name": "a-0", "annotations": {labels.LEAVING: annotation}},
        "data": {FILE: "streams: [a@trade, b@trade]"},
    }

    assert len(read_share(live).leaving) == leaving


def test_a_list_that_no_config_map_can_hold_is_refused() -> None:
    many = tuple(f"{index:060}@trade" for index in range(LARGEST_LIST // 66))

    with pytest.raises(ConfigError) as caught:
        plan(resource(), {0: Share(many)})
    assert [problem.where for problem in caught.value.problems] == ["spec.maxStreamsPerRelay"]


@pytest.mark.parametrize("relays", [1, 8, 9, 16, 17, 64, 110])
def test_a_set_stays_within_what_the_exchange_allows_one_address(relays: int) -> None:
    assert connect_budget(relays) * relays <= 300
    assert connect_budget(relays) >= 2


def test_the_budget_is_the_same_for_many_sizes_so_that_a_new_relay_restarts_nobody() -> None:
    assert {connect_budget(relays) for relays in range(1, 9)} == {30}
    assert len({connect_budget(relays) for relays in range(9, 17)}) == 1

"""Names of children: reversible, distinct, short enough."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamset_api.resource import NAME_LENGTH
from streamset_operator import labels, names

sets = st.from_regex(r"\A[a-z]([-a-z0-9]{0,38}[a-z0-9])?\Z")
numbers = st.integers(0, 22_000)


@given(sets, numbers)
def test_a_relays_number_comes_back(set_name: str, number: int) -> None:
    assert names.number(set_name, names.relay(set_name, number)) == number


@pytest.mark.parametrize("stranger", ["majors", "majors-", "majors-01", "majors-x", "minors-0"])
def test_other_names_are_no_relays(stranger: str) -> None:
    assert names.number("majors", stranger) is None


def test_the_relays_of_a_set_named_like_a_relay_are_other_ones() -> None:
    assert names.number("majors", names.relay("majors-0", 0)) is None


@given(sets, numbers)
def test_pods_and_labels_of_the_longest_names_are_legal(set_name: str, number: int) -> None:
    assert len(set_name) <= NAME_LENGTH
    pod = names.relay(set_name, number) + "-0123456789-abcde"  # of a ReplicaSet of a Deployment
    assert len(pod) <= 63
    for value in labels.of_relay(set_name, names.relay(set_name, number)).values():
        assert re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?", value)


def test_a_set_called_default_leaves_the_namespaces_own_account_alone() -> None:
    assert names.identity("default") != "default"


def test_selectors_are_set_and_relay_and_nothing_that_may_change() -> None:
    assert labels.relay_selector("a", "a-0") == {labels.SET: "a", labels.RELAY: "a-0"}
    assert labels.set_selector("a") == {labels.SET: "a"}
    assert labels.relay_selector("a", "a-0").items() <= labels.of_relay("a", "a-0").items()
    assert labels.VERSION not in labels.of_relay("a", "a-0")

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streamset_operator.cache import Cache
from streamset_operator.kinds import CONFIG_MAPS, PODS, SETS

KEY = ("data", "majors")
SET = "streams.petrosa.io/set"


def thing(name: str, version: int, owner: str = "majors") -> dict[str, Any]:
    return {
        "metadata": {
            "name": name,
            "namespace": "data",
            "resourceVersion": str(version),
            "labels": {SET: owner},
            "managedFields": [{"manager": "anybody"}],
        }
    }


def test_what_was_put_is_found_by_its_set() -> None:
    cache = Cache()

    assert cache.put(SETS, thing("majors", 1)) == {KEY}
    assert cache.put(CONFIG_MAPS, thing("majors-0", 2)) == {KEY}
    assert cache.put(PODS, thing("majors-0-x", 3)) == {KEY}

    assert cache.sets() == (KEY,)
    assert list(cache.of_kind(KEY, CONFIG_MAPS)) == ["majors-0"]
    assert [place[2] for place in cache.owned(KEY)] == ["majors-0"]


def test_managed_fields_are_not_kept() -> None:
    cache = Cache()
    cache.put(CONFIG_MAPS, thing("majors-0", 1))

    assert "managedFields" not in cache.of_kind(KEY, CONFIG_MAPS)["majors-0"]["metadata"]


def test_of_a_pod_only_what_is_read_is_kept() -> None:
    cache = Cache()
    spec = {"spec": {"containers": []}, "status": {"phase": "Running"}}
    cache.put(PODS, thing("majors-0-x", 1) | spec)
    cache.put(CONFIG_MAPS, thing("majors-0", 1) | spec)

    assert cache.of_kind(KEY, PODS)["majors-0-x"].keys() == {"metadata", "status"}
    assert cache.of_kind(KEY, CONFIG_MAPS)["majors-0"].keys() == {"metadata", "spec", "status"}


def test_the_same_version_concerns_nobody() -> None:
    cache = Cache()
    cache.put(CONFIG_MAPS, thing("majors-0", 1))

    assert cache.put(CONFIG_MAPS, thing("majors-0", 1)) == frozenset()


def test_an_older_version_does_not_come_back() -> None:
    cache = Cache()
    cache.put(CONFIG_MAPS, thing("majors-0", 9))
    cache.put(CONFIG_MAPS, thing("majors-0", 5))

    assert cache.of_kind(KEY, CONFIG_MAPS)["majors-0"]["metadata"]["resourceVersion"] == "9"


def test_what_was_deleted_does_not_come_back() -> None:
    """The answer to a write may arrive after the watch has told of the deletion."""
    cache = Cache()
    cache.put(CONFIG_MAPS, thing("majors-0", 5))
    assert cache.remove(CONFIG_MAPS, thing("majors-0", 7)) == {KEY}
    cache.put(CONFIG_MAPS, thing("majors-0", 6))

    assert cache.of_kind(KEY, CONFIG_MAPS) == {}
    cache.put(CONFIG_MAPS, thing("majors-0", 8))
    assert list(cache.of_kind(KEY, CONFIG_MAPS)) == ["majors-0"]


def test_a_label_changed_by_hand_concerns_both_sets() -> None:
    cache = Cache()
    cache.put(CONFIG_MAPS, thing("majors-0", 1))

    assert cache.put(CONFIG_MAPS, thing("majors-0", 2, "other")) == {KEY, ("data", "other")}
    assert cache.of_kind(KEY, CONFIG_MAPS) == {}


def test_a_list_tells_what_a_watch_has_missed() -> None:
    cache = Cache()
    for name in ("gone", "kept", "newer"):
        cache.put(CONFIG_MAPS, thing(name, 20 if name == "newer" else 1))

    assert cache.replace(CONFIG_MAPS, None, [thing("kept", 1)], 10) == {KEY}
    assert set(cache.of_kind(KEY, CONFIG_MAPS)) == {"kept", "newer"}
    assert cache.replace(CONFIG_MAPS, None, [thing("kept", 1), thing("newer", 20)], 30) == set()


def test_a_list_of_one_namespace_says_nothing_of_others() -> None:
    cache = Cache()
    cache.put(CONFIG_MAPS, thing("majors-0", 1))

    assert cache.replace(CONFIG_MAPS, "other", [], 10) == frozenset()
    assert list(cache.of_kind(KEY, CONFIG_MAPS)) == ["majors-0"]


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.booleans()), max_size=12), st.randoms())
def test_the_order_of_arrival_does_not_matter(
    history: list[tuple[str, bool]], rng: random.Random
) -> None:
    """Each step of a history is one version; arriving in any order, its end is what is known."""
    steps = list(enumerate(history, start=1))
    expected = dict(history)
    rng.shuffle(steps)
    cache = Cache()
    for version, (name, lives) in steps:
        (cache.put if lives else cache.remove)(CONFIG_MAPS, thing(name, version))

    assert set(cache.of_kind(KEY, CONFIG_MAPS)) == {n for n, lives in expected.items() if lives}

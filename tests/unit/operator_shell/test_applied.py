from typing import Any

from streamset_operator.applied import Applied, fingerprint

WANTED: dict[str, Any] = {"kind": "Deployment", "metadata": {"name": "a"}, "spec": {"replicas": 1}}


def live(version: str = "1", **fields: Any) -> dict[str, Any]:
    metadata = {"name": "a", "resourceVersion": version, "managedFields": [version]}
    return {"metadata": metadata, "spec": {"replicas": 1}, "status": {"seen": version}} | fields


def test_nothing_is_settled_at_the_start() -> None:
    assert not Applied().is_settled("a", WANTED, live())


def test_an_object_that_stayed_as_it_was_is_settled() -> None:
    applied = Applied()
    applied.note("a", WANTED, live())

    assert applied.is_settled("a", WANTED, live())


def test_a_report_in_status_changes_nothing() -> None:
    applied = Applied()
    applied.note("a", WANTED, live("1"))

    assert applied.is_settled("a", WANTED, live("2"))


def test_a_change_by_hand_does() -> None:
    applied = Applied()
    applied.note("a", WANTED, live("1"))

    assert not applied.is_settled("a", WANTED, live("2", spec={"replicas": 0}))
    labelled = live("2")
    labelled["metadata"]["labels"] = {"by": "hand"}
    assert not applied.is_settled("a", WANTED, labelled)


def test_another_wish_does() -> None:
    applied = Applied()
    applied.note("a", WANTED, live())

    assert not applied.is_settled("a", WANTED | {"spec": {"replicas": 0}}, live())


def test_an_object_that_is_gone_is_not_settled() -> None:
    applied = Applied()
    applied.note("a", WANTED, live())

    assert not applied.is_settled("a", WANTED, None)
    applied.forget("a")
    assert not applied.is_settled("a", WANTED, live())


def test_fingerprints_do_not_depend_on_the_order_of_fields() -> None:
    assert fingerprint({"a": 1, "metadata": {}}) == fingerprint({"metadata": {}, "a": 1})

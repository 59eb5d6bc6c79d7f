"""Which image: the resource's, then the operator's, then the built-in one; a default may stay."""

from typing import Any

import pytest

from streamset_operator import labels
from streamset_operator.objects import build
from streamset_operator.settings import Settings
from tests.unit.operator.worlds import SETTINGS, objects_of, of_kind, relays_of, resource


def image_of(settings: Settings, live: dict[str, Any] | None = None, **spec: Any) -> Any:
    found = resource(**spec)
    live = {"majors-0": live} if live is not None else {}
    objects = build(found, relays_of(found), settings, live, pod_monitors=True)
    deployment = of_kind(objects, "Deployment")
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    return container["image"], deployment["metadata"].get("annotations", {})


def test_precedence() -> None:
    operators = Settings(version="1", relay_image="operators:1")
    assert image_of(operators, image="mine:1") == ("mine:1", {})
    assert image_of(operators)[0] == "operators:1"
    assert image_of(Settings(version="1"))[0] == "binance-streamset-relay:1"


@pytest.mark.parametrize(
    ("policy", "expected"), [("Stay", "relay:default"), ("FollowOperator", "relay:new")]
)
def test_an_update_of_the_operator(policy: str, expected: str) -> None:
    live = of_kind(objects_of(resource()), "Deployment")
    new = Settings(version="2", relay_image="relay:new")

    image, annotations = image_of(new, live, imageUpdatePolicy=policy)

    assert image == expected
    assert annotations == {labels.DEFAULT_IMAGE: expected}


def test_what_somebody_set_by_hand_is_no_default_to_stay_with() -> None:
    live = of_kind(objects_of(resource()), "Deployment")
    live["spec"]["template"]["spec"]["containers"][0]["image"] = "by:hand"

    assert image_of(SETTINGS, live)[0] == "relay:default"


def test_a_manifest_that_stops_naming_an_image_gets_the_default_of_today() -> None:
    live = of_kind(objects_of(resource(image="mine:1")), "Deployment")

    assert image_of(SETTINGS, live)[0] == "relay:default"

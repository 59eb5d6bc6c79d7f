"""The sets of the benchmark."""

from collections import Counter

from benchmarks.operator.manifests import NAMESPACES, OWNED, manifests
from streamset_api.resource import parse
from streamset_api.spec import streams_of
from streamset_operator.move import Share
from streamset_operator.objects import build
from streamset_operator.plan import plan
from streamset_operator.settings import Settings


def test_they_are_valid_apart_and_spread_over_the_namespaces() -> None:
    sets = [parse(manifest, strict=True) for manifest in manifests(25)]

    assert len({(found.metadata.namespace, found.metadata.name) for found in sets}) == 25
    sizes = Counter(found.metadata.namespace for found in sets)
    assert set(sizes) == set(NAMESPACES)
    assert max(sizes.values()) - min(sizes.values()) <= 1


def test_each_is_made_of_one_object_of_each_kind() -> None:
    [resource] = (parse(manifest) for manifest in manifests(1))
    relays = plan(resource, {0: Share(tuple(streams_of(resource.spec)))})

    made = build(resource, relays, Settings(version="1.0"), pod_monitors=False)

    assert len(relays[0].share.listed) == 15
    assert [thing["kind"] for thing in made] == list(OWNED)

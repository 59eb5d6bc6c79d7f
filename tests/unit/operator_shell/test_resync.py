"""What a list that is refused means to the others. Lists of a real API server: tests/integration/operator."""

import pytest

from streamset_operator import errors, kinds
from streamset_operator.cache import Cache
from streamset_operator.kinds import Key, Kind
from streamset_operator.metrics import Metrics
from streamset_operator.resync import Resync
from streamset_operator.settings import Settings

SETTINGS = Settings(version="1", watch_namespaces=("a", "b", "c"))


class Lists:
    """A cluster that answers every list with one set of that namespace, or with an error."""

    def __init__(self, failing: dict[str, errors.ClusterError]) -> None:
        self.failing = failing
        self.asked: list[tuple[str, str | None]] = []

    async def serves(self, kind: Kind) -> bool:
        return False

    async def list(
        self, kind: Kind, namespace: str | None, labels: str
    ) -> tuple[list[dict[str, object]], int]:
        self.asked.append((kind.plural, namespace))
        assert namespace is not None
        if error := self.failing.get(namespace):
            raise error
        if kind != kinds.SETS:
            return [], 1
        metadata = {"name": "s", "namespace": namespace, "uid": namespace, "resourceVersion": "1"}
        return [{"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata}], 1


def resync(lists: Lists) -> tuple[Resync, Cache, list[Key]]:
    cache, added = Cache(), list[Key]()

    def add(key: Key, *, urgent: bool = True) -> None:
        added.append(key)

    made = Resync(lists, cache, SETTINGS, Metrics(), add, lambda _: None)  # type: ignore[arg-type]
    return made, cache, added


async def test_a_namespace_that_refuses_does_not_stop_the_others() -> None:
    lists = Lists({"b": errors.Forbidden("list", "no")})
    looking, cache, added = resync(lists)

    with pytest.raises(errors.Forbidden):
        await looking.list_all()

    everything = {
        (kind.plural, name) for kind in kinds.watched(pod_monitors=False) for name in "abc"
    }
    assert set(lists.asked) == everything
    assert set(cache.sets()) == set(added) == {("a", "s"), ("c", "s")}


async def test_an_api_server_that_is_away_is_asked_nothing_more() -> None:
    lists = Lists({"b": errors.Unavailable("list", "away")})
    looking, cache, _ = resync(lists)

    with pytest.raises(errors.Unavailable):
        await looking.list_all()

    assert lists.asked == [("binancestreamsets", "a"), ("binancestreamsets", "b")]
    assert set(cache.sets()) == {("a", "s")}

"""Every bound, type and choice of the CRD: what stands on it is taken, one step beyond is refused by name."""

import pytest

from streamset_api.crd_schema import Schema
from streamset_api.errors import ConfigError
from tests.integration.kube.bounds import Path, beyond, fields, manifest_with, within
from tests.integration.kube.sets import dry_run, parsed
from tests.support.kube_client import KubeClient, KubeError

FIELDS = list(fields())


def test_the_fields_are_all_there() -> None:
    paths = {path for path, _ in FIELDS}

    assert len(paths) > 100
    assert {("market",), ("nats", "servers", "0"), ("resources", "limits", "k")} < paths


@pytest.mark.parametrize(("path", "schema"), FIELDS, ids=[".".join(path) for path, _ in FIELDS])
async def test_a_field(admin: KubeClient, path: Path, schema: Schema) -> None:
    for value in within(path, schema):
        document = manifest_with(path, value)
        taken, by_models = await dry_run(admin, document), parsed(document)

        assert not isinstance(taken, KubeError), (value, taken)
        assert not isinstance(by_models, ConfigError), (value, by_models)
    for value in beyond(path, schema):
        document = manifest_with(path, value)
        refusal, by_models = await dry_run(admin, document), parsed(document)

        assert isinstance(refusal, KubeError), (value, refusal)
        name = path[-1] if path[-1] not in ("0", "k") else path[-2]
        assert name in refusal.message, (value, refusal)
        assert isinstance(by_models, ConfigError), (value, by_models)
        assert all(name in problem.where for problem in by_models.problems), by_models


async def test_the_largest_manifest_stays_within_the_cost_of_rules(admin: KubeClient) -> None:
    """Each expression may cost so much, and all of a resource together; four bytes is the widest character."""
    wide = "\N{MONEY BAG}"
    symbols = [f"{number:04}".ljust(64, wide) for number in range(1000)]
    streams = [f"{number:04}".ljust(120, wide) + "@b" for number in range(2000)]
    document = manifest_with(("streams",), streams)
    document["spec"] |= {"symbols": symbols, "channels": ["a" * 63] * 20}
    document["spec"]["nats"]["servers"] = ["nats://" + "a" * 505] * 16

    taken = await dry_run(admin, document)

    assert not isinstance(taken, KubeError), str(taken)[:1000]

"""Unknown fields, YAML and paths."""

import pytest

from streamset_api.errors import ConfigError
from streamset_api.resource import parse
from streamset_api.validation import join, read_yaml
from tests.unit.api.documents import manifest, nats


@pytest.mark.parametrize(
    ("fields", "where", "nearest"),
    [
        ({"symbol": ["a"]}, "spec.symbol", "did you mean symbols?"),
        ({"max_streams_per_relay": 1}, "spec.max_streams_per_relay", "maxStreamsPerRelay?"),
        ({"SUSPEND": True}, "spec.SUSPEND", "did you mean suspend?"),
        ({"nats": nats(jetstream={})}, "spec.nats.jetstream", "did you mean jetStream?"),
        ({"buffer": {"zzz": 1}}, "spec.buffer.zzz", "known here: channels, maxBytes,"),
        (
            {"buffer": {"channels": [{"channel": "a", "overflow": "DropNewest", "x": 1}]}},
            "spec.buffer.channels[0].x",
            "known here: channel, overflow",
        ),
        ({"nats": nats(auth={"tokenSecretReff": {}})}, "auth.tokenSecretReff", "tokenSecretRef?"),
    ],
)
def test_unknown_fields_are_refused_or_ignored(
    fields: dict[str, object], where: str, nearest: str
) -> None:
    document = manifest(**fields)

    with pytest.raises(ConfigError) as caught:
        parse(document, strict=True)
    [problem] = caught.value.problems
    assert problem.where.endswith(where)
    assert problem.allowed.startswith("no such field; ")
    assert problem.allowed.endswith(nearest) or nearest in problem.allowed
    assert parse(document).metadata.name == "majors"


def test_what_kubernetes_adds_to_metadata_and_status_is_no_unknown_field() -> None:
    document = manifest() | {"status": {"relays": [{"name": "majors-0"}]}}
    document["metadata"] |= {"creationTimestamp": "2026-01-01T00:00:00Z", "managedFields": [{}]}

    resource = parse(document, strict=True)

    assert resource.metadata.uid is None
    assert resource.status == {"relays": [{"name": "majors-0"}]}


def test_unknown_and_wrong_fields_are_reported_together() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(manifest(symbol=["a"], suspend="x"), strict=True)

    assert [problem.where for problem in caught.value.problems] == ["spec.symbol", "spec.suspend"]


@pytest.mark.parametrize("document", [None, [], "text", 5])
def test_a_document_without_fields_is_refused(document: object) -> None:
    with pytest.raises(ConfigError, match="allowed: a mapping of fields"):
        parse(document)


def test_a_cycle_is_refused() -> None:
    document = manifest()
    document["spec"]["pod"] = {"affinity": document}

    with pytest.raises(ConfigError, match="allowed: JSON"):
        parse(document)


@pytest.mark.parametrize("text", ["a: [", "a: 1\na: 2", "a: !!python/object:os.system {}", "\x00"])
def test_what_is_no_plain_yaml_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^file\.yaml: .*allowed: YAML$"):
        read_yaml(text, "file.yaml")


def test_deep_nesting_is_refused_not_a_crash() -> None:
    with pytest.raises(ConfigError, match="allowed: YAML"):
        read_yaml("[" * 5000, "file.yaml")


def test_merge_keys_may_repeat() -> None:
    text = "a: &a {x: 1}\nb: &b {y: 2}\nc: {<<: *a, z: 3}\n"

    assert read_yaml(text, "x") == [{"a": {"x": 1}, "b": {"y": 2}, "c": {"x": 1, "z": 3}}]


def test_paths() -> None:
    assert join("", "spec", "nats", "servers", 0) == "spec.nats.servers[0]"
    assert join("file.yaml: ", "spec", 1, "a") == "file.yaml: spec[1].a"

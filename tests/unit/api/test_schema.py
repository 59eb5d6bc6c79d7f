"""The models can become a CRD: described, bounded, and each rule in CEL."""

from collections.abc import Iterator
from typing import Any

import pytest

from streamset_api.relay_config import RelayConfig
from streamset_api.resource import BinanceStreamSet
from streamset_api.spec import BinanceStreamSetSpec

SCHEMA = BinanceStreamSetSpec.model_json_schema(by_alias=True)


def properties(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for model in [schema, *schema.get("$defs", {}).values()]:
        for name, value in model.get("properties", {}).items():
            yield f"{model['title']}.{name}", value


def described(schema: dict[str, Any], value: dict[str, Any]) -> bool:
    """A reference without a description of its own has that of the model it refers to."""
    if "description" in value:
        return True
    name = value.get("$ref", "").rpartition("/")[2]
    return "description" in schema.get("$defs", {}).get(name, {})


def nodes(value: object, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        yield path, value
        for key, inner in value.items():
            yield from nodes(inner, f"{path}/{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from nodes(inner, f"{path}/{index}")


@pytest.mark.parametrize("model", [BinanceStreamSet, RelayConfig])
def test_every_field_has_a_description(model: type[BinanceStreamSet | RelayConfig]) -> None:
    schema = model.model_json_schema(by_alias=True)

    assert [name for name, value in properties(schema) if not described(schema, value)] == []


def test_every_list_and_string_is_bounded() -> None:
    unbounded = [
        path
        for path, node in nodes(SCHEMA)
        if (node.get("type") == "array" and "maxItems" not in node)
        or (node.get("type") == "string" and not {"maxLength", "enum", "const"} & set(node))
    ]

    assert unbounded == []


def test_every_integer_is_bounded_below() -> None:
    integers = [(path, node) for path, node in nodes(SCHEMA) if node.get("type") == "integer"]

    assert integers
    assert [path for path, node in integers if "minimum" not in node] == []


def test_there_is_no_default_inside_list_items() -> None:
    """Argo CD takes a default that the API server adds to a list's item for drift."""
    items = {
        node["items"]["$ref"].rpartition("/")[2]
        for _, node in nodes(SCHEMA)
        if "$ref" in node.get("items", {})
    }
    defaults = [
        f"{name}.{field}"
        for name in items
        for field, value in SCHEMA["$defs"][name].get("properties", {}).items()
        if value.get("default") is not None
    ]

    assert "ChannelOverflow" in items
    assert defaults == []


def test_rules_have_cel_and_a_message() -> None:
    rules = [rule for _, node in nodes(SCHEMA) for rule in node.get("x-kubernetes-validations", [])]

    assert len(rules) > 10
    for rule in rules:
        assert rule["rule"]
        assert rule["message"]
        assert "\n" not in rule["message"]
        assert len(rule["message"]) <= 2048


def test_the_rules_of_the_set_are_in_its_schema() -> None:
    paths = {rule["fieldPath"] for rule in SCHEMA["x-kubernetes-validations"]}

    assert paths == {
        *(".streams", ".channels", ".timeUnit", ".maxStreamsPerRelay"),
        ".nats.jetStream.duplicateWindowSeconds",
    }

"""From JSON schema to structural schema: what is changed, and that nothing is lost in silence."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, create_model

from streamset_api.crd_schema import UnsupportedSchemaError, structural
from streamset_api.model import Model, Rule


class Inner(Model):
    """An inner
    object."""

    count: Annotated[int, Field(ge=1)] = 5
    """How many."""
    note: Annotated[str, Field(max_length=9)] | None = None
    """Why."""


def of(**fields: Any) -> dict[str, Any]:
    """Return the structural schemas of the fields of a model: name → type, or (type, default)."""
    definitions: dict[str, Any] = {
        name: value if isinstance(value, tuple) else (value, ...) for name, value in fields.items()
    }
    model = create_model("M", __base__=Model, **definitions)
    properties: dict[str, Any] = structural(model.model_json_schema())["properties"]
    return properties


def test_an_object() -> None:
    assert structural(Inner.model_json_schema()) == {
        "description": "An inner object.",
        "type": "object",
        "properties": {
            "count": {"description": "How many.", "type": "integer", "minimum": 1, "default": 5},
            "note": {"description": "Why.", "type": "string", "maxLength": 9},
        },
    }


def test_names_are_camel_case_and_required_ones_are_listed() -> None:
    class Named(Model):
        some_name: int
        other_name: int = 1

    schema = structural(Named.model_json_schema())

    assert list(schema["properties"]) == ["someName", "otherName"]
    assert schema["required"] == ["someName"]


def test_what_may_be_none_becomes_optional() -> None:
    assert of(a=(int | None, None)) == {"a": {"type": "integer"}}
    assert of(a=(Inner | None, None))["a"]["type"] == "object"
    assert of(a=(Literal["x", "y"] | None, None)) == {"a": {"type": "string", "enum": ["x", "y"]}}


def test_a_constant_is_the_only_choice() -> None:
    assert of(a=Literal["v1"]) == {"a": {"type": "string", "enum": ["v1"]}}


def test_lists_are_atomic_unless_they_say_otherwise() -> None:
    keyed = Field(json_schema_extra={"x-kubernetes-list-type": "map"})

    found = of(a=tuple[int, ...], b=Annotated[tuple[int, ...], keyed])

    assert found["a"] == {
        "type": "array",
        "x-kubernetes-list-type": "atomic",
        "items": {"type": "integer"},
    }
    assert found["b"]["x-kubernetes-list-type"] == "map"


def test_maps_and_what_is_passed_on() -> None:
    passed_on = Field(json_schema_extra={"x-kubernetes-preserve-unknown-fields": True})

    found = of(a=dict[str, int], b=Annotated[dict[str, Any], passed_on])

    assert found["a"] == {"type": "object", "additionalProperties": {"type": "integer"}}
    assert found["b"] == {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


@pytest.mark.parametrize(
    ("default", "reduced"),
    [
        (Inner(), {}),
        (Inner(count=7), {"count": 7}),
        (Inner(note="x"), {"note": "x"}),
    ],
)
def test_an_objects_default_is_what_its_fields_do_not_say(
    default: Inner, reduced: dict[str, Any]
) -> None:
    assert of(a=(Inner, default))["a"]["default"] == reduced


def test_an_object_with_rules_keeps_its_default_whole() -> None:
    class Ruled(Model):
        low: int = 1
        high: int = 2
        RULES = (Rule("self.low < self.high", "low below high", lambda it: it.low < it.high),)

    assert of(a=(Ruled, Ruled()))["a"]["default"] == {"low": 1, "high": 2}


@pytest.mark.parametrize(
    ("kind", "default"), [(tuple[int, ...], ()), (dict[str, int], {}), (int | None, None)]
)
def test_a_default_that_says_nothing_is_left_out(kind: Any, default: Any) -> None:
    assert "default" not in of(a=(kind, default))["a"]


def test_a_default_of_nothing_but_defaults_of_nothing_is_left_out() -> None:
    class Quiet(Model):
        names: tuple[int, ...] = ()

    assert "default" not in of(a=(Quiet, Quiet()))["a"]


@pytest.mark.parametrize("kind", [tuple[Inner, ...], dict[str, Inner]])
def test_a_default_inside_a_list_or_map_is_refused(kind: Any) -> None:
    with pytest.raises(UnsupportedSchemaError, match="looks like drift"):
        of(a=kind)


def test_false_and_zero_are_defaults() -> None:
    found = of(a=(bool, False), b=(int, 0))

    assert (found["a"]["default"], found["b"]["default"]) == (False, 0)


def test_rules_of_a_type_and_of_a_field_of_that_type_add_up() -> None:
    class Ruled(Model):
        low: int
        RULES = (Rule("self.low < 5", "low below 5", lambda it: it.low < 5),)

    field = Rule("self.low > 1", "low above 1", lambda it: it.low > 1)

    rules = of(a=Annotated[Ruled, field])["a"]["x-kubernetes-validations"]

    assert [rule["message"] for rule in rules] == ["low below 5", "low above 1"]


def test_rules_come_first_the_rule_then_the_message() -> None:
    rule = Rule("self > 1", "more than 1", lambda value: value > 1)

    [found] = of(a=Annotated[int, rule])["a"]["x-kubernetes-validations"]

    assert list(found.items()) == [("rule", "self > 1"), ("message", "more than 1")]


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": "integer", "multipleOf": 5}, "no way to say multipleOf"),
        ({"type": "integer", "exclusiveMinimum": 5}, "exclusiveMinimum"),
        ({"type": "array", "items": {"type": "string"}, "uniqueItems": True}, "uniqueI"),
        (
            {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "propertyNames": {"maxLength": 3},
            },
            "propertyNames",
        ),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, "X | None"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "the default None"),
        (
            {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": 1},
            "default None",
        ),
        ({"type": ["integer", "string"]}, "none of a CRD"),
        ({"type": "null"}, "none of a CRD"),
        ({}, "none of a CRD"),
        ({"type": "array"}, "what its items are"),
        ({"type": "object"}, "what its fields are"),
        ({"type": "object", "additionalProperties": True}, "has to be a schema"),
        ({"$ref": "#/$defs/Nothing"}, "is not defined"),
        (
            {"$ref": "#/$defs/A", "maximum": 9, "$defs": {"A": {"type": "integer", "maximum": 5}}},
            "maximum is given twice",
        ),
        (
            {"type": "integer", "x-kubernetes-validations": [{"rule": "true", "severity": "low"}]},
            "no such parts of a rule: rule, severity",
        ),
    ],
)
def test_what_a_crd_cannot_say_is_an_error(schema: dict[str, Any], reason: str) -> None:
    with pytest.raises(UnsupportedSchemaError) as caught:
        structural(schema)

    assert str(caught.value).startswith("schema: ")
    assert reason in str(caught.value)


def test_the_error_says_where() -> None:
    bad = {"type": "array", "items": {"type": "integer", "multipleOf": 2}}
    schema = {"type": "object", "properties": {"a": {"type": "object", "properties": {"b": bad}}}}

    with pytest.raises(UnsupportedSchemaError, match=r"^a\.b\[\]: no way to say multipleOf"):
        structural(schema)


def test_a_type_that_holds_itself_is_an_error() -> None:
    with pytest.raises(UnsupportedSchemaError, match="Tree refers to itself"):
        structural(Tree.model_json_schema())


class Tree(BaseModel):
    branches: "tuple[Tree, ...]" = ()


def test_a_type_used_twice_is_none_that_holds_itself() -> None:
    found = of(a=Inner, b=Inner)

    assert found["a"] == found["b"]
    assert found["a"] is not found["b"]


def test_the_input_stays_as_it_was() -> None:
    schema = {"type": "string", "enum": ["a"]}

    structural(schema)["enum"].append("b")

    assert schema == {"type": "string", "enum": ["a"]}

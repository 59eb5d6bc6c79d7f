"""From the JSON schema of a model to a structural schema, the dialect that a CRD is written in.

Rules: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
(structural schemas, defaulting). The conversion is pure and total in one sense: a keyword that it
does not know is an error, because a constraint left out in silence would be enforced by the models
and not by the API server.

What changes on the way:

* `$ref` is replaced by what it refers to; a description and a default beside it win.
* `X | None` with the default None becomes an optional `X`. An API server prunes a null given for it.
* A default that says nothing (null, `[]`, `{}`) is left out. That of an object is reduced to what its
  fields' own defaults do not say: `{}` where they say it all, because they apply inside an object only.
  An object with rules keeps it whole: an API server runs them on the default as it stands.
* A list without a list type is `atomic`: one writer owns it whole.
* Titles are dropped, and paragraphs become one line.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from streamset_api.model import VALIDATIONS

Schema = dict[str, Any]

PRESERVE = "x-kubernetes-preserve-unknown-fields"
INT_OR_STRING = "x-kubernetes-int-or-string"
LIST_TYPE = "x-kubernetes-list-type"
LIST_MAP_KEYS = "x-kubernetes-list-map-keys"

_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_DROPPED = {"title", "$defs"}
_COPIED = (
    *("format", "enum", "pattern", "minLength", "maxLength", "minimum", "maximum"),
    *("minItems", "maxItems", "minProperties", "maxProperties", "required"),
    *(INT_OR_STRING, PRESERVE, LIST_TYPE, LIST_MAP_KEYS),
)
_HANDLED = ("$ref", "anyOf", "const", "type", "description", "default", VALIDATIONS)
_NESTED = ("properties", "additionalProperties", "items")
_ANNOTATIONS = {"title", "description", "default"}
_RULE = ("rule", "message", "fieldPath")
_KNOWN = _DROPPED | {*_COPIED, *_HANDLED, *_NESTED}


class UnsupportedSchemaError(Exception):
    """A model's schema says something that a structural schema cannot say. `path` is where."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path or 'schema'}: {self.reason}"


def structural(schema: Mapping[str, Any]) -> Schema:
    """Return the structural schema of a model's JSON schema. Raises `UnsupportedSchemaError`."""
    return _Converter(schema.get("$defs", {})).convert(schema, "", defaults=True)


class _Converter:
    """One conversion; `definitions` is what `$ref` refers to."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions

    def convert(
        self,
        schema: Mapping[str, Any],
        path: str,
        *,
        defaults: bool,
        inside: frozenset[str] = frozenset(),
    ) -> Schema:
        """Convert what is at `path`, `inside` the definitions named. `defaults`: may it have any?"""
        schema, inside = self._resolve(schema, path, inside)
        unknown = sorted(set(schema) - _KNOWN)
        if unknown:
            raise UnsupportedSchemaError(path, f"no way to say {', '.join(unknown)} in a CRD")

        converted: Schema = {}
        if "description" in schema:
            converted["description"] = " ".join(schema["description"].split())
        if INT_OR_STRING not in schema:
            converted["type"] = _type_of(schema, path)
        if "const" in schema:
            converted["enum"] = [schema["const"]]
        converted |= {key: deepcopy(schema[key]) for key in _COPIED if key in schema}
        if converted.get("type") == "array":
            converted.setdefault(LIST_TYPE, "atomic")
        if VALIDATIONS in schema:
            converted[VALIDATIONS] = [_rule(rule, path) for rule in schema[VALIDATIONS]]
        converted |= self._nested(schema, path, defaults, inside)

        default = _default(schema.get("default"), converted)
        if default is not None:
            if not defaults:
                reason = "a default inside a list or map looks like drift to GitOps"
                raise UnsupportedSchemaError(path, reason)
            converted["default"] = default
        return converted

    def _nested(
        self, schema: Mapping[str, Any], path: str, defaults: bool, inside: frozenset[str]
    ) -> Schema:
        nested: Schema = {}
        if "properties" in schema:
            nested["properties"] = {
                name: self.convert(
                    value, f"{path}.{name}".lstrip("."), defaults=defaults, inside=inside
                )
                for name, value in schema["properties"].items()
            }
        if schema.get(PRESERVE):
            return nested
        if "items" in schema:
            nested["items"] = self.convert(
                schema["items"], f"{path}[]", defaults=False, inside=inside
            )
        if "additionalProperties" in schema:
            if not isinstance(schema["additionalProperties"], Mapping):
                raise UnsupportedSchemaError(path, "additionalProperties has to be a schema")
            nested["additionalProperties"] = self.convert(
                schema["additionalProperties"], f"{path}{{}}", defaults=False, inside=inside
            )
        return nested

    def _resolve(
        self, schema: Mapping[str, Any], path: str, inside: frozenset[str]
    ) -> tuple[Mapping[str, Any], frozenset[str]]:
        """Follow `$ref` and fold `X | None`; return what remains and the definitions it is in."""
        while "$ref" in schema or "anyOf" in schema:
            beside = {key: value for key, value in schema.items() if key not in ("$ref", "anyOf")}
            if "$ref" in schema:
                name = schema["$ref"].removeprefix("#/$defs/")
                if name in inside:
                    raise UnsupportedSchemaError(path, f"{name} refers to itself")
                if name not in self._definitions:
                    raise UnsupportedSchemaError(path, f"{schema['$ref']} is not defined")
                inside |= {name}
                target = self._definitions[name]
            else:
                target = _not_null(schema, path)
            schema = _merged(target, beside, path)
        return schema, inside


def _merged(target: Mapping[str, Any], beside: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """Return what a reference and the keywords beside it say together: no constraint gets lost."""
    rules = [*target.get(VALIDATIONS, ()), *beside.get(VALIDATIONS, ())]
    lost = sorted(
        key
        for key in set(target) & set(beside) - {*_ANNOTATIONS, VALIDATIONS}
        if target[key] != beside[key]
    )
    if lost:
        raise UnsupportedSchemaError(path, f"{', '.join(lost)} is given twice, and differs")
    return {**target, **beside} | ({VALIDATIONS: rules} if rules else {})


def _not_null(schema: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """Return `X` of `X | None`."""
    choices = [choice for choice in schema["anyOf"] if choice != {"type": "null"}]
    if len(choices) != 1 or len(schema["anyOf"]) != 2:
        raise UnsupportedSchemaError(path, "anyOf is understood as `X | None` only")
    if schema.get("default", ...) is not None:
        raise UnsupportedSchemaError(path, "`X | None` has to have the default None")
    choice: Mapping[str, Any] = choices[0]
    return choice


def _type_of(schema: Mapping[str, Any], path: str) -> str:
    kind = schema.get("type")
    if kind == "array" and "items" not in schema:
        raise UnsupportedSchemaError(path, "a list has to say what its items are")
    if kind == "object" and not {"properties", "additionalProperties", PRESERVE} & set(schema):
        raise UnsupportedSchemaError(path, "an object has to say what its fields are")
    if kind in _TYPES:
        return str(kind)
    raise UnsupportedSchemaError(path, f"type {kind!r} is none of a CRD")


def _rule(rule: Mapping[str, str], path: str) -> dict[str, str]:
    if not set(rule) <= set(_RULE):
        raise UnsupportedSchemaError(path, f"no such parts of a rule: {', '.join(sorted(rule))}")
    return {key: rule[key] for key in _RULE if key in rule}


def _default(value: object, converted: Schema) -> object:
    """Return the default that `converted` has to carry itself, or None."""
    properties: Mapping[str, Schema] = converted.get("properties", {})
    if not isinstance(value, Mapping) or not properties:
        return None if value in (None, [], {}) else value
    own = {name: _default(inner, properties[name]) for name, inner in value.items()}
    applied = {name: inner.get("default") for name, inner in properties.items()}
    whole = VALIDATIONS in converted
    reduced = {
        name: inner
        for name, inner in own.items()
        if inner is not None and (whole or inner != applied[name])
    }
    return reduced if reduced or any("default" in inner for inner in properties.values()) else None

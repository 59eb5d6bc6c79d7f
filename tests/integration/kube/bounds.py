"""Manifests that stand on a bound of the schema, and one step beyond."""

from collections.abc import Callable, Iterator
from typing import Any

from streamset_api import crd
from streamset_api.crd_schema import INT_OR_STRING, Schema
from tests.unit.api.documents import manifest

SPEC: Schema = crd.schema()["properties"]["spec"]

Path = tuple[str, ...]
ITEM = "0"
"""In a path: an item of a list."""
ENTRY = "k"
"""In a path: an entry of a map."""

WRONG_TYPE = {
    "string": [5, True, ["a"], {}],
    "integer": ["5", True, 1.5, [1]],
    "boolean": ["yes", 1],
    "array": [{}, "a", 1],
    "object": [[], "a", 1],
}

# Strings of a length that the field's rule takes; other fields take any number of "a".
FILLED: dict[Path, Callable[[int], str]] = {
    ("streams", ITEM): lambda length: "a" * (length - len("@trade")) + "@trade",
    ("endpoint",): lambda length: "wss://h/".ljust(length, "a"),
    ("telemetry", "otlpEndpoint"): lambda length: "http://h/".ljust(length, "a"),
    ("nats", "servers", ITEM): lambda length: "nats://".ljust(length, "a"),
}
# What else a manifest has to say, so that no rule stands between it and the bound.
BESIDE: dict[Path, dict[Path, Any]] = {
    ("reconnect", "initialDelaySeconds"): {("reconnect", "maxDelaySeconds"): 3600},
    ("reconnect", "maxDelaySeconds"): {("reconnect", "initialDelaySeconds"): 1},
    ("nats", "jetStream", "duplicateWindowSeconds"): {("buffer", "ttlSeconds"): 1},
}


def fields(schema: Schema = SPEC, path: Path = ()) -> Iterator[tuple[Path, Schema]]:
    """Yield every field of `spec`, every list's item and every map's entry, with its schema."""
    if path:
        yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from fields(inner, (*path, name))
    if "items" in schema:
        yield from fields(schema["items"], (*path, ITEM))
    if "additionalProperties" in schema:
        yield from fields(schema["additionalProperties"], (*path, ENTRY))


def within(path: Path, schema: Schema) -> Iterator[Any]:
    """Yield values at the bounds of a field."""
    yield from schema.get("enum", ())
    yield from (schema[key] for key in ("minimum", "maximum") if key in schema)
    if "maxLength" in schema:
        yield "1" * schema["maxLength"] if INT_OR_STRING in schema else _text(path, schema)
    if "minItems" in schema:
        yield _items(path, schema, schema["minItems"])
    if "maxItems" in schema:
        yield _items(path, schema, schema["maxItems"])
    if "maxProperties" in schema:
        yield _entries(path, schema, schema["maxProperties"])


def beyond(path: Path, schema: Schema) -> Iterator[Any]:
    """Yield values one step beyond the bounds of a field, and such of another type."""
    if "enum" in schema:
        yield from ("", "nonsense")
    if "minimum" in schema:
        yield schema["minimum"] - 1
    if "maximum" in schema:
        yield schema["maximum"] + 1
    if "minLength" in schema:
        yield ""
    if "maxLength" in schema:
        text = "1" * schema["maxLength"] if INT_OR_STRING in schema else _text(path, schema)
        yield text + text[-1]
    if "minItems" in schema:
        yield _items(path, schema, schema["minItems"] - 1)
    if "maxItems" in schema:
        yield _items(path, schema, schema["maxItems"] + 1)
    if "maxProperties" in schema:
        yield _entries(path, schema, schema["maxProperties"] + 1)
    yield from WRONG_TYPE.get(schema.get("type", ""), [True, [], {}, 0.5])


def manifest_with(path: Path, value: Any) -> dict[str, Any]:
    """Return a manifest that has `value` at a path of `spec`, and around it what is required."""
    document = manifest()
    for other, needed in BESIDE.get(path, {}).items():
        _put(document["spec"], other, needed)
    _put(document["spec"], path, value)
    return document


def _put(spec: dict[str, Any], path: Path, value: Any) -> None:
    schema = SPEC
    place: Any = spec
    for depth, name in enumerate(path):
        schema = _inner(schema, name)
        last = depth == len(path) - 1
        key: Any = 0 if name == ITEM else name
        if isinstance(place, list) and not place:
            place.append(None)
        if last:
            place[key] = value
        elif isinstance(place, list) or place.get(key) is None:
            place[key] = minimal(path[: depth + 1], schema)
        place = place[key]


def minimal(path: Path, schema: Schema) -> Any:
    """Return the least that a field takes."""
    if "enum" in schema:
        return schema["enum"][0]
    if INT_OR_STRING in schema:
        return 1
    match schema["type"]:
        case "object":
            return {
                name: minimal((*path, name), schema["properties"][name])
                for name in schema.get("required", ())
            }
        case "array":
            return []
        case "integer":
            return schema["minimum"]
        case "boolean":
            return True
    return FILLED[path](10) if path in FILLED else "a"


def _inner(schema: Schema, name: str) -> Schema:
    inner: Schema | None = schema.get("properties", {}).get(name)
    found: Schema = inner or schema.get("items") or schema["additionalProperties"]
    return found


def _text(path: Path, schema: Schema) -> str:
    length: int = schema["maxLength"]
    return FILLED[path](length) if path in FILLED else "a" * length


def _items(path: Path, schema: Schema, count: int) -> list[Any]:
    return [minimal((*path, ITEM), schema["items"]) for _ in range(count)]


def _entries(path: Path, schema: Schema, count: int) -> dict[str, Any]:
    values = schema["additionalProperties"]
    return {f"k{number}": minimal((*path, ENTRY), values) for number in range(count)}

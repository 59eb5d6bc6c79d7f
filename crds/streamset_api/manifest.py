"""Manifests: the text of a file, as `kubectl apply` takes it."""

from collections.abc import Mapping
from typing import Any

from streamset_api.errors import ABSENT, ConfigError, Problem
from streamset_api.resource import API_VERSION, KIND, BinanceStreamSet, parse
from streamset_api.validation import read_yaml


def load_manifest(text: str, where: str = "manifest") -> BinanceStreamSet:
    """Return the first BinanceStreamSet of a YAML or JSON text, which may hold other objects too.

    `where` is what an error calls the text, such as its path. Raises `ConfigError`; unknown fields
    are refused.
    """
    objects = [document for document in read_yaml(text, where) if document is not None]
    mappings = [document for document in objects if isinstance(document, Mapping)]
    document = next((found for found in mappings if found.get("kind") == KIND), None)
    if document is None:
        raise ConfigError([_nothing_found(objects, mappings, where)])
    if document.get("apiVersion") != API_VERSION:
        given = document.get("apiVersion", ABSENT)
        raise ConfigError([Problem("apiVersion", given, API_VERSION)])
    return parse(document, strict=True)


def _nothing_found(objects: list[object], mappings: list[Mapping[str, Any]], where: str) -> Problem:
    if not objects:
        return Problem(where, ABSENT, f"a manifest of kind {KIND}; the text is empty")
    if not mappings:
        return Problem(where, objects[0], f"a manifest of kind {KIND} with fields")
    kinds = [mapping.get("kind", ABSENT) for mapping in mappings]
    return Problem("kind", kinds[0] if len(kinds) == 1 else kinds, KIND)

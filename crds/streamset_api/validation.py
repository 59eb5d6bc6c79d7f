"""From a document (what YAML or JSON holds) to a model, or to one error with all that is wrong."""

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from streamset_api.errors import ABSENT, ConfigError, InvalidValueError, Problem

M = TypeVar("M", bound=BaseModel)


def validate(model: type[M], document: object, *, strict: bool = False, where: str = "") -> M:
    """Return `document` as a `model`. Raises `ConfigError`, whose paths start with `where`.

    Types are never guessed: "5" is no number. `strict` refuses fields that the model does not know;
    without it they are ignored.
    """
    if not isinstance(document, Mapping):
        raise ConfigError([Problem(_named(where), document, "a mapping of fields")])
    problems = list(unknown_fields(model, document, where)) if strict else []
    try:
        # By way of JSON, because there pydantic's strict mode takes a string for a choice and a
        # list for a tuple. YAML also knows dates; Kubernetes reads those as strings.
        parsed = model.model_validate_json(json.dumps(document, default=str), strict=True)
    except ValidationError as error:
        problems += [_problem(details, where) for details in _causes(error)]
        raise ConfigError(problems) from None
    except (TypeError, ValueError) as error:  # a key that is no string, a cycle
        raise ConfigError([Problem(_named(where), ABSENT, f"JSON: {error}")]) from None
    if problems:
        raise ConfigError(problems)
    return parsed


def read_yaml(text: str, where: str) -> list[object]:
    """Return the documents of a YAML (or JSON) text. Raises `ConfigError` where it is neither."""
    try:
        return list(yaml.load_all(text, Loader=_Loader))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError([Problem(where, _place(error), "YAML")]) from None


def unknown_fields(
    model: type[BaseModel], document: Mapping[str, Any], where: str = ""
) -> Iterator[Problem]:
    """Yield a problem for each field of the document that the model does not know there."""
    if model.model_config.get("extra") == "allow":
        return
    fields = {info.alias or name: info.annotation for name, info in model.model_fields.items()}
    for name, value in document.items():
        path = join(where, name)
        if name not in fields:
            yield Problem(path, value, _nearest(str(name), list(fields)))
            continue
        inner = _model_of(fields[name])
        if inner is None:
            continue
        if isinstance(value, Mapping):
            yield from unknown_fields(inner, value, path)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, Mapping):
                    yield from unknown_fields(inner, item, f"{path}[{index}]")


def join(where: str, *location: object) -> str:
    """Return a field's path: `join("spec", "nats", "servers", 0)` is `spec.nats.servers[0]`."""
    for part in location:
        if isinstance(part, int):
            where += f"[{part}]"
        else:
            text = str(part)
            where += text if not where or where.endswith(" ") else f".{text}"
    return where


class _Loader(yaml.SafeLoader):
    """Safe YAML that refuses a key given twice, where PyYAML keeps the last one in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"field {key.value} is given twice", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def _causes(error: ValidationError) -> list[ErrorDetails]:
    """Return the errors without those that only follow: a list is too short for its bad entries."""
    found = error.errors(include_url=False)
    return [
        details
        for details in found
        if details["type"] != "too_short"
        or not any(
            other is not details and other["loc"][: len(details["loc"])] == details["loc"]
            for other in found
        )
    ]


def _problem(details: ErrorDetails, where: str) -> Problem:
    path = join(where, *details["loc"])
    cause = details.get("ctx", {}).get("error")
    if isinstance(cause, InvalidValueError):
        return Problem(join(path, *filter(None, [cause.field])), _brief(cause.given), cause.allowed)
    if details["type"] == "json_invalid":  # the input would be the whole text
        return Problem(_named(where), ABSENT, details["msg"])
    if details["type"] == "missing":
        return Problem(path, ABSENT, "this field is required")
    if details["type"] == "too_short":
        return Problem(path, details["input"], f"at least {details['ctx']['min_length']}")
    if details["type"] == "too_long":
        allowed = f"at most {details['ctx']['max_length']}, not {details['ctx']['actual_length']}"
        return Problem(path, ABSENT, allowed)
    allowed = details["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return Problem(_named(path), _brief(details["input"]), allowed)


def _named(path: str) -> str:
    return path.removesuffix(": ") or "document"


def _brief(value: object) -> object:
    """Show only the names of a model's fields: its rule was about which of them are there."""
    if isinstance(value, BaseModel):
        return sorted(value.model_dump(by_alias=True, exclude_none=True, exclude_unset=True))
    return value


def _nearest(name: str, fields: list[str]) -> str:
    lower = {field.lower(): field for field in fields}
    close = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=0.6)
    if close:
        return f"no such field; did you mean {lower[close[0]]}?"
    return f"no such field; known here: {', '.join(sorted(fields))}"


def _model_of(annotation: object) -> type[BaseModel] | None:
    """Return the model in `Model`, `Model | None`, `tuple[Model, ...]` or `Annotated`, if any."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_of(part))), None)


def _place(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return f"line {mark.line + 1}: {problem}" if mark is not None else problem

"""What every model has in common, and rules that exist once for Python and for the API server.

A `Rule` says one thing twice: as a CEL expression, which the CRD can carry, and as a Python
predicate, which parsing runs. Both give the same message, so that the API server and the command
line refuse a manifest in the same words.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from types import UnionType
from typing import Annotated, Any, ClassVar, Self, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    JsonValue,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from streamset_api.errors import InvalidValueError

VALIDATIONS = "x-kubernetes-validations"


@dataclass(frozen=True)
class Rule:
    """A rule of a value (as metadata of `Annotated`) or of a model (in its `RULES`).

    `cel` sees the value as `self`; `holds` gets the same value, parsed. `allowed` says what is
    allowed and is the message of both. `field` is the path of the field, by Python names, that a
    model's rule blames.
    """

    cel: str
    allowed: str
    holds: Callable[[Any], bool]
    field: str = ""

    def validation(self) -> dict[str, str]:
        """Return the rule as an entry of `x-kubernetes-validations`."""
        entry = {"rule": self.cel, "message": self.allowed}
        return entry | {"fieldPath": f".{self._path}"} if self.field else entry

    def check(self, value: Any) -> Any:
        """Return `value`, or raise `InvalidValueError`."""
        if not self.holds(value):
            given = attrgetter(self.field)(value) if self.field else value
            raise InvalidValueError(given, self.allowed, self._path)
        return value

    @property
    def _path(self) -> str:
        return ".".join(to_camel(part) for part in self.field.split("."))

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return _with_validations(handler(schema), (self,))


class Model(BaseModel):
    """A value with camelCase names outside and snake_case names inside.

    Unknown fields are ignored here, because a newer writer may know more than this reader;
    `validation.validate` can refuse them. Attribute docstrings are the descriptions of the schema.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        extra="ignore",
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        defer_build=True,  # a relay uses few of the models: 1 MB less
    )

    RULES: ClassVar[tuple[Rule, ...]] = ()

    @model_validator(mode="after")
    def _check_rules(self) -> Self:
        for rule in self.RULES:
            rule.check(self)
        return self

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return _with_validations(handler(schema), cls.RULES)


def as_served(kind: Any, value: Any) -> Any:
    """Return a document of type `kind` as an API server reads it when `kubectl` sends it.

    A field, or an entry of a map, that is null counts as not given (Kubernetes' documentation of
    custom resources, "Defaulting and Nullable"), and 5.0 is sent as the integer 5. Items of a list
    that are null, and what is passed on unread, stay as they are.
    """
    kind = _bare(kind)
    if kind is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list) and get_origin(kind) is tuple:
        return [as_served(get_args(kind)[0], item) for item in value]
    if not isinstance(value, Mapping):
        return value
    if get_origin(kind) is dict and get_args(kind)[1] is not JsonValue:
        return {key: inner for key, inner in value.items() if inner is not None}
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return value
    fields = {info.alias or name: info for name, info in kind.model_fields.items()}
    return {
        name: as_served(fields[name].annotation, inner) if name in fields else inner
        for name, inner in value.items()
        if inner is not None or name not in fields or fields[name].is_required()
    }


def _bare(kind: Any) -> Any:
    """Return `X` of `X | None` and of `Annotated[X, ...]`."""
    while get_origin(kind) in (Annotated, Union, UnionType):
        kind = get_args(kind)[0]
    return kind


def _with_validations(schema: JsonSchemaValue, rules: tuple[Rule, ...]) -> JsonSchemaValue:
    if not rules:
        return schema
    return schema | {
        VALIDATIONS: [*schema.get(VALIDATIONS, []), *(rule.validation() for rule in rules)]
    }

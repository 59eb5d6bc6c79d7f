"""Errors of the shared part.

::

    StreamsetError
    ├── ConfigError           a setting or a manifest is wrong: every problem at once; exit code 2
    └── InvalidValueError     one value is wrong (also a ValueError, so that a model can report it)
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from streamset_api.redact import MASK, redact

SHOWN = 200
"""A value given is shown up to this many characters."""

_LISTEN_KEY = re.compile(r"\s*[A-Za-z0-9]{60,128}\s*")


class Absent(Enum):
    """Nothing was given; `None` is something that can be given."""

    ABSENT = "nothing"


ABSENT = Absent.ABSENT


class StreamsetError(Exception):
    """What the shared part raises on purpose."""


class InvalidValueError(StreamsetError, ValueError):
    """One value is not allowed. The caller knows which field or variable it came from.

    `field` names a field below the caller's where a rule spans several.
    """

    def __init__(self, given: object, allowed: str, field: str = "") -> None:
        super().__init__(given, allowed, field)
        self.given = given
        self.allowed = allowed
        self.field = field

    def __str__(self) -> str:
        return f"given {show(self.given)}; allowed: {self.allowed}"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where, what was given, what is allowed.

    `where` is an environment variable or the path of a field (`spec.nats.subject`). Credentials in
    `given` are masked when it is stored, so a problem can be logged in any form.
    """

    where: str
    given: object | Absent
    allowed: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "given", _without_secrets(self.given))

    def __str__(self) -> str:
        return f"{self.where}: given {show(self.given)}; allowed: {self.allowed}"


class ConfigError(StreamsetError):
    """A setting or a manifest is wrong. Holds every problem found, and says one on each line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(tuple(problems))
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


def show(given: object | Absent) -> str:
    """Return a value as a person would recognise it: JSON, short, without credentials."""
    if given is ABSENT:
        return ABSENT.value
    try:
        text = json.dumps(_without_secrets(given), ensure_ascii=False, default=str)
    except (TypeError, ValueError):  # keys that are no strings, or a value that holds itself
        text = str(type(given).__name__)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}… ({len(text)} characters)"


def _without_secrets(given: object) -> object:
    match given:
        case str() if _LISTEN_KEY.fullmatch(given):  # opens the stream of a user's account
            return given[:4] + MASK
        case str():
            return redact(given) if "://" in given else given
        case Mapping():
            return {key: _without_secrets(value) for key, value in given.items()}
        case list() | tuple():
            return [_without_secrets(value) for value in given]
        case _:
            return given

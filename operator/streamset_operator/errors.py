"""Errors of the operator.

::

    OperatorError
    ├── ClusterError            one request to the API server failed
    │   ├── Refused             it answered no, and would again
    │   │   ├── Forbidden       a right is missing; says which
    │   │   ├── QuotaExceeded   a quota or limit of the namespace is in the way
    │   │   ├── NamespaceEnding nothing can be made in a namespace that is being deleted
    │   │   ├── Invalid         it does not accept the object
    │   │   ├── NotFound        there is no such object, or no such kind
    │   │   └── Conflict        the object is not what it was thought to be
    │   └── Unavailable         no answer, or one that asks for patience; may say how long
    ├── NameConflict            somebody else's object has a name that a set needs
    ├── NamesakeLeaving         an object of a deleted set of the same name is not gone yet
    └── MissingRights           the operator may not do what it has to: exit code 3

A wrong setting or manifest is `streamset_api.errors.ConfigError` (exit code 2).
"""

from collections.abc import Sequence
from dataclasses import dataclass


class OperatorError(Exception):
    """What the operator raises on purpose."""


@dataclass
class ClusterError(OperatorError):
    """A request failed. `request` is what was asked (`patch deployments majors-0 in prod`)."""

    request: str
    message: str

    def __str__(self) -> str:
        return f"{self.request}: {self.message}"


class Refused(ClusterError):
    """The API server answered no."""


class Forbidden(Refused):
    """RBAC or an admission plugin does not let the operator do it."""


class QuotaExceeded(Refused):
    """A ResourceQuota or a LimitRange of the namespace does not let the operator do it."""


class NamespaceEnding(Refused):
    """The namespace is being deleted."""


class Invalid(Refused):
    """The API server does not accept the object, or the patch does not fit it."""


class NotFound(Refused):
    """The object or its kind does not exist."""


class Conflict(Refused):
    """The object has changed, or is another one of the same name."""


@dataclass
class Unavailable(ClusterError):
    """No answer, or a request to come again. `retry_after` is in seconds, where the server said."""

    retry_after: float | None = None


@dataclass
class NameConflict(OperatorError):
    """An object that no set owns, or another one, has the name; it is never touched."""

    kind: str
    name: str
    owner: str = ""

    def __str__(self) -> str:
        by = f" and belongs to {self.owner}" if self.owner else ""
        return f"{self.kind} {self.name} exists{by}; rename or delete it, or rename the set"


@dataclass
class NamesakeLeaving(OperatorError):
    """An object belongs to a deleted set of the same name; the garbage collector will take it."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"waiting until {self.kind} {self.name} of a deleted set of the same name is gone"


@dataclass
class MissingRights(OperatorError):
    """Rights that the operator lacks: `patch deployments.apps in namespace prod`, one each."""

    rights: Sequence[str]

    def __str__(self) -> str:
        return "the operator lacks rights:\n" + "\n".join(f"  {right}" for right in self.rights)

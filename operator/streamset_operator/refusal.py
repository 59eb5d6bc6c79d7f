"""What an answer of the API server means: from its HTTP status and its `Status` object to an error.

https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#http-status-codes
"""

import json
from collections.abc import Mapping
from typing import Any

from streamset_operator import errors

LONGEST = 1024
"""Characters of a message that are kept; validation can list every field of an object."""


def read(
    request: str, code: int, headers: Mapping[str, str], body: str | None
) -> errors.ClusterError:
    """Return the error that the answer `code` to `request` is."""
    status = _status(body)
    message = str(status.get("message") or f"HTTP {code}")[:LONGEST]
    causes = {cause.get("reason") for cause in _details(status).get("causes") or ()}
    match code:
        case 403 if "NamespaceTerminating" in causes:
            return errors.NamespaceEnding(request, message)
        case 403 if "exceeded quota" in message or "failed quota" in message:
            return errors.QuotaExceeded(request, message)
        case 403:
            return errors.Forbidden(request, message)
        case 404:
            return errors.NotFound(request, message)
        case 409:
            return errors.Conflict(request, message)
        case 400 | 405 | 413 | 415 | 422:
            return errors.Invalid(request, message)
        case _:  # 401 too: the token is read again
            return errors.Unavailable(request, message, _retry_after(headers, status))


def _status(body: str | None) -> Mapping[str, Any]:
    try:
        found = json.loads(body or "")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _details(status: Mapping[str, Any]) -> Mapping[str, Any]:
    return status.get("details") or {}


def _retry_after(headers: Mapping[str, str], status: Mapping[str, Any]) -> float | None:
    """Return what the server asks for; the header may hold a date too, which it never sends."""
    given = headers.get("Retry-After") or _details(status).get("retryAfterSeconds")
    try:
        return max(float(given), 0.0) if given is not None else None
    except (TypeError, ValueError):
        return None

"""What an error means for a set: the reason and the message of its conditions."""

from streamset_api.errors import ConfigError
from streamset_operator import errors
from streamset_operator.observed import Failure
from streamset_operator.reasons import Reason

REASONS: dict[type[Exception], Reason] = {
    ConfigError: Reason.INVALID_SPEC,
    errors.NameConflict: Reason.NAME_CONFLICT,
    errors.NamesakeLeaving: Reason.PROGRESSING,
    errors.Forbidden: Reason.PERMISSION_DENIED,
    errors.QuotaExceeded: Reason.QUOTA_EXCEEDED,
    errors.Invalid: Reason.INVALID_SPEC,
}
"""Any other error is `ApplyFailed`: it may be over the next time."""


def of(error: Exception) -> Failure:
    """Return what went wrong, in the words of a condition."""
    return Failure(REASONS.get(type(error), Reason.APPLY_FAILED), str(error))

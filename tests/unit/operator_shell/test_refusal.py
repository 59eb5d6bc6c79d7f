import json
from typing import Any

import pytest

from streamset_operator import errors, failure, refusal
from streamset_operator.reasons import Reason

QUOTA = 'deployments "majors-0" is forbidden: exceeded quota: small, requested: count=1, limited: 0'
ENDING = {"causes": [{"reason": "NamespaceTerminating"}]}


def answer(message: str = "no", **fields: Any) -> str:
    return json.dumps({"kind": "Status", "message": message} | fields)


@pytest.mark.parametrize(
    ("code", "body", "kind", "reason"),
    [
        (403, answer("user may not"), errors.Forbidden, Reason.PERMISSION_DENIED),
        (403, answer(QUOTA), errors.QuotaExceeded, Reason.QUOTA_EXCEEDED),
        (403, answer(details=ENDING), errors.NamespaceEnding, Reason.APPLY_FAILED),
        (404, answer(), errors.NotFound, Reason.APPLY_FAILED),
        (409, answer(), errors.Conflict, Reason.APPLY_FAILED),
        (422, answer("spec.x: too long"), errors.Invalid, Reason.INVALID_SPEC),
        (400, answer(), errors.Invalid, Reason.INVALID_SPEC),
        (401, answer(), errors.Unavailable, Reason.APPLY_FAILED),
        (429, answer(), errors.Unavailable, Reason.APPLY_FAILED),
        (500, "<html>oops</html>", errors.Unavailable, Reason.APPLY_FAILED),
        (503, None, errors.Unavailable, Reason.APPLY_FAILED),
    ],
)
def test_an_answer_means(
    code: int, body: str | None, kind: type[errors.ClusterError], reason: Reason
) -> None:
    error = refusal.read("patch deployments.apps majors-0", code, {}, body)

    assert type(error) is kind
    assert failure.of(error).reason is reason
    assert "patch deployments.apps majors-0" in failure.of(error).message


def test_the_words_of_the_server_are_kept_short() -> None:
    error = refusal.read("patch x", 422, {}, answer("spec.x: too long" + "x" * 9000))

    assert error.message.startswith("spec.x: too long")
    assert len(error.message) == refusal.LONGEST


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"Retry-After": "7"}, answer(), 7.0),
        ({}, answer(details={"retryAfterSeconds": 3}), 3.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, answer(), None),
        ({}, answer(), None),
    ],
)
def test_how_long_to_wait(headers: dict[str, str], body: str, seconds: float | None) -> None:
    error = refusal.read("get x", 429, headers, body)

    assert isinstance(error, errors.Unavailable)
    assert error.retry_after == seconds

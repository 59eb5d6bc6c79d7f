import pytest

from streamset_relay.telemetry import LONGEST, refusal


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (200, "", ""),
        (200, "{}", ""),
        (202, "accepted", ""),
        (204, "", ""),
        (200, '{"partialSuccess": {}}', ""),
        (200, '{"partialSuccess": null}', ""),
        (200, '{"partialSuccess": {"errorMessage": "a warning"}}', ""),
        (200, '{"partialSuccess": {"rejectedDataPoints": "3"}}', "3 data points refused: "),
        (
            200,
            '{"partialSuccess": {"rejectedDataPoints": 3, "errorMessage": "too old"}}',
            "3 data points refused: too old",
        ),
        (301, "", "HTTP status 301"),
        (401, '{"message": "who?"}', 'HTTP status 401: {"message": "who?"}'),
        (503, "x" * 9_999, f"HTTP status 503: {'x' * LONGEST}"),
    ],
)
def test_what_an_answer_says(status: int, body: str, why: str) -> None:
    assert refusal(status, body) == why


@pytest.mark.parametrize(
    "body",
    [
        "nonsense",
        "[]",
        "3",
        '{"partialSuccess": 3}',
        '{"partialSuccess": {"rejectedDataPoints": 1e999}}',
        '{"partialSuccess": {"rejectedDataPoints": NaN}}',
        '{"partialSuccess": {"rejectedDataPoints": "many"}}',
        '{"partialSuccess": {"rejectedDataPoints": []}}',
        "[" * 60_000,
        "9" * 60_000,
    ],
)
def test_an_answer_in_other_words_is_no_refusal(body: str) -> None:
    assert refusal(200, body) == ""

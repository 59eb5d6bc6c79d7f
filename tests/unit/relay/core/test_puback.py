import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamset_relay.core.puback import Refusal, Stored, read
from streamset_relay.core.trouble import Trouble


def error(code: int, err_code: int, description: str = "words") -> bytes:
    body = {"code": code, "err_code": err_code, "description": description}
    return json.dumps({"error": body, "stream": "S", "seq": 0}).encode()


@pytest.mark.parametrize(
    ("payload", "duplicate"),
    [
        (b'{"stream":"S", "seq":7}', False),
        (b'{"stream":"S","domain":"hub","seq":7}', False),
        (b'{"stream":"S","seq":7,"duplicate": true}', True),
        (b'{"stream":"S","seq":7,"later":{"versions":["may","say","more"]}}', False),
    ],
)
def test_a_stored_message(payload: bytes, duplicate: bool) -> None:
    assert read(b"", payload) == Stored(duplicate)


@pytest.mark.parametrize(
    ("code", "err_code", "reason", "again"),
    [
        (503, 10023, "unavailable", True),
        (500, 10028, "unavailable", True),
        (503, 10039, "unavailable", True),
        (500, 10047, "unavailable", True),
        (503, 10076, "unavailable", True),
        (409, 10158, "in_process", True),
        (429, 10167, "overloaded", True),
        (429, 10210, "overloaded", True),
        (429, 10211, "overloaded", True),
        (400, 10054, "oversize", False),
        (400, 10060, "wrong_stream", False),
        (400, 10070, "refused", False),
        (400, 10071, "refused", False),
        (400, 10097, "oversize", False),
        (400, 10109, "sealed", False),
        # Codes of a later server count by the class of their HTTP-like one.
        (503, 19_999, "unavailable", True),
        (429, 19_999, "overloaded", True),
        (400, 19_999, "refused", False),
        (0, 0, "unavailable", True),
    ],
)
def test_errors_by_their_code(code: int, err_code: int, reason: str, again: bool) -> None:
    answer = read(b"", error(code, err_code))

    assert isinstance(answer, Refusal)
    assert (answer.reason, answer.again) == (reason, again)
    assert "words" in answer.text


@pytest.mark.parametrize(
    "words",
    [
        "maximum messages exceeded",
        "maximum bytes exceeded",
        "maximum messages per subject exceeded",
    ],
)
def test_a_full_stream(words: str) -> None:
    answer = read(b"", error(503, 10077, words))

    assert answer == Refusal("stream_full", True, f"{words} (10077)", Trouble.STREAM_FULL)


def test_a_store_that_is_being_closed_is_not_full() -> None:
    answer = read(b"", error(503, 10077, "store is closed"))

    assert isinstance(answer, Refusal)
    assert (answer.reason, answer.trouble) == ("unavailable", None)


@pytest.mark.parametrize(
    ("err_code", "trouble"), [(10060, "SubjectNotInStream"), (10109, "StreamNotWritable")]
)
def test_what_will_refuse_the_next_one_too(err_code: int, trouble: str) -> None:
    answer = read(b"", error(400, err_code))

    assert isinstance(answer, Refusal)
    assert answer.trouble == trouble


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        (b"NATS/1.0 503\r\n\r\n", "unavailable"),
        (b"NATS/1.0 429 Too Many Requests\r\n\r\n", "overloaded"),
        (b"NATS/1.0 408 Request Timeout\r\n\r\n", "unavailable"),
        (b"", "unavailable"),
    ],
)
def test_a_status_without_a_body(headers: bytes, reason: str) -> None:
    answer = read(headers, b"")

    assert isinstance(answer, Refusal)
    assert (answer.reason, answer.again) == (reason, True)


def test_an_error_in_the_body_counts_whatever_the_headers_say() -> None:
    answer = read(b"NATS/1.0 429 Too Many Requests\r\n\r\n", error(429, 10167))

    assert isinstance(answer, Refusal)
    assert answer.reason == "overloaded"


@given(st.binary(), st.binary())
def test_it_never_raises(headers: bytes, payload: bytes) -> None:
    assert isinstance(read(headers, payload), Stored | Refusal)


@pytest.mark.parametrize(
    "payload", [b"{}", b"[]", b"null", b'{"stream":"S"}', b"\xff", b"[" * 9_999]
)
def test_nonsense_is_no_receipt(payload: bytes) -> None:
    answer = read(b"", payload)

    assert isinstance(answer, Refusal)
    assert answer.again

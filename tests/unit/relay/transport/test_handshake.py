import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamset_relay.errors import UpgradeRejected
from streamset_relay.transport.handshake import rejection

URL = "wss://exchange.example/stream"


@given(st.integers(100, 999))
@example(520)
def test_every_status_but_101_is_a_rejection(status: int) -> None:
    head = b"HTTP/1.1 %d Whatever\r\nServer: x" % status
    expected = None if status == 101 else UpgradeRejected(URL, status=status)
    assert rejection(URL, head) == expected


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 403", b"HTTP/1.1 403 ", b"HTTP/1.0 403 No", b"HTTP/1.1 403 \xe4\r\nA: b"]
)
def test_unusual_status_lines(head: bytes) -> None:
    assert rejection(URL, head) == UpgradeRejected(URL, status=403)


@pytest.mark.parametrize(
    "head", [b"", b"SSH-2.0-OpenSSH", b"HTTP/2 403", b"HTTP/1.1 4033 X", b"HTTP/1.1 abc", b"\xff"]
)
def test_what_is_no_http_is_no_rejection(head: bytes) -> None:
    assert rejection(URL, head) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"120", 120.0),
        (b"0", 0.0),
        (b"  7\t", 7.0),
        (b"Wed, 21 Oct 2026 07:28:00 GMT", None),
        (b"-1", None),
        (b"1e3", None),
        (b"99999999999", None),
        (b"", None),
    ],
)
@pytest.mark.parametrize("name", [b"Retry-After", b"retry-after"])
@pytest.mark.parametrize("behind", [b"", b"\r\nServer: x"])
def test_retry_after(name: bytes, value: bytes, seconds: float | None, behind: bytes) -> None:
    head = b"HTTP/1.1 429 Too Many Requests\r\n" + name + b":" + value + behind
    rejected = rejection(URL, head)
    assert rejected is not None
    assert rejected.retry_after == seconds


def test_a_status_that_only_looks_like_retry_after() -> None:
    rejected = rejection(URL, b"HTTP/1.1 429 X\r\nX-Retry-After: 5")
    assert rejected is not None
    assert rejected.retry_after is None


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_an_error(head: bytes) -> None:
    rejected = rejection(URL, head)
    assert rejected is None or 100 <= rejected.status <= 999

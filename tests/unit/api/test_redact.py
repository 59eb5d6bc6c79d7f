"""Credentials in addresses."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamset_api.redact import redact


@pytest.mark.parametrize(
    ("url", "redacted"),
    [
        ("nats://a:4222", "nats://a:4222"),
        ("nats://u:p@a:4222", "nats://***@a:4222"),
        ("nats://token@a", "nats://***@a"),
        ("nats://u:p@a,nats://b, tls://t@c", "nats://***@a,nats://b, tls://***@c"),
        ("nats://u:p/w?x#y,z@a", "nats://***@a"),
        ("u:p@a:4222", "***@a:4222"),
        ("u:p@a,nats://b", "***@a,nats://b"),
        ("NATS://u:p@a", "NATS://***@a"),
        ("cannot reach nats://u:p@a", "cannot reach nats://***@a"),
        ("wss://u:p@host/ws/btcusdt@trade", "wss://***@host/ws/btcusdt@trade"),
        ("wss://host/stream?streams=btcusdt@trade", "wss://host/stream?streams=btcusdt@trade"),
        ("", ""),
    ],
)
def test_credentials_are_masked(url: str, redacted: str) -> None:
    assert redact(url) == redacted


@given(st.text(alphabet="ab:/?#,@ %", max_size=12), st.sampled_from(["nats", "tls"]))
@example("://,", "nats")
@example(",ab://", "tls")
def test_no_password_of_a_nats_address_is_left(around: str, scheme: str) -> None:
    assert "hush" not in redact(f"{scheme}://u:{around}hush{around}@host:4222")

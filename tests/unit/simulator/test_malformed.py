import json

import pytest

from exchange_simulator.core.malformed import KINDS, Malformed, malformed
from tests.unit.simulator.test_frames import frames, received

CONTENT = KINDS[:7]
VIOLATIONS = KINDS[7:]


@pytest.mark.parametrize("kind", CONTENT)
def test_bad_content_in_one_legal_frame(kind: Malformed) -> None:
    data = malformed(kind, "btcusdt@trade", 1000)

    assert len(frames(data)) == 1
    assert received(data).close_sent is None


@pytest.mark.parametrize("kind", VIOLATIONS)
def test_a_client_fails_the_connection_on_a_violation(kind: Malformed) -> None:
    client = received(malformed(kind, "btcusdt@trade", 1000))

    assert client.close_sent is not None
    assert client.close_sent.code == 1002


@pytest.mark.parametrize("size", [100, 125, 126, 70_000])
def test_oversize_has_exactly_that_size_and_is_json(size: int) -> None:
    (event,) = frames(malformed("oversize", "btcusdt@trade", size))

    assert len(event.data) == size
    assert json.loads(bytes(event.data))["stream"] == "btcusdt@trade"


def test_what_is_wrong_is_wrong() -> None:
    (truncated,) = frames(malformed("truncated_json", "a@trade", 0))
    (utf8,) = frames(malformed("invalid_utf8", "a@trade", 0))
    (bare,) = frames(malformed("no_stream", "a@trade", 0))

    with pytest.raises(json.JSONDecodeError):
        json.loads(bytes(truncated.data))
    with pytest.raises(UnicodeDecodeError):
        bytes(utf8.data).decode()
    assert "stream" not in json.loads(bytes(bare.data))

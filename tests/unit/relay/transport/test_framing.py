import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamset_relay.transport.framing import (
    BINARY,
    CONTINUATION,
    TEXT,
    Assembly,
    FramingError,
    parse_close,
)


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=10))
def test_fragments_are_joined_in_order(fragments: list[bytes]) -> None:
    assembly = Assembly(limit=1000)
    for i, fragment in enumerate(fragments):
        opcode = CONTINUATION if i else TEXT
        last = i == len(fragments) - 1
        message = assembly.add(opcode, fragment, fin=last)
        assert (message is not None) is last
        assert assembly.open is not last

    assert message == (TEXT, b"".join(fragments))


def test_one_message_after_the_other() -> None:
    assembly = Assembly(limit=3)
    assert assembly.add(TEXT, b"one", fin=True) == (TEXT, b"one")
    assert assembly.add(BINARY, b"tw", fin=False) is None
    assert assembly.add(CONTINUATION, b"o", fin=True) == (BINARY, b"")
    assert assembly.add(TEXT, b"", fin=True) == (TEXT, b"")


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_the_limit_is_of_the_whole_message(opcode: int) -> None:
    assembly = Assembly(limit=3)
    assembly.add(opcode, b"ab", fin=False)
    with pytest.raises(FramingError) as error:
        assembly.add(CONTINUATION, b"cd", fin=True)

    assert error.value.code == 1009


def test_a_continuation_of_nothing() -> None:
    with pytest.raises(FramingError) as error:
        Assembly(limit=3).add(CONTINUATION, b"", fin=True)

    assert error.value.code == 1002


def test_a_message_inside_a_message() -> None:
    assembly = Assembly(limit=3)
    assembly.add(TEXT, b"", fin=False)
    with pytest.raises(FramingError) as error:
        assembly.add(BINARY, b"", fin=True)

    assert error.value.code == 1002


def test_close_payloads() -> None:
    assert parse_close(b"") == (1005, "")
    assert parse_close(b"\x03\xe8") == (1000, "")
    assert parse_close(b"\x03\xf0Pong timeout") == (1008, "Pong timeout")


@given(st.integers(0, 0xFFFF))
def test_a_close_code_may_be_sent_or_is_a_violation(code: int) -> None:
    # RFC 6455 §7.4 and the registry of IANA: what an endpoint may put into a close frame.
    registered = {1000, 1001, 1002, 1003, *range(1007, 1015)}
    payload = code.to_bytes(2, "big")
    if code in registered or 3000 <= code <= 4999:
        assert parse_close(payload) == (code, "")
    else:
        with pytest.raises(FramingError) as error:
            parse_close(payload)
        assert error.value.code == 1002


def test_half_a_close_code() -> None:
    with pytest.raises(FramingError) as error:
        parse_close(b"\x03")

    assert error.value.code == 1002


def test_a_close_reason_that_is_no_utf8() -> None:
    with pytest.raises(FramingError) as error:
        parse_close(b"\x03\xe8\xff")

    assert error.value.code == 1007

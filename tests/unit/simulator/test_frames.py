"""Encoded frames, read back by the parser of `websockets` as a client would."""

from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.uri import parse_uri

from exchange_simulator.core.frames import fragments, frame, masked_frame, text_frames


def received(data: bytes) -> ClientProtocol:
    """A client that has received these bytes after its handshake."""
    client = ClientProtocol(parse_uri("ws://localhost/"), state=OPEN, max_size=None)
    client.receive_data(data)
    return client


def frames(data: bytes) -> list[Frame]:
    return [event for event in received(data).events_received() if isinstance(event, Frame)]


@given(st.lists(st.binary(max_size=300) | st.integers(120, 70_000).map(bytes), max_size=6))
def test_joined_text_frames_come_out_as_the_messages_that_went_in(payloads: list[bytes]) -> None:
    got = frames(text_frames(payloads))

    assert [bytes(event.data) for event in got] == payloads
    assert all(event.opcode is Opcode.TEXT and event.fin for event in got)


def test_joined_frames_equal_single_ones() -> None:
    payloads = [b"x" * size for size in (0, 125, 126, 4095, 4096, 65_535, 65_536)]

    assert text_frames(payloads) == b"".join(map(frame, payloads))


@given(st.binary(max_size=400), st.integers(1, 9))
def test_fragments_join_to_the_message(payload: bytes, pieces: int) -> None:
    got = frames(fragments(payload, pieces))

    assert b"".join(bytes(event.data) for event in got) == payload
    assert len(got) <= pieces
    assert [event.opcode for event in got] == [Opcode.TEXT] + [Opcode.CONT] * (len(got) - 1)
    assert [event.fin for event in got] == [False] * (len(got) - 1) + [True]


def test_pings_stand_between_fragments() -> None:
    got = frames(fragments(b"abcdef", 3, ping=b"now"))

    assert [(event.opcode, bytes(event.data)) for event in got] == [
        (Opcode.TEXT, b"ab"),
        (Opcode.PING, b"now"),
        (Opcode.CONT, b"cd"),
        (Opcode.PING, b"now"),
        (Opcode.CONT, b"ef"),
    ]


def test_a_client_refuses_a_masked_frame() -> None:
    client = received(masked_frame(b"hello"))

    assert client.close_sent is not None
    assert client.close_sent.code == 1002

"""What is sent."""

import json
import re
from collections import defaultdict

import pytest
from websockets.frames import Frame as WebSocketFrame
from websockets.streams import StreamReader

from benchmarks.frames import (
    FRAME_END,
    PUBLICATION_END,
    STAMP_PATTERN,
    Events,
    read_stamp,
    stamped,
    stream_names,
)
from benchmarks.plan import Frame
from streamset_api.relay_config import RelayConfig
from streamset_relay.core.classify import classify
from streamset_relay.core.stream import Streams

NOW = 26_000_000_000_000


def texts_in(wire: bytes) -> list[bytes]:
    """The texts of joined frames, as the reference client reads them."""
    reader = StreamReader()
    reader.feed_data(wire)
    reader.feed_eof()
    texts = []
    while not at_end(reader):
        parsing = WebSocketFrame.parse(reader.read_exact, mask=False)
        with pytest.raises(StopIteration) as done:
            next(parsing)
        texts.append(bytes(done.value.value.data))
    return texts


def at_end(reader: StreamReader) -> bool:
    checking = reader.at_eof()
    with pytest.raises(StopIteration) as done:
        next(checking)
    return bool(done.value.value)


@pytest.mark.parametrize("frame", Frame)
def test_names_are_distinct_streams_that_the_relay_accepts(frame: Frame) -> None:
    names = stream_names(frame, 1024)

    assert len(set(names)) == 1024
    assert RelayConfig.model_validate({"streams": names}).streams == tuple(names)


@pytest.mark.parametrize("frame", Frame)
def test_the_relay_takes_every_frame_as_a_message_and_sees_no_gap(frame: Frame) -> None:
    names = stream_names(frame, 3)
    config = RelayConfig.model_validate({"streams": names})
    wire = b"".join(Events(names).frames(range(300)))

    found = classify(texts_in(wire), Streams(config))

    assert len(found.messages) == 300
    assert found.malformed.total() == 0
    assert (found.gaps, found.resets) == ([], [])
    assert len({(stream.name, identity) for stream, _, identity in found.messages}) == 300


def test_streams_take_turns() -> None:
    names = stream_names(Frame.TRADE, 3)

    texts = texts_in(b"".join(Events(names).frames(range(7))))

    assert [json.loads(text)["stream"] for text in texts] == [*names, *names, names[0]]


def test_numbers_of_a_stream_go_on_from_call_to_call() -> None:
    events = Events(stream_names(Frame.TRADE, 2))
    numbers = defaultdict(list)
    for messages in (range(5), range(5, 10)):
        for text in texts_in(b"".join(events.frames(messages))):
            message = json.loads(text)
            numbers[message["stream"]].append(message["data"]["t"])

    for found in numbers.values():
        assert found == list(range(found[0], found[0] + 5))


@pytest.mark.parametrize("frame", Frame)
def test_a_stamp_is_the_last_field_of_the_event(frame: Frame) -> None:
    events = Events(stream_names(frame, 2))

    texts = texts_in(stamped(events.stampable_frames(range(4)), FRAME_END, NOW))

    plain = texts_in(b"".join(events.frames(range(4))))
    for text, other in zip(texts, plain, strict=True):
        message = json.loads(text)
        (digits,) = re.findall(STAMP_PATTERN, text)
        assert read_stamp(digits) == NOW
        assert str(message["data"].pop("stamp")).encode() == digits
        assert message == json.loads(other)


def test_the_control_publishes_the_same_texts() -> None:
    events = Events(stream_names(Frame.DEPTH20, 2))
    frames = stamped(events.stampable_frames(range(3)), FRAME_END, NOW)

    wire = stamped(events.stampable_publications(range(3), "a.b"), PUBLICATION_END, NOW)

    texts = []
    while wire:
        line, _, wire = wire.partition(b"\r\n")
        command, subject, size = line.split(b" ")
        assert (command, subject) == (b"PUB", b"a.b")
        texts.append(wire[: int(size)])
        assert wire[int(size) : int(size) + 2] == b"\r\n"
        wire = wire[int(size) + 2 :]
    assert texts == texts_in(frames)


def test_nothing_to_send_is_nothing() -> None:
    assert stamped([], FRAME_END, NOW) == b""

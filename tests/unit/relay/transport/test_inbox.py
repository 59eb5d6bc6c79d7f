import asyncio
import time

import pytest

from streamset_relay.errors import ConnectionLost
from streamset_relay.transport.inbox import Inbox


def arrive(inbox: Inbox, *frames: bytes, binary: int = 0) -> None:
    """What a client does for one read of the socket."""
    inbox.stamp()
    inbox.frames.extend(frames)
    inbox.binary += binary
    inbox.wake()


async def test_a_read_takes_everything_once() -> None:
    inbox = Inbox()
    arrive(inbox, b"one", b"two")
    arrive(inbox, b"three", binary=2)

    chunk = await inbox.read()
    assert (chunk.frames, chunk.binary) == ([b"one", b"two", b"three"], 2)
    assert inbox.taken == 3

    arrive(inbox, b"four")
    assert (await inbox.read()).frames == [b"four"]
    assert chunk.frames == [b"one", b"two", b"three"]


async def test_the_time_is_that_of_the_first_message() -> None:
    inbox = Inbox()
    inbox.stamp()  # a read of the socket that brought no message
    inbox.wake()
    before = time.time_ns()
    arrive(inbox, b"one")
    between = time.time_ns()
    arrive(inbox, b"two")

    assert before <= (await inbox.read()).received_at <= between


async def test_a_binary_message_wakes_the_reader() -> None:
    inbox = Inbox()
    reading = asyncio.ensure_future(inbox.read())
    await asyncio.sleep(0)
    arrive(inbox, binary=1)
    chunk = await reading
    assert (chunk.frames, chunk.binary) == ([], 1)


async def test_nothing_does_not_wake_the_reader() -> None:
    inbox = Inbox()
    reading = asyncio.ensure_future(inbox.read())
    await asyncio.sleep(0)
    arrive(inbox)
    await asyncio.sleep(0)
    assert not reading.done()
    arrive(inbox, b"one")
    arrive(inbox, b"two")  # in the same turn of the loop: woken already
    assert (await reading).frames == [b"one", b"two"]


async def test_the_first_end_counts_and_comes_last() -> None:
    inbox = Inbox()
    arrive(inbox, b"one")
    assert inbox.end(ConnectionLost(1001, "going away"))
    assert not inbox.end(ConnectionLost(1006))
    assert inbox.ended

    assert (await inbox.read()).frames == [b"one"]
    for _ in range(2):
        with pytest.raises(ConnectionLost) as lost:
            await inbox.read()
        assert (lost.value.code, lost.value.reason) == (1001, "going away")


async def test_an_end_wakes_the_reader() -> None:
    inbox = Inbox()
    reading = asyncio.ensure_future(inbox.read())
    await asyncio.sleep(0)
    inbox.end(KeyError("a bug"))
    with pytest.raises(KeyError):
        await reading


async def test_a_reader_cancelled_in_the_turn_it_was_woken_loses_nothing() -> None:
    inbox = Inbox()
    reading = asyncio.ensure_future(inbox.read())
    await asyncio.sleep(0)
    arrive(inbox, b"one")
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert (await inbox.read()).frames == [b"one"]

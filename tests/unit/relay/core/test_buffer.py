import pytest

from streamset_api.buffer import ChannelOverflow
from streamset_api.enums import Overflow
from streamset_api.market import Market
from streamset_api.relay_config import BufferConfig
from streamset_relay.core.batch import Batch, Room
from streamset_relay.core.buffer import EXPIRED, MESSAGE_OVERHEAD, OVERFLOW, Buffer
from streamset_relay.core.losses import Losses
from streamset_relay.core.stream import Stream

KEPT = Stream("a@trade", Market.SPOT, "s", Overflow.DROP_NEWEST)
EVICTED = Stream("a@bookTicker", Market.SPOT, "s", Overflow.DROP_OLDEST)
ALL = Room(1 << 30, 1 << 40)
MIXED = (ChannelOverflow(channel="bookTicker", overflow=Overflow.DROP_OLDEST),)


def buffer(overflow: Overflow = Overflow.DROP_NEWEST, **config: object) -> Buffer:
    return Buffer(BufferConfig.model_validate({"overflow": overflow, **config}))


def batch(
    *identities: int, arrived: float = 0.0, stream: Stream = KEPT, payload: bytes = b"{}"
) -> Batch:
    messages = [(stream, payload, identity) for identity in identities]
    return Batch(0, arrived, messages, len(payload) * len(messages))


def identities(batches: list[Batch]) -> list[int]:
    return [identity for batch in batches for _, _, identity in batch.messages]


def drain(a_buffer: Buffer, now: float = 0.0) -> list[int]:
    return identities(a_buffer.take(now, ALL))


def test_batches_leave_in_the_order_they_came() -> None:
    a_buffer = buffer()
    for first in (1, 4, 7):
        a_buffer.put(batch(first, first + 1, first + 2))

    assert [identities([taken]) for taken in a_buffer.take(0.0, Room(4, 1 << 30))] == [
        [1, 2, 3],
        [4, 5, 6],
    ]
    assert drain(a_buffer) == [7, 8, 9]
    assert a_buffer.take(0.0, ALL) == []
    assert (a_buffer.messages, a_buffer.size, a_buffer.dropped) == (0, 0, {})


def test_a_receiver_gets_as_many_bytes_as_it_has_room_for() -> None:
    a_buffer = buffer()
    for number in range(4):
        a_buffer.put(batch(number, payload=b"x" * 100))

    taken = a_buffer.take(0.0, Room(1 << 30, 150))

    assert sum(each.size for each in taken) == 200, "the last batch may exceed it"
    assert a_buffer.messages == 2


def test_a_full_buffer_drops_the_newest_messages_of_a_batch() -> None:
    a_buffer = buffer(max_messages=5)
    a_buffer.put(batch(1, 2, 3))
    a_buffer.put(batch(4, 5, 6, 7))
    a_buffer.put(batch(8))

    assert a_buffer.dropped == {OVERFLOW: 3}
    assert drain(a_buffer) == [1, 2, 3, 4, 5]


def test_a_full_buffer_drops_the_oldest_where_that_is_wanted() -> None:
    a_buffer = buffer(Overflow.DROP_OLDEST, max_messages=5)
    a_buffer.put(batch(1, 2, 3))
    a_buffer.put(batch(4, 5, 6, 7))

    assert a_buffer.dropped == {OVERFLOW: 2}
    assert drain(a_buffer) == [3, 4, 5, 6, 7]


def test_a_batch_larger_than_the_buffer_keeps_its_end_or_its_beginning() -> None:
    newest, oldest = buffer(max_messages=3), buffer(Overflow.DROP_OLDEST, max_messages=3)
    for a_buffer in (newest, oldest):
        a_buffer.put(batch(*range(10)))

    assert (drain(newest), drain(oldest)) == ([0, 1, 2], [7, 8, 9])


@pytest.mark.parametrize("overflow", Overflow)
def test_bytes_are_bounded_with_what_a_message_costs_beside_its_payload(overflow: Overflow) -> None:
    payload = b"x" * 100
    a_buffer = buffer(overflow, max_bytes=5 * (100 + MESSAGE_OVERHEAD))

    a_buffer.put(batch(*range(8), payload=payload))

    assert a_buffer.messages == 5
    assert a_buffer.size == 5 * (100 + MESSAGE_OVERHEAD)
    assert a_buffer.utilization == 1.0


@pytest.mark.parametrize("overflow", Overflow)
def test_a_message_larger_than_the_buffer_is_dropped(overflow: Overflow) -> None:
    a_buffer = buffer(overflow, max_bytes=1024)

    a_buffer.put(batch(1, payload=b"x" * 2_000))
    a_buffer.put(batch(2))

    assert drain(a_buffer) == [2]
    assert a_buffer.dropped == {OVERFLOW: 1}


def test_what_may_be_evicted_never_pushes_out_what_may_not() -> None:
    a_buffer = buffer(max_messages=4, channels=MIXED)
    a_buffer.put(batch(1, 2, 3))
    for first in range(10, 30, 2):
        a_buffer.put(batch(first, first + 1, stream=EVICTED))

    assert drain(a_buffer) == [1, 2, 3, 29]
    assert a_buffer.dropped == {OVERFLOW: 19}


def test_a_mixed_batch_goes_into_its_lanes_and_comes_out_by_age() -> None:
    a_buffer = buffer(channels=MIXED)
    both = [(KEPT, b"{}", 1), (EVICTED, b"[1]", 2), (KEPT, b"{}", 3)]
    a_buffer.put(Batch(5, 1.0, both, 7))
    a_buffer.put(batch(4, arrived=2.0, stream=EVICTED))
    a_buffer.put(batch(5, arrived=3.0))

    taken = a_buffer.take(3.0, ALL)

    assert [identities([part]) for part in taken] == [[1, 3], [2], [4], [5]]
    assert [part.size for part in taken] == [4, 3, 2, 2]
    assert {part.received_at for part in taken[:2]} == {5}


def test_what_waits_too_long_is_dropped_when_asked_for() -> None:
    a_buffer = buffer(ttl_seconds=10.0, channels=MIXED)
    a_buffer.put(batch(1, 2, arrived=100.0))
    a_buffer.put(batch(3, arrived=100.0, stream=EVICTED))
    a_buffer.put(batch(4, arrived=105.0))

    a_buffer.expire(110.0)  # as old as allowed
    assert a_buffer.messages == 4
    assert a_buffer.oldest_age(110.0) == 10.0
    assert drain(a_buffer, 110.5) == [4]
    assert a_buffer.dropped == {EXPIRED: 3}
    assert a_buffer.oldest_age(111.0) == 0.0


def test_what_is_left_at_the_end_is_dropped_with_a_reason() -> None:
    a_buffer = buffer(channels=MIXED)
    a_buffer.put(batch(1, 2))
    a_buffer.put(batch(3, stream=EVICTED))

    a_buffer.drop_all("shutdown")

    assert a_buffer.dropped == {"shutdown": 3}
    assert (a_buffer.messages, a_buffer.size) == (0, 0)


def test_utilization_is_that_of_the_nearer_bound() -> None:
    a_buffer = buffer(max_messages=10, max_bytes=100_000)
    a_buffer.put(batch(1, 2, 3))
    assert a_buffer.utilization == 0.3

    a_buffer.put(batch(4, payload=b"x" * 50_000))
    assert 0.5 < a_buffer.utilization < 0.52


def test_what_is_dropped_is_told_of() -> None:
    losses = Losses()
    a_buffer = Buffer(BufferConfig(max_messages=4, ttl_seconds=10.0, channels=MIXED), losses)
    a_buffer.put(batch(1, 2, 3))
    a_buffer.put(batch(4, 5, 6))
    a_buffer.expire(11.0)
    a_buffer.put(batch(*range(20, 26), arrived=11.0, stream=EVICTED))

    shown = [(loss.stream, loss.first, loss.last, loss.missing) for loss in losses.take()]
    assert shown == [
        ("a@trade", 5, 6, 2),
        ("a@bookTicker", None, None, 2),
        ("a@trade", 1, 4, 4),
    ]
    assert a_buffer.dropped == {OVERFLOW: 4, EXPIRED: 4}

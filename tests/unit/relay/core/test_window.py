import pytest

from streamset_relay.core.batch import NO_ROOM
from streamset_relay.core.window import EXPIRED, UNACKED, Limits, Window

LIMITS = Limits(messages=8, bytes=1_000, timeout=5.0, lifetime=100.0, ttl=60.0)


def window(limits: Limits = LIMITS) -> Window:
    return Window(limits, lambda part: part[:1])


def parts(text: str) -> list[bytes]:
    return [letter.encode() for letter in text]


def sent(text: str, limits: Limits = LIMITS) -> Window:
    """A window with these messages in flight since the time 0."""
    made = window(limits)
    made.add(parts(text), 0.0)
    made.due(0.0)
    return made


def test_what_is_added_is_due_once() -> None:
    made = window()
    made.add(parts("abc"), 0.0)

    assert made.due(0.0) == parts("abc")
    assert made.due(0.0) == []
    assert (made.in_flight, made.messages) == (3, 3)


def test_answers_in_any_order_leave_nothing_behind() -> None:
    made = sent("abcde")
    made.ack([3])
    made.ack([0, 1])
    made.ack([4, 2])

    assert (made.acked, made.messages) == (5, 0)
    assert made.deadline is None


def test_an_answer_counts_once_and_only_for_what_was_sent() -> None:
    made = sent("ab")
    made.add(parts("c"), 0.0)
    made.ack([0, 0, 1])
    made.ack_duplicate(1)
    made.ack([2, 7])

    assert (made.acked, made.duplicate, made.messages) == (2, 0, 1)


def test_the_oldest_is_the_one_that_arrived_first_wherever_it_stands() -> None:
    made = window()
    for text, arrived in (("ab", 3.0), ("cd", 1.0), ("e", 2.0), ("f", 9.0)):
        made.add(parts(text), arrived)
    made.due(9.0)

    assert made.oldest == 1.0
    made.ack([2])
    assert made.oldest == 1.0, "its neighbour is still there"
    made.drop(3, "denied")
    assert made.oldest == 2.0
    made.refuse(4, "overloaded")
    made.rewind()
    assert made.oldest == 2.0, "refused is no last word"
    made.due(9.0)
    made.ack([0, 1, 4])
    assert made.oldest == 9.0
    made.drop_all()
    assert made.oldest is None


def test_after_a_loss_everything_unanswered_is_due_again_in_order() -> None:
    made = sent("abcde")
    made.ack([1])
    made.rewind()

    assert made.due(1.0) == parts("acde")
    assert made.resent == 4
    made.ack_duplicate(0)
    made.ack([2, 3, 4])
    assert (made.acked, made.duplicate, made.duplicate_answers) == (5, 0, 1)


def test_a_late_answer_to_the_first_writing_spares_the_second() -> None:
    made = sent("abc")
    made.rewind()
    made.ack([0, 1])

    assert made.due(1.0) == parts("c")


def test_new_messages_wait_behind_those_that_are_written_again() -> None:
    made = sent("ab")
    made.rewind()
    made.add(parts("c"), 1.0)

    assert made.room == NO_ROOM
    assert made.due(1.0) == parts("abc")
    assert made.resent == 2


def test_a_refusal_waits_until_the_rest_is_answered_and_then_takes_half_the_window() -> None:
    made = sent("abcdefgh")
    made.refuse(0, "stream_full")
    made.shrink()
    for number in range(1, 8):
        assert made.due(1.0) == []
        made.refuse(number, "stream_full")
    assert made.in_flight == 0
    made.rewind()

    assert made.due(1.0) == parts("abcd")
    assert made.due(1.0) == []
    made.ack([0, 1])
    assert made.due(1.0) == parts("ef")


def test_a_narrow_window_grows_back_with_positive_answers() -> None:
    limits = LIMITS._replace(messages=64)
    made = window(limits)
    for _ in range(10):
        made.shrink()
    assert made.limit == 1

    rounds = 0
    while made.limit < 64:
        made.add(parts("a" * made.limit), 0.0)
        first = made.next - made.limit
        made.due(0.0)
        made.ack(list(range(first, made.next)))
        rounds += 1
    assert 20 < rounds < 60


def test_bytes_bound_what_is_in_flight_but_not_a_single_message() -> None:
    made = window()
    made.add([b"a" * 600, b"b" * 600, b"c" * 2_000, b"d"], 0.0)

    assert [len(part) for part in made.due(0.0)] == [600]
    made.ack([0])
    assert [len(part) for part in made.due(0.0)] == [600]
    made.ack([1])
    assert [len(part) for part in made.due(0.0)] == [2_000]
    made.ack([2])
    assert made.due(0.0) == [b"d"]


@pytest.mark.parametrize(("in_flight", "room"), [(0, 8), (6, 2), (7, 0), (8, 0)])
def test_room_is_offered_when_a_quarter_of_the_window_is_free(in_flight: int, room: int) -> None:
    assert sent("a" * in_flight).room.messages == room


@pytest.mark.parametrize(("size", "room"), [(100, 900), (750, 250), (751, 0)])
def test_room_is_bounded_in_bytes_too(size: int, room: int) -> None:
    made = window()
    made.add([b"x" * size], 0.0)
    made.due(0.0)

    assert made.room.size == room


def test_the_oldest_message_in_flight_is_the_one_that_is_overdue() -> None:
    made = sent("a")
    made.add(parts("b"), 1.0)
    made.due(1.0)
    deadlines = [made.deadline]
    made.ack([0])
    deadlines.append(made.deadline)
    made.rewind()
    deadlines.append(made.deadline)
    made.due(9.0)
    deadlines.append(made.deadline)

    assert deadlines == [5.0, 6.0, None, 14.0]


def test_nothing_is_written_again_that_the_stream_may_have_forgotten() -> None:
    made = sent("ab")
    made.add(parts("c"), 50.0)
    made.due(50.0)
    made.rewind()

    assert made.due(100.5) == parts("c")
    assert made.dropped == {UNACKED: 2}


def test_what_is_in_flight_may_yet_be_answered_however_old_it_is() -> None:
    made = sent("a")
    made.expire(1_000.0)
    made.ack([0])

    assert (made.acked, made.dropped.total()) == (1, 0)


def test_a_message_never_written_expires_as_in_the_buffer() -> None:
    made = sent("aaaaaaaa")
    made.add(parts("b"), 1.0)
    made.expire(61.0)
    assert not made.dropped
    made.expire(61.5)
    assert made.dropped == {EXPIRED: 1}


def test_a_message_that_was_refused_is_given_up_for_that_reason() -> None:
    made = sent("ab")
    made.refuse(0, "stream_full")
    made.rewind()
    made.expire(100.5)

    assert made.dropped == {"stream_full": 1, UNACKED: 1}


def test_the_end_tells_what_may_have_arrived_from_what_has_not() -> None:
    made = sent("abc")
    made.ack([0])
    made.refuse(1, "overloaded")
    made.add(parts("d"), 0.0)
    made.drop_all()

    assert made.dropped == {"overloaded": 1, "unacked_shutdown": 1, "shutdown": 1}
    assert made.messages == 0


def test_a_refused_message_behind_its_successor_is_counted() -> None:
    made = sent("aab")
    made.refuse(0, "overloaded")
    made.ack([1, 2])
    made.rewind()
    made.due(1.0)
    made.ack([0])

    assert made.reordered == 1


def test_another_stream_is_no_neighbour() -> None:
    made = sent("ab")
    made.refuse(0, "overloaded")
    made.ack([1])
    made.rewind()
    made.due(1.0)
    made.ack([0])

    assert made.reordered == 0

from streamset_api.enums import Overflow
from streamset_api.market import Market
from streamset_relay.core.batch import Batch
from streamset_relay.core.losses import Losses
from streamset_relay.core.stream import Stream
from streamset_relay.core.turns import Turns

A, B = (Stream(name, Market.SPOT, "s", Overflow.DROP_NEWEST) for name in ("a@trade", "b@trade"))


def batch(*messages: tuple[Stream, int], arrived: float = 0.0) -> Batch:
    return Batch(7, arrived, [(stream, b"%d" % n, n) for stream, n in messages], len(messages))


def numbers(batches: object) -> list[int]:
    return [message[2] for each in batches for message in each.messages]  # type: ignore[attr-defined]  # batches


def test_the_first_of_each_stream_goes_and_the_rest_waits() -> None:
    turns = Turns(60.0)

    assert numbers(turns.admit([batch((A, 1), (A, 2), (B, 1)), batch((B, 2))])) == [1, 1]
    assert (turns.held, turns.size) == (2, 2)


def test_the_next_goes_when_the_one_before_has_its_last_word() -> None:
    turns = Turns(60.0)
    list(turns.admit([batch((A, 1), (A, 2), (A, 3), (B, 1))]))

    assert numbers(turns.release([A, B], 1.0)) == [2]
    assert numbers(turns.release([A], 1.0)) == [3]
    assert numbers(turns.release([A], 1.0)) == []
    assert numbers(turns.admit([batch((A, 4), (B, 2))])) == [4, 2], "both streams are free"


def test_a_message_keeps_its_time() -> None:
    turns = Turns(60.0)
    list(turns.admit([batch((A, 1), (A, 2), arrived=3.0)]))

    (following,) = turns.release([A], 9.0)

    assert (following.received_at, following.arrived, following.size) == (7, 3.0, 1)


def test_the_oldest_is_that_of_any_stream() -> None:
    turns = Turns(10.0)
    list(turns.admit([batch((A, 1), arrived=1.0), batch((B, 1), arrived=2.0)]))
    assert (turns.held, turns.oldest) == (0, None), "both are under way"
    list(turns.admit([batch((B, 2), arrived=3.0), batch((A, 2), (A, 3), arrived=4.0)]))
    assert turns.oldest == 3.0

    list(turns.release([B], 5.0))
    assert turns.oldest == 4.0
    turns.expire(14.5)
    assert turns.oldest is None


def test_the_same_stream_is_known_by_its_name() -> None:
    """During a handover a connection brings its own objects for the streams."""
    turns = Turns(60.0)
    list(turns.admit([batch((A, 1))]))
    twin = Stream("a@trade", Market.SPOT, "s", Overflow.DROP_NEWEST)

    assert numbers(turns.admit([batch((twin, 2))])) == []
    assert numbers(turns.release([twin], 1.0)) == [2]


def test_what_waits_too_long_expires() -> None:
    turns = Turns(10.0)
    list(
        turns.admit([batch((A, 1), (A, 2)), batch((A, 3), arrived=5.0), batch((A, 4), arrived=9.0)])
    )

    turns.expire(10.5)
    assert (turns.held, turns.expired) == (2, 1)
    assert numbers(turns.release([A], 16.0)) == [4]
    assert (turns.held, turns.expired, turns.size) == (0, 2, 0)


def test_the_end_counts_what_is_held() -> None:
    turns = Turns(10.0)
    list(turns.admit([batch((A, 1), (A, 2), (A, 3))]))
    turns.drop_all()

    assert (turns.held, turns.size, turns.given_up) == (0, 0, 2)


def test_what_expires_is_told_of() -> None:
    losses = Losses()
    turns = Turns(60.0, losses)
    list(turns.admit([batch((A, 1), (A, 2), (A, 3), (B, 1), (B, 2), arrived=5.0)]))

    assert numbers(turns.release([B], 66.0)) == []
    turns.expire(66.0)

    shown = [(loss.stream, loss.first, loss.last, loss.cause) for loss in losses.take()]
    assert shown == [("b@trade", 2, 2, "expired"), ("a@trade", 2, 3, "expired")]

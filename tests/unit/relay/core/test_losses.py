from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from streamset_api.enums import Overflow
from streamset_api.market import Market
from streamset_relay.core import losses as module
from streamset_relay.core.account import OVERSIZE
from streamset_relay.core.classify import Message
from streamset_relay.core.losses import LARGEST, Loss, Losses, Reason, Record
from streamset_relay.core.stream import Stream, record_stream

TRADE, TICKER = (
    Stream(name, Market.SPOT, "s", Overflow.DROP_NEWEST)
    for name in ("btcusdt@trade", "btcusdt@ticker")
)
BOOK = Stream("btcusdt@bookTicker", Market.SPOT, "s", Overflow.DROP_NEWEST)
ABOUT_TRADES = record_stream("btcusdt@trade", Market.SPOT, "events")


def messages(stream: Stream, numbers: Iterable[int]) -> list[Message]:
    return [(stream, b"{}", number) for number in numbers]


def test_what_is_dropped_is_summed_up_by_stream_and_cause() -> None:
    losses = Losses()
    losses.drop(messages(TRADE, [5, 6]) + messages(TICKER, [99]), 1_000, "expired")
    losses.drop(messages(TRADE, [9]), 3_000, "expired")
    losses.drop(messages(TRADE, [20]), 4_000, "buffer_full")
    losses.doubt(messages(TRADE, [2, 1]), 500)

    assert losses.take() == [
        Loss("btcusdt@trade", Reason.DROPPED, "expired", 5, 9, 3, 1_000, 3_000),
        Loss("btcusdt@ticker", Reason.DROPPED, "expired", None, None, 1, 1_000, 1_000),
        Loss("btcusdt@trade", Reason.DROPPED, "buffer_full", 20, 20, 1, 4_000, 4_000),
        Loss("btcusdt@trade", Reason.UNCONFIRMED, None, 1, 2, None, 500, 500),
    ]
    assert not losses
    assert losses.take() == []


def test_numbers_that_do_not_follow_each_other_say_nothing() -> None:
    losses = Losses()
    losses.drop(messages(BOOK, [5, 900]), 1, "expired")

    (loss,) = losses.take()
    assert (loss.first, loss.last, loss.missing) == (None, None, 2)


def test_a_hash_among_the_numbers_leaves_the_times() -> None:
    losses = Losses()
    losses.drop(messages(TRADE, [5, 6, LARGEST, 7]), 1, "expired")
    losses.drop(messages(TRADE, [8]), 2, "expired")

    (loss,) = losses.take()
    assert (loss.first, loss.last, loss.missing) == (None, None, 5)
    assert (loss.since, loss.until) == (1, 2)


@given(st.lists(st.tuples(st.integers(0, 2**53 - 1), st.integers(1, 10**19)), min_size=1))
def test_the_order_in_which_messages_are_lost_does_not_matter(lost: list[tuple[int, int]]) -> None:
    losses = Losses()
    for number, at in lost:
        losses.drop(messages(TRADE, [number]), at, "expired")

    (loss,) = losses.take()
    numbers, times = [number for number, _ in lost], [at for _, at in lost]
    assert (loss.first, loss.last, loss.missing) == (min(numbers), max(numbers), len(lost))
    assert (loss.since, loss.until) == (min(times), max(times))


COUNTS = st.none() | st.integers(0, 1_000)
LOSSES = st.builds(
    Loss,
    st.just("x@trade"),
    st.just(Reason.EXCHANGE),
    st.none(),
    COUNTS,
    COUNTS,
    COUNTS,
    st.integers(1, 9),
    st.integers(1, 9),
)


@given(st.lists(LOSSES, min_size=1, max_size=6), st.randoms())
def test_losses_add_up_in_any_order(found: list[Loss], random: object) -> None:
    def total(of: Iterable[Loss]) -> Loss:
        losses = Losses()
        for each in of:
            losses.add(Loss(*(getattr(each, name) for name in Loss.__slots__)))
        (loss,) = losses.take()
        return loss

    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # Hypothesis types it as any random

    assert total(found) == total(shuffled)
    firsts = [each.first for each in found]
    assert total(found).first == (
        None if None in firsts else min(f for f in firsts if f is not None)
    )
    counts = [each.missing for each in found]
    assert total(found).missing == (None if None in counts else sum(c for c in counts if c))


def test_records_are_kept_and_not_summed_up() -> None:
    losses = Losses()
    record: list[Message] = [(ABOUT_TRADES, b'{"type":"gap"', 77)]
    losses.doubt(record + messages(TRADE, [5]), 9)
    losses.drop(record, 9, "expired")
    losses.drop(record, 9, OVERSIZE)  # it would be as large the next time

    assert losses.take_records() == [Record("btcusdt@trade", b'{"type":"gap"', 77, 9)] * 2
    assert [(loss.first, loss.reason) for loss in losses.take()] == [(5, Reason.UNCONFIRMED)]
    assert not losses


def test_nothing_is_kept_for_nobody() -> None:
    losses = Losses(wanted=False)
    losses.drop(messages(TRADE, [5]), 1, "expired")
    losses.doubt(messages(TRADE, [5]), 1)

    assert not losses


def test_names_beyond_any_number_are_summed_up_without_one() -> None:
    losses = Losses()
    for number in range(module.LIMIT + 10):
        losses.add(Loss(f"s{number}@trade", Reason.DROPPED, "expired", 1, 2, 2, 1, 1))

    found = losses.take()
    assert len(found) == module.LIMIT + 1
    assert found[-1] == Loss(None, Reason.DROPPED, "expired", None, None, 20, 1, 1)

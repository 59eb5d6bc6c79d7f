"""How events of two connections are compared: by number where there is one, else by hash, then by time."""

import pytest

from streamset_api.market import Market
from streamset_relay.core.handover import Phase, Trigger

from .frames import wrap
from .overlap import NUMBERED, Pair, frame

TRADE, TICKER = "btcusdt@trade", "btcusdt@ticker"


@pytest.mark.parametrize("name", NUMBERED)
def test_a_number_from_before_the_overlap_tells_too(name: str) -> None:
    """The new connection is so far behind that all it says was delivered before it was open."""
    pair = Pair(name)
    pair.old(frame(name, 0), frame(name, 1), frame(name, 2))
    pair.begin()
    pair.new(frame(name, 1))
    assert pair.look() is Trigger.ALIGNED
    pair.new(frame(name, 2), frame(name, 3))
    assert pair.numbers(name) == [0, 1, 2, 3]


def test_numbers_that_follow_each_other_prove_that_nothing_is_between() -> None:
    pair = Pair(TRADE)
    pair.old(frame(TRADE, 0))
    pair.begin()
    pair.new(frame(TRADE, 1))
    assert pair.look() is Trigger.ALIGNED
    pair.old(frame(TRADE, 1))
    assert pair.numbers(TRADE) == [0, 1]


def test_a_quiet_stream_is_compared_with_what_came_before_the_overlap() -> None:
    pair = Pair(TRADE)
    pair.old(frame(TRADE, 0), frame(TRADE, 1))
    pair.begin()
    pair.switch()
    pair.look()
    assert pair.phase() is Phase.SWITCHED
    pair.new(frame(TRADE, 0), frame(TRADE, 1), frame(TRADE, 2))
    pair.look()
    assert pair.phase() is Phase.DONE
    assert pair.numbers(TRADE) == [0, 1, 2]


def test_hashes_from_before_the_overlap_are_older_than_the_first_match() -> None:
    """Nobody knows them, but the new connection brings them first."""
    pair = Pair(TICKER)
    pair.old(frame(TICKER, 0), frame(TICKER, 1))
    pair.begin()
    pair.old(frame(TICKER, 2), frame(TICKER, 3))
    pair.new(frame(TICKER, 0), frame(TICKER, 1))
    assert pair.look() is None
    pair.new(frame(TICKER, 2))
    assert pair.look() is Trigger.ALIGNED
    pair.new(frame(TICKER, 3), frame(TICKER, 4))
    assert pair.numbers(TICKER) == [0, 1, 2, 3, 4]
    assert pair.tally.duplicates == 4


def test_tickers_of_two_clocks_never_go_back_in_time() -> None:
    """No two are equal; those that a later one has overtaken are dropped."""
    pair = Pair(TICKER)
    pair.begin()
    for time in (1_000, 2_000, 3_000):
        pair.new(wrap(TICKER, {"E": time + 400}))
        pair.old(wrap(TICKER, {"E": time + 900}))
    pair.new(wrap(TICKER, {"E": 4_400}))
    assert pair.look() is None
    pair.wait(10.0)
    assert pair.look() is Trigger.DEADLINE
    assert [event["E"] for _, event in pair.out] == [1_900, 2_900, 3_900, 4_400]
    assert pair.tally.unaligned == 1
    assert pair.tally.duplicates == 3


def test_times_that_go_back_mean_nothing_where_events_are_equal() -> None:
    events = [wrap(TICKER, {"E": time}) for time in (3_000, 5_000, 4_000, 2_000)]
    pair = Pair(TICKER)
    pair.begin()
    pair.new(*events[1:3])
    pair.old(*events[:2])
    assert pair.look() is Trigger.ALIGNED
    pair.new(events[3])
    assert [event["E"] for _, event in pair.out] == [3_000, 5_000, 4_000, 2_000]


def test_events_without_a_time_go_on_rather_than_be_lost() -> None:
    name = "btcusdt@unheardOf"
    pair = Pair(name)
    pair.begin()
    pair.new(wrap(name, {"x": "a"}))
    pair.old(wrap(name, {"x": "b"}))
    pair.switch()
    assert [event["x"] for _, event in pair.out] == ["b", "a"]


def test_the_same_payload_twice_is_two_events() -> None:
    name = "btcusdt@unheardOf"
    pair = Pair(name)
    pair.begin()
    pair.new(*[frame(name, 1)] * 3)
    pair.old(frame(name, 1))
    pair.switch()
    assert pair.numbers(name) == [1, 1, 1]
    assert pair.tally.duplicates == 1


def test_a_trade_without_its_number_is_compared_by_its_payload() -> None:
    odd = wrap(TRADE, {"e": "trade", "p": "1.0"})
    pair = Pair(TRADE)
    pair.begin()
    pair.new(odd, frame(TRADE, 1))
    pair.old(frame(TRADE, 0), odd, frame(TRADE, 1), frame(TRADE, 2))
    assert pair.look() is Trigger.ALIGNED
    pair.new(frame(TRADE, 2), odd, frame(TRADE, 3))
    assert [event.get("t") for _, event in pair.out] == [100, None, 101, 102, None, 103]
    assert pair.tally.duplicates == 3


def test_a_market_that_begins_again_is_followed() -> None:
    """Test markets do so once a month."""
    pair = Pair(TRADE)
    pair.old(frame(TRADE, 50))
    pair.begin()
    pair.new(frame(TRADE, 51))
    pair.old(frame(TRADE, 51), frame(TRADE, 0))
    pair.new(frame(TRADE, 0), frame(TRADE, 1))
    pair.old(frame(TRADE, 1))
    assert pair.look() is Trigger.ALIGNED
    pair.new(frame(TRADE, 2))
    assert pair.numbers(TRADE) == [50, 51, 0, 1, 2]
    assert pair.tally.resets == 1


def test_a_market_that_begins_again_while_the_new_connection_catches_up() -> None:
    pair = Pair(TRADE)
    pair.begin()
    pair.old(*(frame(TRADE, number) for number in range(50, 60)))
    pair.new(frame(TRADE, 50))
    pair.look()
    pair.new(frame(TRADE, 51), frame(TRADE, 0), frame(TRADE, 1))
    assert pair.numbers(TRADE) == [*range(50, 60), 0, 1]
    assert pair.tally.resets == 1


def test_a_futures_book_goes_on_in_one_chain() -> None:
    name = "btcusdt@depth@100ms"
    pair = Pair(name, market=Market.USDM)
    updates = [wrap(name, {"U": 10 * n, "u": 10 * n + 5, "pu": 10 * n - 5}) for n in range(1, 9)]
    pair.begin()
    pair.old(*updates[:2])
    pair.new(*updates[3:5])
    pair.old(*updates[2:4])
    assert pair.look() is Trigger.ALIGNED
    pair.new(*updates[5:])
    assert [event["u"] for _, event in pair.out] == [10 * n + 5 for n in range(1, 9)]
    assert pair.tally.gaps == 0


def test_a_hash_is_no_number_to_compare_with() -> None:
    pair = Pair(TRADE)
    pair.begin()
    pair.old(frame(TRADE, 0), wrap(TRADE, {"e": "trade", "p": "1.0"}))
    pair.new(frame(TRADE, 1))
    pair.switch()
    assert [event.get("t") for _, event in pair.out] == [100, None, 101]

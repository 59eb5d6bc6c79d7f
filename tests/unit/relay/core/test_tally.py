from collections import Counter

import pytest

from streamset_relay.core.classify import BINARY, NOT_JSON, Sorted
from streamset_relay.core.tally import Tally

from .frames import TRADE, sort, streams_of, wrap

RECEIVED = 1_700_000_000_250_000_000
NOTHING = Sorted([], 0, [], Counter(), [], [], 0)


def test_a_chunk_is_counted_where_each_frame_went() -> None:
    tally, streams = Tally(), streams_of(TRADE)
    found = sort(
        wrap(TRADE, {"t": 1, "E": 1_700_000_000_000}),
        b'{"result":null,"id":1}',
        wrap(TRADE, {"t": 5, "E": 1_700_000_000_000}),
        b"nonsense",
        wrap(TRADE, {"t": 2, "E": 1_700_000_000_000}),
        streams=streams,
    )

    tally.drop_binary(2)
    tally.add(RECEIVED, found, 50.0)
    tally.add(RECEIVED + 1, found, 51.0)

    assert tally.received == 2 * 4 + 2
    assert tally.dropped == {NOT_JSON: 2, BINARY: 2}
    assert (tally.gaps, tally.missing, tally.resets) == (2, 6, 2)
    assert (tally.last_received_at, tally.last_arrived) == (RECEIVED + 1, 51.0)
    assert tally.lag == pytest.approx(0.25)


def test_a_gap_of_unknown_size_misses_no_known_event() -> None:
    tally = Tally()
    gap = sort(wrap(TRADE, {"t": 1}), wrap(TRADE, {"t": 3})).gaps[0]

    tally.add(RECEIVED, NOTHING._replace(gaps=[gap._replace(missing=None)]), 1.0)

    assert (tally.gaps, tally.missing) == (1, 0)


def test_a_chunk_without_data_moves_no_clock() -> None:
    tally = Tally()
    tally.add(RECEIVED, sort(b'{"result":null,"id":1}'), 5.0)
    tally.drop_binary(1)
    tally.add(RECEIVED, sort(b"nonsense"), 5.0)

    assert tally.received == 2
    assert (tally.last_received_at, tally.last_arrived, tally.lag) == (0, None, 0.0)


@pytest.mark.parametrize(
    ("event_time", "lag"),
    [
        (1_700_000_000_000, 0.25),
        (1_700_000_000_000_000, 0.25),
        (1_700_000_000_249_500, 0.0005),
        (1_700_000_000_750, -0.5),
    ],
)
def test_the_lag_knows_both_units_of_time(event_time: int, lag: float) -> None:
    tally = Tally()

    tally.add(RECEIVED, sort(wrap(TRADE, {"t": 1, "E": event_time})), 1.0)

    assert tally.lag == pytest.approx(lag, abs=1e-5)


def test_the_lag_stays_while_events_show_no_time() -> None:
    tally = Tally(lag=0.5)

    tally.add(RECEIVED, sort(wrap(TRADE, {"t": 1})), 1.0)

    assert tally.lag == 0.5


@pytest.mark.parametrize("digits", [15, 18, 19, 30, 400])
def test_no_event_time_is_too_large(digits: int) -> None:
    tally = Tally()

    tally.add(RECEIVED, sort(wrap(TRADE, b'{"t":1,"E":%b}' % (b"9" * digits))), 1.0)

    assert tally.received == 1


def test_numbers_of_what_was_held_are_counted_apart_from_its_coming() -> None:
    tally, streams = Tally(), streams_of(TRADE)
    found = sort(
        wrap(TRADE, {"t": 1}), wrap(TRADE, {"t": 5}), wrap(TRADE, {"t": 2}), streams=streams
    )

    tally.check(found)

    assert (tally.gaps, tally.missing, tally.resets) == (1, 3, 1)
    assert (tally.received, tally.last_received_at, tally.last_arrived) == (0, 0, None)

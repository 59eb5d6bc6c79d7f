from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange_simulator.sources.bars import INTERVALS, bar


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("interval", "opened", "closed"),
    [
        ("1m", "2026-03-18T13:45:00", "2026-03-18T13:46:00"),
        ("4h", "2026-03-18T12:00:00", "2026-03-18T16:00:00"),
        ("1d", "2026-03-18T00:00:00", "2026-03-19T00:00:00"),
        ("1w", "2026-03-16T00:00:00", "2026-03-23T00:00:00"),
        ("1M", "2026-03-01T00:00:00", "2026-04-01T00:00:00"),
    ],
)
def test_bars_of_a_wednesday(interval: str, opened: str, closed: str) -> None:
    assert bar(ms("2026-03-18T13:45:36.123"), interval) == (ms(opened), ms(closed) - 1)


def test_a_day_of_another_time_zone() -> None:
    opened, closed = bar(ms("2026-03-18T20:00:00"), "1d", 8 * 3600_000)

    assert (opened, closed) == (ms("2026-03-18T16:00:00"), ms("2026-03-19T16:00:00") - 1)


@given(
    st.integers(0, 4_000_000_000_000),
    st.sampled_from(sorted(INTERVALS)),
    st.sampled_from([0, 8 * 3600_000]),
)
def test_bars_hold_their_moment_and_follow_each_other(
    moment: int, interval: str, zone: int
) -> None:
    opened, closed = bar(moment, interval, zone)

    assert opened <= moment <= closed
    assert bar(closed, interval, zone) == (opened, closed)
    assert bar(closed + 1, interval, zone)[0] == closed + 1

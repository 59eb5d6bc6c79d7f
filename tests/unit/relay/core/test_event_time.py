"""Event times are milliseconds or microseconds; the magnitude tells which."""

from streamset_relay.core.event_time import in_microseconds, milliseconds, seconds

MS, US = 1_700_000_000_123, 1_700_000_000_123_456


def test_the_magnitude_tells_the_unit() -> None:
    assert not in_microseconds(MS)
    assert in_microseconds(US)


def test_a_time_is_the_same_in_either_unit() -> None:
    assert (seconds(MS), seconds(US)) == (1_700_000_000.123, 1_700_000_000.123456)
    assert milliseconds(MS) == milliseconds(US) == MS

from hypothesis import given
from hypothesis import strategies as st

from exchange_simulator.core.limits import Heartbeat, RateWindow


@given(st.lists(st.floats(0, 2), max_size=60).map(sorted), st.integers(1, 6), st.floats(0.1, 1.5))
def test_no_window_holds_more_allowed_events_than_the_limit(
    times: list[float], limit: int, seconds: float
) -> None:
    window = RateWindow(limit, seconds)
    allowed = [now for now in times if not window.exceeded(now)]

    for place, start in enumerate(allowed):
        assert sum(now - seconds < start for now in allowed[place:]) <= limit


def test_the_window_slides() -> None:
    window = RateWindow(5, 1.0)

    assert [window.exceeded(at) for at in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)] == [False] * 5 + [True]
    assert window.free_at(0.5) == 1.0
    assert window.exceeded(0.99)
    assert not window.exceeded(1.0)


def test_a_window_with_room_is_free_now() -> None:
    assert RateWindow(1, 60.0).free_at(7.0) == 7.0


def heartbeat() -> Heartbeat:
    return Heartbeat(interval=20.0, timeout=60.0, next_ping=20.0)


def test_pings_are_due_every_interval() -> None:
    beat = heartbeat()

    assert not beat.due(19.9)
    assert beat.due(20.0)
    beat.sent(b"1", 20.0)
    assert not beat.due(39.9)
    assert beat.due(40.0)


def test_a_missing_pong_is_overdue_after_the_timeout() -> None:
    beat = heartbeat()
    beat.sent(b"1", 20.0)
    beat.sent(b"2", 40.0)

    assert not beat.overdue(80.0)
    assert beat.overdue(80.1)


def test_a_pong_answers_every_ping_before_it() -> None:
    beat = heartbeat()
    for payload, now in ((b"1", 20.0), (b"2", 40.0), (b"3", 60.0)):
        beat.sent(payload, now)

    assert beat.answered(b"2")
    assert list(beat.pending) == [b"3"]


def test_an_unsolicited_pong_keeps_nothing_alive() -> None:
    beat = heartbeat()
    beat.sent(b"1", 20.0)

    assert not beat.answered(b"anything")
    assert beat.overdue(90.0)

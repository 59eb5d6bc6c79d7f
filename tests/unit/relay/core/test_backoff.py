import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamset_relay.core.backoff import ConnectBudget, delay


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(1, 5), (2, 10), (3, 20), (4, 40), (5, 60), (6, 60), (100, 60), (10**9, 60)],
)
def test_delays_double_up_to_the_cap(failures: int, seconds: float) -> None:
    assert delay(failures, 5.0, 60.0, 0.0) == seconds
    assert delay(failures, 5.0, 60.0, 0.75) == seconds + 0.75  # jitter goes beyond the cap


def test_no_delay_stays_none() -> None:
    assert delay(7, 0.0, 60.0, 0.0) == 0.0


@given(st.integers(1, 60), st.floats(0, 100), st.floats(0, 1_000), st.floats(0, 1))
def test_delays_never_shrink_while_failures_grow(
    failures: int, initial: float, maximum: float, jitter: float
) -> None:
    one = delay(failures, initial, maximum, jitter)

    assert 0 <= one <= maximum + jitter
    assert one <= delay(failures + 1, initial, maximum, jitter)


@settings(deadline=None, max_examples=200)
@given(
    st.integers(1, 6),
    st.floats(0.1, 500),
    st.floats(0, 1e6),
    st.lists(st.floats(0, 200) | st.just(None), max_size=60),
)
def test_no_window_holds_more_connects_than_the_budget(
    limit: int, window: float, now: float, pauses: list[float | None]
) -> None:
    """A pause of None waits exactly as long as asked, to the last bit of the float."""
    budget = ConnectBudget(limit, window)
    spent: list[float] = []
    for pause in pauses:
        now = budget.available_at(now) if pause is None else now + pause
        inside = [at for at in spent if at + window > now]
        assert budget.remaining(now) == limit - len(inside)
        if budget.available_at(now) <= now:
            budget.spend(now)
            spent.append(now)
        else:
            assert len(inside) == limit
            assert budget.available_at(now) == inside[0] + window
        for first, last in zip(spent, spent[limit:], strict=False):
            assert last >= first + window


def test_a_clock_that_shows_the_exact_end_of_the_window_gives_one_connect() -> None:
    budget = ConnectBudget(2, 300.0)
    budget.spend(86.828)
    budget.spend(90.0)
    now = budget.available_at(91.0)

    budget.spend(now)

    assert now == 386.828
    assert budget.available_at(now) == 390.0
    assert budget.remaining(now) == 0

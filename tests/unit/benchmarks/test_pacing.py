"""Messages at a rate."""

from collections.abc import Sequence

import pytest

from benchmarks import pacing
from benchmarks.pacing import GAP, SECOND, TICK, send


class Clock:
    """Time that passes by sleeping, and while somebody writes."""

    def __init__(self, writing: float = 0.0) -> None:
        self.now = 7 * SECOND
        self.writing = writing
        self.writes: list[tuple[int, int, int]] = []

    def monotonic_ns(self) -> int:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert 0 <= seconds <= TICK / SECOND
        self.now += max(1, round(seconds * SECOND))

    def write(self, first: int, messages: Sequence[bytes], now: int) -> None:
        assert now == self.now
        self.writes.append((first, len(messages), now))
        self.now += int(self.writing * SECOND)


def sent_by(clock: Clock, monkeypatch: pytest.MonkeyPatch, count: int, rate: int) -> dict[str, int]:
    monkeypatch.setattr(pacing, "time", clock)
    return send([b"x"] * count, rate, clock.write)


@pytest.mark.parametrize("rate", [1_000, 10_000, 50_000])
def test_every_message_goes_out_when_it_is_due(monkeypatch: pytest.MonkeyPatch, rate: int) -> None:
    clock = Clock()

    told = sent_by(clock, monkeypatch, rate, rate)

    assert told["sent"] == rate == sum(count for _, count, _ in clock.writes)
    for first, count, now in clock.writes:
        due = told["start"] + (first + count - 1) * SECOND // rate
        assert due <= now <= due + TICK + SECOND // rate


def test_nothing_goes_out_before_the_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    begun = clock.now

    sent_by(clock, monkeypatch, 10, 1_000)

    assert clock.writes[0][2] >= begun + GAP


def test_a_receiver_that_holds_writes_up_gets_the_rest_at_once_and_it_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(writing=0.4)

    told = sent_by(clock, monkeypatch, 1_000, 1_000)

    assert told["sent"] == 1_000
    assert told["late"] >= 0.39 * SECOND
    assert told["end"] - told["start"] < 2 * SECOND


def test_in_time_is_not_late(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sent_by(Clock(), monkeypatch, 1_000, 1_000)["late"] <= TICK

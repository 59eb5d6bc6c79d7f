"""Generated events: numbered as the exchange numbers them, complete, and due when they should be."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange_simulator.core.rules import MarketName
from exchange_simulator.sources.catalog import find
from exchange_simulator.sources.generated import Clock, GeneratedBatch, GeneratedStream
from exchange_simulator.sources.subject import Subject
from tests.unit.simulator.test_catalog import SPOT, USDM, layout

START_US = 1_700_000_000_000_000
CLOCK = Clock(start=50.0, start_us=START_US)


def stream(name: str, rate: float = 10.0, market: MarketName = "spot") -> GeneratedStream:
    return GeneratedStream(name, layout(name, market), rate, CLOCK)


def events(batches: list[GeneratedBatch], *, combined: bool = False) -> list[Any]:
    return [
        json.loads(payload)
        for batch in batches
        for payload in batch.payloads(combined=combined, microseconds=False)
    ]


STEPS = st.lists(st.floats(0, 3), min_size=1, max_size=12)


def course(running: GeneratedStream, steps: list[float]) -> list[GeneratedBatch]:
    now, batches = 50.0, []
    for step in steps:
        now += step
        if (batch := running.pass_to(now)) is not None:
            batches.append(batch)
    return batches


@given(STEPS, st.sampled_from([0.7, 10.0, 333.0]))
def test_trades_are_contiguous_however_the_time_is_cut(steps: list[float], rate: float) -> None:
    got = [event["t"] for event in events(course(stream("a@trade", rate), steps))]

    assert got == list(range(1000, 1000 + len(got)))
    assert abs(len(got) - sum(steps) * rate) <= 1


@given(STEPS)
def test_aggregate_trades_cover_every_trade_once(steps: list[float]) -> None:
    got = events(course(stream("a@aggTrade"), steps))

    assert [event["a"] for event in got] == list(range(1000, 1000 + len(got)))
    for before, after in itertools.pairwise(got):
        assert after["f"] == before["l"] + 1
    assert all(event["f"] <= event["l"] for event in got)


@given(STEPS)
def test_spot_depth_updates_follow_each_other(steps: list[float]) -> None:
    got = events(course(stream("a@depth@100ms"), steps))

    assert all(event["U"] <= event["u"] for event in got)
    for before, after in itertools.pairwise(got):
        assert after["U"] == before["u"] + 1


@pytest.mark.parametrize("name", ["a@depth@100ms", "a@depth20@100ms"])
def test_futures_depth_updates_name_the_one_before(name: str) -> None:
    got = events(course(stream(name, market="usdm"), [5.0, 3.0]))

    for before, after in itertools.pairwise(got):
        assert after["pu"] == before["u"]
    assert any(after["U"] != before["u"] + 1 for before, after in itertools.pairwise(got))


@pytest.mark.parametrize(("name", "member"), [("a@bookTicker", "u"), ("a@depth5", "lastUpdateId")])
def test_other_update_ids_only_grow(name: str, member: str) -> None:
    got = [event[member] for event in events(course(stream(name), [4.0, 4.0]))]

    assert got == sorted(set(got))
    assert got[-1] - got[0] > len(got)


@pytest.mark.parametrize("name", ["a@ticker", "a@kline_1m", "a@avgPrice", "a@miniTicker"])
def test_periodic_events_are_numbered_by_their_time(name: str) -> None:
    got = [event["E"] for event in events(course(stream(name, 1.0), [3.5, 0.1, 4.0]))]

    assert got == [1_700_000_001_000 + 1000 * place for place in range(len(got))]


@pytest.mark.parametrize(
    ("name", "market"), [(name, "spot") for name in SPOT] + [(name, "usdm") for name in USDM]
)
def test_no_two_events_of_a_stream_are_the_same(name: str, market: MarketName) -> None:
    batches = course(stream(name, 10.0, market), [20.0])
    payloads = [p for batch in batches for p in batch.payloads(combined=False, microseconds=False)]

    assert len(set(payloads)) == len(payloads) == 200


@pytest.mark.parametrize(
    ("name", "member"),
    [("a@trade", "t"), ("a@depth", "u"), ("a@bookTicker", "u"), ("a@ticker", "E")],
)
def test_identities_are_those_of_the_first_and_last_event(name: str, member: str) -> None:
    (batch,) = course(stream(name), [2.0])
    got = events([batch])

    assert batch.identities == (got[0][member], got[-1][member])
    assert batch.count == len(got) == 20


def test_combined_payloads_name_their_stream() -> None:
    batches = course(stream("a@trade"), [1.0])

    assert events(batches, combined=True) == [
        {"stream": "a@trade", "data": event} for event in events(batches)
    ]


def test_the_same_seed_gives_the_same_market() -> None:
    def payloads(seed: int) -> list[bytes]:
        listing = find("a@trade", "spot")
        assert listing is not None
        made = listing.build(Subject("a@trade", "a", 1, seed, False, ()))
        batches = course(GeneratedStream("a@trade", made, 10.0, CLOCK), [3.0])
        return [p for b in batches for p in b.payloads(combined=False, microseconds=False)]

    assert payloads(1) == payloads(1)
    assert payloads(1) != payloads(2)


def test_a_burst_is_contiguous_with_what_surrounds_it() -> None:
    running = stream("a@trade")
    batches = course(running, [1.0])
    batches.append(running.burst(100, 51.05))
    after = running.pass_to(52.05)
    assert after is not None

    got = events([*batches, after])
    assert [event["t"] for event in got] == list(range(1000, 1000 + 120))
    assert {event["E"] for event in got[10:110]} == {1_700_000_001_050}


def test_skipped_events_leave_a_hole() -> None:
    running = stream("a@trade")
    before = course(running, [1.0])
    running.skip(7, 51.0)
    after = running.pass_to(51.1)
    assert after is not None

    assert [event["t"] for event in events([*before, after])][-2:] == [1009, 1017]


def test_a_restarted_stream_begins_with_its_first_id() -> None:
    running = stream("a@trade")
    course(running, [5.0])
    running.restart(55.0)
    batch = running.pass_to(55.35)
    assert batch is not None

    assert [event["t"] for event in events([batch])] == [1000, 1001, 1002]


@given(st.lists(st.tuples(st.floats(0.01, 2), st.sampled_from([0.5, 7.0, 100.0])), max_size=8))
def test_a_change_of_rate_loses_nothing(steps: list[tuple[float, float]]) -> None:
    running, now, batches = stream("a@trade"), 50.0, []
    for step, rate in steps:
        now += step
        if (batch := running.pass_to(now)) is not None:
            batches.append(batch)
        running.change_rate(rate, now)

    got = events(batches)
    assert [event["t"] for event in got] == list(range(1000, 1000 + len(got)))
    assert [event["E"] for event in got] == sorted(event["E"] for event in got)


@given(st.floats(1e5, 1e9), st.floats(0.1, 1e6))
def test_an_event_that_is_due_always_happens(uptime: float, rate: float) -> None:
    running = GeneratedStream("a@trade", layout("a@trade", "spot"), rate, Clock(uptime, START_US))
    due = running.due()

    assert running.pass_to(due) is not None

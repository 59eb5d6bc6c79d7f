import json

import pytest

from exchange_simulator.sources.catalog import Listing, find
from exchange_simulator.sources.generated import Clock, GeneratedBatch
from exchange_simulator.sources.generator import Course, Generator

CLOCK = Clock(start=0.0, start_us=1_700_000_000_000_000)


def listing(name: str) -> Listing:
    found = find(name, "spot")
    assert found is not None
    return found


A, B, C = listing("a@trade"), listing("b@trade"), listing("c@ticker")


def generator(**course: object) -> Generator:
    return Generator(Course(first_id=1000, **course), CLOCK)  # type: ignore[arg-type]  # as given


def ids(batches: list[GeneratedBatch], name: str) -> list[int]:
    return [
        json.loads(payload)["t"]
        for batch in batches
        if batch.stream == name
        for payload in batch.payloads(combined=False, microseconds=False)
    ]


def run(
    running: Generator, until: float, tick: float = 0.01, start: float = 0.0
) -> list[GeneratedBatch]:
    steps = round((until - start) / tick)
    return [b for step in range(1, steps + 1) for b in running.advance(start + step * tick)]


def test_only_streams_with_listeners_are_made() -> None:
    running = generator()
    running.listen({A}, 0.0)

    assert {batch.stream for batch in run(running, 2.0)} == {"a@trade"}


def test_streams_run_at_their_usual_rate() -> None:
    running = generator()
    running.listen({A, C}, 0.0)
    batches = run(running, 10.0)

    assert sum(batch.count for batch in batches if batch.stream == "a@trade") == 200
    assert sum(batch.count for batch in batches if batch.stream == "c@ticker") == 10


def test_the_first_matching_pattern_sets_the_rate() -> None:
    running = generator(rates={"a@*": 50.0, "*@trade": 5.0})
    running.listen({A, B}, 0.0)
    batches = run(running, 10.0)

    assert [sum(b.count for b in batches if b.stream == n) for n in ("a@trade", "b@trade")] == [
        500,
        50,
    ]


def test_a_total_rate_is_shared_by_the_streams_with_listeners() -> None:
    running = generator(total_rate=1000.0)
    running.listen({A, B}, 0.0)
    batches = run(running, 3.0)
    running.listen({A}, 3.0)
    later = run(running, 6.0, start=3.0)

    assert sum(batch.count for batch in batches) == 3000
    assert abs(sum(batch.count for batch in later) - 3000) <= 10
    assert ids(batches + later, "a@trade") == list(
        range(1000, 1000 + len(ids(batches + later, "a@trade")))
    )


def test_pacing_does_not_drift() -> None:
    running = generator(total_rate=20_000.0)
    running.listen({A, B, C}, 0.0)

    assert sum(batch.count for batch in run(running, 30.0, tick=0.005)) == pytest.approx(
        600_000, abs=3
    )


def test_the_market_goes_on_while_nobody_listens() -> None:
    running = generator()
    running.listen({A}, 0.0)
    before = ids(run(running, 1.0), "a@trade")
    running.listen(set(), 1.0)
    assert run(running, 3.0, start=1.0) == []
    running.listen({A}, 3.0)
    after = ids(run(running, 4.0, start=3.0), "a@trade")

    assert before == list(range(1000, 1020))
    assert after == list(range(1060, 1080))


def test_a_flooded_market_waits_for_listeners() -> None:
    running = generator(by_clock=False)
    running.listen({A}, 0.0)
    before = ids(list(running.flood(100, 0.0)), "a@trade")
    running.listen(set(), 0.0)
    assert list(running.flood(100, 5.0)) == []
    running.listen({A}, 9.0)
    after = ids(list(running.flood(100, 9.0)), "a@trade")

    assert before + after == list(range(1000, 1000 + len(before + after)))


def test_a_flood_serves_streams_in_turn() -> None:
    running = generator(by_clock=False)
    running.listen({A, B, C}, 0.0)
    names = [batch.stream for _ in range(6) for batch in running.flood(1, 0.0)]

    assert names == ["a@trade", "b@trade", "c@ticker"] * 2


@pytest.mark.parametrize("by_clock", [True, False])
def test_the_market_stands_still_at_its_limit(by_clock: bool) -> None:
    running = generator(limit=1234, by_clock=by_clock, total_rate=1000.0)
    running.listen({A, B}, 0.0)
    batches = (
        run(running, 5.0)
        if by_clock
        else [batch for _ in range(20) for batch in running.flood(500, 0.0)]
    )

    assert sum(batch.count for batch in batches) == 1234
    assert running.next_due() == float("inf")


def test_ids_restart_in_one_stream_or_in_all() -> None:
    running = generator()
    running.listen({A, B}, 0.0)
    run(running, 1.0)
    running.restart({"a@trade"}, 1.0)
    batches = run(running, 2.0, start=1.0)
    assert (ids(batches, "a@trade")[0], ids(batches, "b@trade")[0]) == (1000, 1020)

    running.restart(None, 2.0)
    batches = run(running, 3.0, start=2.0)
    assert (ids(batches, "a@trade")[0], ids(batches, "b@trade")[0]) == (1000, 1000)

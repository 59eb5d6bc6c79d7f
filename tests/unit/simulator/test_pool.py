"""Pre-encoded blocks against the events encoded one by one."""

import pytest

from exchange_simulator.core.frames import text_frames
from exchange_simulator.core.rules import MarketName
from exchange_simulator.sources.generated import Clock, GeneratedStream
from exchange_simulator.sources.pool import BLOCK
from tests.unit.simulator.test_catalog import SPOT, USDM, layout

CLOCK = Clock(start=0.0, start_us=1_700_000_000_000_000)
STEADY: list[tuple[str, MarketName]] = [
    *((name, "spot") for name in SPOT if layout(name, "spot").steady),
    *((name, "usdm") for name in USDM if layout(name, "usdm").steady),
]


def test_the_busy_channels_are_steady() -> None:
    names = {name.partition("@")[2].partition("@")[0] for name, _ in STEADY}

    assert {"trade", "aggTrade", "depth", "depth5", "depth10", "depth20", "bookTicker"} <= names


@pytest.mark.parametrize("combined", [False, True])
@pytest.mark.parametrize("microseconds", [False, True])
@pytest.mark.parametrize(("name", "market"), STEADY)
def test_blocks_are_the_events_one_by_one(
    name: str, market: MarketName, combined: bool, microseconds: bool
) -> None:
    running = GeneratedStream(name, layout(name, market), 10.0, CLOCK)
    pooled = 0
    for block in range(26):  # past 10,000 ids: they get one more digit on the way
        batch = running.block(10**9, block * 0.0017)
        assert batch is not None
        form = {"combined": combined, "microseconds": microseconds}
        assert batch.frames(**form) == text_frames(batch.payloads(**form))
        assert batch.count == BLOCK
        pooled += bool(batch.pools)
    assert pooled > 20


def test_a_block_begins_at_a_multiple_and_ends_at_the_limit() -> None:
    running = GeneratedStream("a@trade", layout("a@trade", "spot"), 10.0, CLOCK)
    running.skip(7, 0.0)
    batches = [running.block(most, 0.0) for most in (10**9, 10**9, 13, 0)]

    assert [batch and batch.numbers for batch in batches] == [
        (7, 399),
        (400, 799),
        (800, 812),
        None,
    ]

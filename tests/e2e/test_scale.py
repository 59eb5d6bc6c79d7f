"""Many streams in one set: as many relays as it takes, all of them active."""

from tests.e2e.cluster import Space, eventually

STREAMS = 1200
BORDER = 200


async def test_1200_streams_over_the_default_border(space: Space) -> None:
    symbols = [f"s{number:03}usdt" for number in range(STREAMS // 3)]
    await space.apply_set(
        symbols=symbols,
        channels=["trade", "ticker", "bookTicker"],
        resources={"requests": {"cpu": "20m", "memory": "64Mi"}},
    )

    async def all_active() -> bool:
        summary = (await space.set())["status"].get("summary") or {}
        relays = f"{STREAMS // BORDER}/{STREAMS // BORDER}"
        return (summary.get("streams"), summary.get("relays")) == (f"{STREAMS}/{STREAMS}", relays)

    took = await eventually(all_active, f"{STREAMS} streams are active", 240)
    print(f"all active after {took:.0f} s")
    await space.becomes("Ready", "Streaming")
    assert len(await space.pods()) == STREAMS // BORDER

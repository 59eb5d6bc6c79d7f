import itertools
import json
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from exchange_simulator.sources.generated import Clock
from exchange_simulator.sources.replay import Replay, ReplayBatch
from tests.unit.simulator.test_recording import LINES, RECORDING, recording

FRAMES = [json.loads(line)["frame"].encode() for line in LINES]
PERIOD = RECORDING.period_ms / 1000


def combined(batches: list[ReplayBatch]) -> list[bytes]:
    return [p for b in batches for p in b.payloads(combined=True, microseconds=False)]


def events(batches: list[ReplayBatch], stream: str) -> list[Any]:
    return [json.loads(p)["data"] for p in combined(batches) if json.loads(p)["stream"] == stream]


@given(st.lists(st.floats(0, 20), max_size=8), st.sampled_from([0.5, 1.0, 40.0]))
def test_the_first_pass_is_the_recording_at_its_pace(steps: list[float], speed: float) -> None:
    replay = Replay(RECORDING, speed=speed, loop=False)
    replay.listen(100.0)
    now, batches = 100.0, list[ReplayBatch]()
    for step in steps:
        now += step
        batches += replay.advance(now)

    due = sum(frame.at / speed <= now - 100.0 for frame in RECORDING.frames)
    assert abs(len(batches) - due) <= 1  # one may fall on the very moment
    assert combined(batches) == FRAMES[: len(batches)]


def test_times_can_be_moved_to_the_present_and_nothing_else() -> None:
    clock = Clock(50.0, 1_800_000_000_000_000)
    replay = Replay(RECORDING, clock=clock)
    replay.listen(60.0)
    moved = 1_800_000_010_000 - RECORDING.began_ms
    trade, original = events(list(replay.advance(61.0)), "btcusdt@trade")[0], json.loads(FRAMES[0])

    assert trade == original["data"] | {
        "E": original["data"]["E"] + moved,
        "T": original["data"]["T"] + moved,
    }


def test_nothing_happens_before_the_first_subscriber() -> None:
    replay = Replay(RECORDING)

    assert list(replay.advance(1e9)) == []
    assert replay.next_due() == math.inf


def test_without_a_loop_it_ends() -> None:
    replay = Replay(RECORDING, loop=False)
    replay.listen(0.0)

    assert len(list(replay.advance(1e6))) == 2000
    assert replay.finished
    assert list(replay.advance(2e6)) == []


def test_three_passes_make_one_sequence() -> None:
    replay = Replay(RECORDING)
    replay.listen(0.0)
    batches = list(replay.advance(3 * PERIOD - 0.001))

    assert len(batches) == 6000
    assert replay.passes == 3
    trades = events(batches, "btcusdt@trade")
    assert [e["t"] for e in trades] == list(range(trades[0]["t"], trades[0]["t"] + 3 * 419))
    assert [e["E"] for e in trades] == sorted(e["E"] for e in trades)
    depth = events(batches, "btcusdt@depth@100ms")
    assert all(b["U"] == a["u"] + 1 for a, b in itertools.pairwise(depth))
    tickers = [e["u"] for e in events(batches, "btcusdt@bookTicker")]
    assert all(a < b for a, b in itertools.pairwise(tickers))


def test_batches_are_numbered_and_identified() -> None:
    replay = Replay(RECORDING)
    replay.listen(0.0)
    trades = [b for b in replay.advance(2 * PERIOD - 0.001) if b.stream == "btcusdt@trade"]

    assert [batch.numbers for batch in trades] == [(n, n) for n in range(838)]
    first = events(trades[:1], "btcusdt@trade")[0]["t"]
    assert [batch.identities for batch in trades] == [(first + n, first + n) for n in range(838)]


def test_events_without_an_id_are_identified_by_their_time() -> None:
    frame = '{"stream":"a@ticker","data":{"e":"24hrTicker","E":1700000000000}}'
    replay = Replay(recording(frame, frame.replace("0000}}", "1000}}")))
    replay.listen(0.0)
    batches = list(replay.flood(3))

    assert [batch.identities[0] for batch in batches] == [
        event["E"] for event in events(batches, "a@ticker")
    ]
    assert batches[2].identities > batches[1].identities


def test_without_renumbering_every_pass_is_the_same() -> None:
    replay = Replay(RECORDING, renumber=False)
    replay.listen(0.0)

    assert combined(list(replay.advance(2 * PERIOD - 0.001))) == FRAMES * 2


def test_a_flood_is_the_recording_however_it_is_cut() -> None:
    replay = Replay(RECORDING)
    replay.listen(0.0)

    assert combined([b for size in (1, 999, 1000) for b in replay.flood(size)]) == FRAMES


def test_a_burst_takes_the_next_frames_and_leaves_the_pace() -> None:
    replay = Replay(RECORDING)
    burst = replay.burst(100, 10.0)

    assert combined(burst) == FRAMES[:100]
    assert replay.next_due() == 10.0
    later = list(replay.advance(20.0))
    at = RECORDING.frames[100].at
    assert combined(later) == FRAMES[100 : 100 + len(later)]
    assert abs(len(later) - sum(0 <= frame.at - at <= 10.0 for frame in RECORDING.frames)) <= 1


def test_a_restart_begins_with_the_first_frame() -> None:
    replay = Replay(RECORDING)
    replay.listen(0.0)
    list(replay.advance(1.5 * PERIOD))
    replay.restart(500.0)

    assert combined(list(replay.advance(510.0)))[:10] == FRAMES[:10]

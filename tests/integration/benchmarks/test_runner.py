"""The benchmark measures: short turns with real processes. What they bring is not looked at, only that it is there."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import clients
from benchmarks.plan import (
    ORDERED,
    PICOWS,
    PICOWS_TLS,
    PUBLISH_ASYNC,
    RELAYS,
    SPLICED,
    STRAIGHTFORWARD,
    WEBSOCKETS,
    WEBSOCKETS_TLS,
    WINDOW,
    Case,
    Frame,
    Part,
)
from benchmarks.results import Results
from benchmarks.runner import Options, run
from tests.support.certificates import Authority

SHORT = Options(repeats=1, seconds=0.1, soak=1.0, turns=1)


async def measured(case: Case) -> Results:
    results = Results()
    await run([case], SHORT, results)
    assert results.not_run == {}
    assert {client for _, client in results.rounds} == set(case.clients)
    return results


@pytest.mark.parametrize(
    "case",
    [
        Case(Part.THROUGHPUT, (STRAIGHTFORWARD, SPLICED, *RELAYS)),
        Case(Part.THROUGHPUT, (STRAIGHTFORWARD, PICOWS), Frame.DEPTH20, 300, stored=True),
        Case(Part.JETSTREAM, (PUBLISH_ASYNC, WINDOW, ORDERED), Frame.TICKER, stored=True),
        Case(Part.START, (STRAIGHTFORWARD, WEBSOCKETS)),
    ],
    ids=Case.key,
)
async def test_every_client_has_its_turn(case: Case) -> None:
    results = await measured(case)

    for figures in results.rounds.values():
        assert all(value > 0 for values in figures.values() for value in values)


async def test_clients_with_tls_trust_the_exchange_of_the_run() -> None:
    if not Authority.available():
        pytest.skip("needs the openssl command")

    await measured(Case(Part.TLS, (PICOWS_TLS, WEBSOCKETS_TLS)))


async def test_the_control_is_measured_in_turns_with_the_relay() -> None:
    case = Case(Part.LATENCY, (PICOWS,), Frame.TICKER, rates=(1_000, 2_000))

    results = await measured(case)

    for key in case.keys:
        assert results.median(key, PICOWS, "control p50")
        assert results.median(key, PICOWS, "p99.9")


async def test_a_burst_is_accounted_for() -> None:
    results = await measured(Case(Part.BURST, (WEBSOCKETS,), rates=(100, 1_000)))

    assert results.median("burst/trade/3/core", WEBSOCKETS, "lost") == 0
    assert results.median("burst/trade/3/core", WEBSOCKETS, "dropped") == 0


async def test_a_client_that_ends_is_left_out_and_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = replace(
        clients.CLIENTS[SPLICED], command=lambda _job: ["false", str(tmp_path)], speed=100
    )
    monkeypatch.setitem(clients.CLIENTS, SPLICED, broken)
    results = Results()

    await run([Case(Part.THROUGHPUT, (STRAIGHTFORWARD, SPLICED))], SHORT, results)

    assert [client for _, client in results.rounds] == [STRAIGHTFORWARD]
    assert list(results.not_run) == [f"throughput: trade, 3 streams: {SPLICED}"]
    assert "the client ended with code 1" in next(iter(results.not_run.values()))

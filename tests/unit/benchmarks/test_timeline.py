"""When messages came."""

import pytest

from benchmarks.timeline import CLIENT, CONTROL, Seen, Sent, delays, latency, lost

PHASES = [
    Sent(CLIENT, 1000, 2, start=100, end=199, late=0),
    Sent(CONTROL, 1000, 2, start=200, end=299, late=0),
    Sent(CLIENT, 1000, 1, start=300, end=399, late=0),
]


def test_delays_belong_to_the_phase_that_a_message_was_sent_in() -> None:
    seen = Seen(sent=[100, 150, 200, 299, 350], read=[190, 230, 203, 301, 352])

    assert delays(seen, PHASES) == {
        (CLIENT, 1000): [2, 80, 90],
        (CONTROL, 1000): [2, 3],
    }


def test_the_client_adds_what_it_takes_more_than_the_control() -> None:
    found = {(CLIENT, 10): [3_000_000, 5_000_000], (CONTROL, 10): [1_000_000, 2_500_000]}

    told = latency(found, 10)

    assert (told["p50"], told["control p50"], told["added p50"]) == (3.0, 1.0, 2.0)
    assert told["added p99.9"] == pytest.approx(2.5)


def test_what_did_not_come_is_lost() -> None:
    assert lost(Seen(sent=[100, 150, 200], read=[101, 151, 201]), PHASES) == 2
    assert lost(Seen(sent=[100] * 6, read=[101] * 6), PHASES) == -1

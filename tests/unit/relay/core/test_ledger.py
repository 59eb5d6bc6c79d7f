import json

from hypothesis import given
from hypothesis import strategies as st

from streamset_relay.core.ledger import Ledger

COUNTS = st.integers(0, 10**12)
REASONS = st.dictionaries(st.sampled_from(["not_json", "expired", "buffer_full"]), COUNTS)


@given(COUNTS, COUNTS, COUNTS, REASONS, COUNTS, st.integers(-5, 5))
def test_the_difference_is_what_is_unaccounted_for(
    published: int,
    unconfirmed: int,
    in_flight: int,
    dropped: dict[str, int],
    duplicate: int,
    lost: int,
) -> None:
    accounted = published + unconfirmed + in_flight + sum(dropped.values()) + duplicate
    ledger = Ledger(accounted + lost, published, unconfirmed, in_flight, dropped, duplicate)

    assert ledger.difference == lost
    assert ledger.dropped_total == sum(dropped.values())


def test_it_is_written_as_json() -> None:
    ledger = Ledger(12, 5, 1, 2, {"expired": 3}, 1)

    assert json.loads(json.dumps(ledger.as_dict())) == {
        "received": 12,
        "published": 5,
        "unconfirmed": 1,
        "duplicate": 1,
        "dropped": {"expired": 3},
        "in_flight": 2,
        "difference": 0,
    }


def test_on_jetstream_what_is_acked_takes_the_place_of_what_is_published() -> None:
    ledger = Ledger(12, 0, 0, 2, {"unacked_expired": 3}, 1, acked=5)

    assert ledger.as_dict() == {
        "received": 12,
        "acked": 5,
        "duplicate": 1,
        "dropped": {"unacked_expired": 3},
        "in_flight": 2,
        "difference": 1,
    }
    assert ledger.processed == 5


def test_records_of_events_were_not_received_and_go_the_same_way() -> None:
    ledger = Ledger(12, 9, 1, 2, {"expired": 3}, records=3)

    assert ledger.difference == 0
    assert list(ledger.as_dict())[:2] == ["received", "records"]
    assert ledger.as_dict()["records"] == 3

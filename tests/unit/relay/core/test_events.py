"""The journal, read as a consumer reads it: off the wire."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from streamset_api.enums import Overflow
from streamset_api.market import Market
from streamset_relay.core import events as module
from streamset_relay.core.batch import Batch, Room
from streamset_relay.core.envelope import encode
from streamset_relay.core.events import FULL, SUM_INTERVAL, Journal, Kind, Seat
from streamset_relay.core.losses import Reason
from streamset_relay.core.sequence import Cut, Gap, Interruption, Lapse, Note, Reset
from streamset_relay.core.stream import Stream
from streamset_relay.errors import ConnectFailed, ConnectionLost, ConnectionStalled

from .frames import ROOT
from .test_envelope import parse

SECOND = 1_000_000_000
AT = 1_700_000_000 * SECOND
LOST = Interruption(Cut.DISCONNECTED, AT - 5 * SECOND)
TRADE = Stream("btcusdt@trade", Market.SPOT, "s", Overflow.DROP_NEWEST)
SEAT = Seat(1, "wss://exchange/stream", ("btcusdt@trade", "币@ticker"))
ALL = Room(1 << 30, 1 << 40)
ENVELOPE = ["timestamp", "message_id", "source", "version"]
COMMON = {"relay": "majors-0", "market": "spot", "source": "binance-websocket", "version": "1.0"}


def journal(relay: str = "majors-0") -> Journal:
    return Journal("binance.events", Market.SPOT, relay)


def batch(*notes: Note, at: int = AT) -> Batch:
    return Batch(at, 100.0, [(TRADE, b"{}", 9)], 2, notes)


def read(a_journal: Journal) -> list[dict[str, Any]]:
    """Everything that waits, as it arrives."""
    published = parse(encode(a_journal.take(200.0, ALL), 1 << 20).wire)
    assert {subject for subject, _ in published} <= {"binance.events"}
    return [json.loads(body) for _, body in published]


def only(a_journal: Journal) -> dict[str, Any]:
    (record,) = read(a_journal)
    assert list(record)[:3] == ["type", "relay", "market"]
    assert list(record)[-4:] == ENVELOPE
    assert a_journal.recorded == {record["type"]: 1}
    own = {key: value for key, value in record.items() if key not in ("timestamp", "message_id")}
    assert {key: own.pop(key) for key in COMMON} == COMMON
    return own


def time(seconds: int) -> str:
    moment = datetime.fromtimestamp(AT // SECOND + seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


GAP = {"type": "gap", "stream": "btcusdt@trade", "from": 5, "to": 7, "missing": 3, "cause": None}
UNTIMED = {"since": None, "until": None}


@pytest.mark.parametrize(
    ("note", "record"),
    [
        (Gap("btcusdt@trade", 5, 7, 3), GAP | UNTIMED | {"reason": "exchange"}),
        (
            Gap("btcusdt@trade", 5, 7, None, LOST),
            GAP | {"missing": None, "reason": "disconnected", "since": time(-5), "until": time(0)},
        ),
        (
            Gap("btcusdt@trade", 5, 7, 3, Interruption(Cut.ROTATION, AT)),
            GAP | {"reason": "rotation", "since": time(0), "until": time(0)},
        ),
        (
            Lapse("币@ticker", LOST),
            {
                **GAP,
                "stream": "币@ticker",
                "from": None,
                "to": None,
                "missing": None,
                "reason": "disconnected",
                "since": time(-5),
                "until": time(0),
            },
        ),
        (
            Reset("btcusdt@trade", 900, 1),
            {
                "type": "reset",
                "stream": "btcusdt@trade",
                "last": 900,
                "first": 1,
                "reason": "exchange",
                **UNTIMED,
            },
        ),
        (
            Reset("btcusdt@trade", 900, 1, LOST),
            {
                "type": "reset",
                "stream": "btcusdt@trade",
                "last": 900,
                "first": 1,
                "reason": "disconnected",
                "since": time(-5),
                "until": time(0),
            },
        ),
    ],
    ids=["exchange", "disconnected", "rotation", "lapse", "reset", "reset-disconnected"],
)
def test_what_messages_have_shown(note: Note, record: dict[str, Any]) -> None:
    a_journal = journal()
    a_journal.note(batch(note))

    assert only(a_journal) == record


def test_what_is_missing_after_a_takeover() -> None:
    a_journal = journal()
    a_journal.take_over([Gap("btcusdt@trade", 5, 7, 3)], batch())

    assert only(a_journal) == GAP | UNTIMED | {"reason": "takeover"}


@pytest.mark.parametrize(
    ("down_since", "since", "seconds"),
    [(None, None, None), (AT - 3 * SECOND, time(-3), 3.0)],
)
def test_a_connection_opens(down_since: int | None, since: str | None, seconds: float) -> None:
    a_journal = journal()
    a_journal.connect(SEAT, 3, down_since, AT)

    assert only(a_journal) == {
        "type": "connect",
        "connection": 1,
        "url": "wss://exchange/stream",
        "attempts": 3,
        "since": since,
        "down_seconds": seconds,
    }


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (ConnectionLost(1008, "Too many requests"), 1008, "Too many requests"),
        (ConnectionStalled("neither frame nor ping"), None, "neither frame nor ping"),
        (ConnectFailed("u", "no route"), None, "cannot connect to u: no route"),
    ],
)
def test_a_connection_is_lost(error: Any, code: int | None, reason: str) -> None:
    a_journal = journal()
    a_journal.disconnect(SEAT, error, AT - SECOND, AT)

    assert only(a_journal) == {
        "type": "disconnect",
        "connection": 1,
        "url": "wss://exchange/stream",
        "code": code,
        "reason": reason,
        "since": time(-1),
        "streams": ["btcusdt@trade", "币@ticker"],
        "streams_count": 2,
    }


def test_a_connection_takes_over() -> None:
    a_journal = journal()
    a_journal.rotation(SEAT, "age", "ended", ["btcusdt@trade"], AT - SECOND, AT)

    assert only(a_journal) == {
        "type": "rotation",
        "connection": 1,
        "url": "wss://exchange/stream",
        "reason": "age",
        "outcome": "ended",
        "since": time(-1),
        "unaligned": ["btcusdt@trade"],
        "unaligned_count": 1,
    }


def test_of_too_many_streams_the_number_stays() -> None:
    a_journal = journal()
    names = [f"a-rather-long-symbol-{number}@ticker" for number in range(1_024)]
    a_journal.disconnect(Seat(1, "u", names), ConnectionLost(1006), AT, AT)

    record = only(a_journal)
    assert (record["streams"], record["streams_count"]) == (None, 1_024)


def test_two_relays_name_what_numbers_show_alike() -> None:
    one, other = journal("majors-0"), journal("majors-1")
    for each, at in ((one, AT), (other, AT + SECOND)):
        each.note(batch(Gap("btcusdt@trade", 5, 7, 3), Reset("btcusdt@trade", 9, 2), at=at))
        each.note(batch(Lapse("btcusdt@ticker", LOST), Gap("btcusdt@trade", 5, 8, 4), at=at))
    ids = [[record["message_id"] for record in read(each)] for each in (one, other)]

    assert [a == b for a, b in zip(*ids, strict=True)] == [True, True, False, True]
    assert len(set(ids[0])) == 4
    assert all(ids[0][nth].startswith(TRADE.message_id.decode()) for nth in (0, 1, 3))


def test_losses_are_written_down_once_a_second() -> None:
    a_journal = journal()
    for number in (4, 5):
        a_journal.losses.drop([(TRADE, b"{}", number)], AT + number, "expired")
        a_journal.sum_up(50.0 + number, AT)
        a_journal.losses.drop([(TRADE, b"{}", 40 + number)], AT + number, "expired")
        a_journal.sum_up(50.0 + number + SUM_INTERVAL / 2, AT)

    shown = [(r["from"], r["to"], r["missing"], r["reason"], r["cause"]) for r in read(a_journal)]
    assert shown == [(4, 4, 1, "dropped", "expired"), (5, 44, 2, "dropped", "expired")]
    a_journal.sum_up(55.9, AT, last=True)
    assert only_numbers(a_journal) == [(45, 45)]


def only_numbers(a_journal: Journal) -> list[tuple[Any, Any]]:
    return [(record["from"], record["to"]) for record in read(a_journal)]


def test_a_record_that_may_not_have_arrived_is_repeated_as_it_was() -> None:
    a_journal = journal()
    a_journal.note(batch(Gap("btcusdt@trade", 5, 7, 3)))
    taken = a_journal.take(0.0, ALL)
    (before,) = parse(encode(taken, 1 << 20).wire)
    for each in taken:
        a_journal.losses.doubt(each.messages, each.received_at)
    a_journal.sum_up(0.0, AT + 9 * SECOND)

    (after,) = parse(encode(a_journal.take(1.0, ALL), 1 << 20).wire)
    assert after == before
    assert a_journal.recorded == {"gap": 2}


def test_what_waits_fills_the_room_and_leaves_in_order() -> None:
    a_journal = journal()
    for number in range(5):
        a_journal.note(batch(Gap("btcusdt@trade", number, number, 1)))

    taken = a_journal.take(77.0, Room(2, 1 << 20))
    assert len(taken) == 2
    assert {each.arrived for each in taken} == {77.0}, "it has not waited for its time to live"
    assert len(a_journal.take(77.0, Room(10, 1))) == 1
    assert only_numbers(a_journal) == [(3, 3), (4, 4)]
    assert not a_journal.waiting


@pytest.mark.parametrize("limit", ["LIMIT", "SIZE_LIMIT"])
def test_while_too_many_wait_gaps_are_summed_up_and_the_rest_is_dropped(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, limit, 2 if limit == "LIMIT" else 250)
    a_journal = journal()
    for number in (1, 3, 5, 9):
        a_journal.note(batch(Gap("btcusdt@trade", number, number, 1)))
    a_journal.note(batch(Reset("btcusdt@trade", 9, 1)))
    a_journal.sum_up(0.0, AT)  # nothing is taken: it stays summed up

    assert len(a_journal.waiting) == 2
    assert a_journal.dropped == {FULL: 1}
    assert only_numbers(a_journal) == [(1, 1), (3, 3)]
    a_journal.sum_up(SUM_INTERVAL, AT)
    (record,) = read(a_journal)
    assert (record["from"], record["to"], record["missing"]) == (5, 9, 2)
    assert (record["reason"], record["since"]) == ("exchange", time(0))
    assert a_journal.recorded == {"gap": 3, "reset": 1}


def test_what_is_left_at_the_end_is_counted() -> None:
    a_journal = journal()
    a_journal.connect(SEAT, 1, None, AT)
    a_journal.drop_all("shutdown")
    a_journal.drop_all("shutdown")

    assert (a_journal.dropped, read(a_journal)) == ({"shutdown": 1}, [])


def test_without_a_subject_nothing_is_written() -> None:
    a_journal = Journal()
    a_journal.note(batch(Gap("btcusdt@trade", 5, 7, 3), Lapse("x", LOST), Reset("x", 9, 1)))
    a_journal.take_over([Gap("btcusdt@trade", 5, 7, 3)], batch())
    a_journal.connect(SEAT, 1, None, AT)
    a_journal.disconnect(SEAT, ConnectionLost(1006), AT, AT)
    a_journal.rotation(SEAT, "age", "late", [], AT, AT)
    a_journal.losses.drop([(TRADE, b"{}", 1)], AT, "expired")
    a_journal.sum_up(0.0, AT)

    assert not a_journal.waiting
    assert (a_journal.recorded, a_journal.dropped) == ({}, {})


@pytest.mark.parametrize("word", [*Kind, *Reason])
def test_every_word_is_explained(word: str) -> None:
    """A record's type and a gap's reason are what consumers decide by."""
    text = (ROOT / "docs/relay.md").read_text("utf-8")

    assert f"| `{word}` |" in text

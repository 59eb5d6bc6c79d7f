import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamset_api.nats import Discard, JetStreamCreate, Storage
from streamset_relay.core.stream_info import Right, Wanted, Wrong, create_request, judge, matcher
from streamset_relay.core.trouble import Trouble

SECOND = 1_000_000_000
WANTED = Wanted("S", 120.0, "md.*.*")
SUBJECTS = ["md.btcusdt.trade", "md.ethusdt.trade"]


def info(**config: Any) -> bytes:
    """The server's answer for a stream that is right, but for `config`."""
    right = {"name": "S", "subjects": ["md.>"], "duplicate_window": 120 * SECOND, "no_ack": False}
    answer = {"type": "io.nats.jetstream.api.v1.stream_info_response", "config": right | config}
    return json.dumps(answer).encode()


def failed(err_code: int, request: str = "stream_info_response") -> bytes:
    error = {"code": 404, "err_code": err_code, "description": "words"}
    return json.dumps({"type": f"io.nats.jetstream.api.v1.{request}", "error": error}).encode()


def test_a_stream_that_will_do() -> None:
    verdict = judge(info(), WANTED, SUBJECTS)

    assert isinstance(verdict, Right)
    assert verdict.max_size is None
    assert verdict.bound.fullmatch("md.x.y")
    assert not verdict.bound.fullmatch("other")


def test_its_own_bound_of_a_message() -> None:
    verdict = judge(info(max_msg_size=500), WANTED, SUBJECTS)

    assert isinstance(verdict, Right)
    assert verdict.max_size == 500


@pytest.mark.parametrize(
    ("config", "trouble", "words"),
    [
        (
            {"duplicate_window": 119 * SECOND},
            Trouble.WINDOW_TOO_SHORT,
            "119 s; 120 s are asked for",
        ),
        ({"subjects": ["md.btcusdt.*"]}, Trouble.SUBJECT_NOT_BOUND, "not to md.ethusdt.trade"),
        ({"subjects": []}, Trouble.SUBJECT_NOT_BOUND, "md."),
        ({"no_ack": True}, Trouble.NO_ACKS, "no_ack"),
        ({"sealed": True}, Trouble.NOT_WRITABLE, "sealed"),
        ({"mirror": {"name": "O"}, "subjects": []}, Trouble.NOT_WRITABLE, "mirror"),
    ],
)
def test_a_stream_that_will_not_do(config: dict[str, Any], trouble: Trouble, words: str) -> None:
    verdict = judge(info(**config), WANTED, SUBJECTS)

    assert isinstance(verdict, Wrong)
    assert verdict.trouble is trouble
    assert words in verdict.text


@pytest.mark.parametrize(
    ("reply", "trouble"),
    [
        (failed(10059), Trouble.STREAM_MISSING),
        (failed(10008), Trouble.UNAVAILABLE),
        (failed(10074, "stream_create_response"), Trouble.NOT_CREATED),
        (b"{}", Trouble.UNAVAILABLE),
        (b"[", Trouble.UNAVAILABLE),
        (b"[" * 9_999, Trouble.UNAVAILABLE),
    ],
)
def test_answers_without_a_stream(reply: bytes, trouble: Trouble) -> None:
    verdict = judge(reply, WANTED, SUBJECTS)

    assert isinstance(verdict, Wrong)
    assert verdict.trouble is trouble


@given(st.binary())
def test_it_never_raises(reply: bytes) -> None:
    assert isinstance(judge(reply, WANTED, SUBJECTS), Wrong)


def test_the_request_for_a_new_stream() -> None:
    create = JetStreamCreate(
        subjects=("a.>", "b"),
        storage=Storage.MEMORY,
        replicas=3,
        max_age_seconds=60,
        max_bytes=1_000,
        discard=Discard.NEW,
    )

    assert json.loads(create_request(WANTED, create)) == {
        "name": "S",
        "subjects": ["a.>", "b"],
        "storage": "memory",
        "num_replicas": 3,
        "max_age": 60 * SECOND,
        "max_bytes": 1_000,
        "discard": "new",
        "duplicate_window": 120 * SECOND,
    }
    assert json.loads(create_request(WANTED, JetStreamCreate()))["subjects"] == ["md.*.*"]


@pytest.mark.parametrize(
    ("filters", "subject", "matches"),
    [
        (["a.b"], "a.b", True),
        (["a.b"], "a.b.c", False),
        (["a.*"], "a.b", True),
        (["a.*"], "a", False),
        (["a.*"], "a.b.c", False),
        (["a.*.c"], "a.b.c", True),
        (["a.>"], "a.b.c", True),
        (["a.>"], "a", False),
        ([">"], "anything.at.all", True),
        (["x", "a.>"], "a.b", True),
        (["a+b.(c)"], "a+b.(c)", True),
        (["a.b"], "aXb", False),
        ([], "a", False),
    ],
)
def test_subjects_match_as_nats_has_it(filters: list[str], subject: str, matches: bool) -> None:
    assert bool(matcher(filters).fullmatch(subject)) is matches


@pytest.mark.parametrize(
    ("events", "subjects"),
    [
        (None, ["md.*.*"]),
        ("binance.events", ["md.*.*", "binance.events"]),
        ("md.relay.events", ["md.*.*"]),  # the server refuses subjects that overlap
        ("md.events", ["md.*.*", "md.events"]),
    ],
)
def test_a_stream_that_is_made_listens_to_events_too(
    events: str | None, subjects: list[str]
) -> None:
    wanted = Wanted("S", 120.0, "md.*.*", events=events)

    assert json.loads(create_request(wanted, JetStreamCreate()))["subjects"] == subjects
    named = JetStreamCreate(subjects=("x.>",))
    assert json.loads(create_request(wanted, named))["subjects"] == ["x.>"]

"""The control protocol against the documented samples, and what the live hosts do beyond them."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange_simulator.core.protocol import (
    Answer,
    Close,
    Manners,
    Session,
    answer,
    error_text,
    open_session,
    shutdown_text,
)

DATA = Path(__file__).parents[2] / "data" / "docs-samples.jsonl"
SAMPLES = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]
NESTED = Manners()
FLAT = Manners(error_shape="flat")
STRICT = Manners(any_id=False)
EMPTY = Session(combined=False)


def sample(section: str, role: str) -> str:
    found = [s["frame"] for s in SAMPLES if s["section"] == section and s["role"] == role]
    assert found, section
    return str(found[0])


def request(method: str, *params: Any, identity: object = 1) -> str:
    return json.dumps({"method": method, "params": list(params), "id": identity})


def error(answered: Answer) -> dict[str, Any]:
    assert answered.reply is not None
    reply = json.loads(answered.reply)
    found: dict[str, Any] = reply["error"]
    return found


@pytest.mark.parametrize(
    ("section", "before", "after"),
    [
        ("Subscribe to a stream", (), {"btcusdt@aggTrade", "btcusdt@depth"}),
        ("Unsubscribe to a stream", ("btcusdt@depth", "btcusdt@trade"), {"btcusdt@trade"}),
        ("Listing Subscriptions", ("btcusdt@aggTrade",), {"btcusdt@aggTrade"}),
        ("Setting Properties", (), set()),
    ],
)
def test_documented_requests_get_the_documented_replies(
    section: str, before: tuple[str, ...], after: set[str]
) -> None:
    answered = answer(sample(section, "client->server"), EMPTY.add(before), NESTED)

    assert answered.reply == sample(section, "server->client")
    assert answered.session.streams == after


def test_properties_read_back_as_they_were_set() -> None:
    assert not EMPTY.combined
    combined = answer(sample("Setting Properties", "client->server"), EMPTY, NESTED).session
    reply = answer(sample("Retrieving Properties", "client->server"), combined, NESTED).reply

    assert combined.combined
    assert reply == sample("Retrieving Properties", "server->client")


DOCUMENTED_ERRORS = [
    json.loads(s["frame"].replace(": %s", ": 0").replace("%s", "`0`"))
    for s in SAMPLES
    if s["section"].startswith("Error Messages") and s["provenance"].startswith("binance/")
]


@pytest.mark.parametrize(
    ("message", "code", "text"),
    [
        (request("SET_PROPERTY", "colour", True), 0, "Unknown property"),
        (request("GET_PROPERTY", "colour"), 0, "Unknown property"),
        (request("SET_PROPERTY", "combined", 1), 1, "Invalid value type: expected Boolean"),
        (request("SET_PROPERTY", "combined"), 1, "Invalid value type: expected Boolean"),
        (request("GET_PROPERTY", 1), 2, "Invalid request: property name must be a string"),
        (request("GET_PROPERTY", "combined", 2), 2, "Invalid request: too many parameters"),
        (request("LIST_SUBSCRIPTIONS", "x"), 2, "Invalid request: too many parameters"),
        (
            request("SUBSCRIBE", identity=1.5),
            2,
            "Invalid request: request ID must be an unsigned integer",
        ),
    ],
)
def test_documented_errors(message: str, code: int, text: str) -> None:
    answered = answer(message, EMPTY, NESTED)

    assert error(answered) == {"code": code, "msg": text}
    assert answered.session == EMPTY
    assert (code, text) in [(known["code"], known["msg"]) for known in DOCUMENTED_ERRORS]


@pytest.mark.parametrize(
    ("message", "code", "text"),
    [
        (
            '{"method":"SUBSCRIBE","params":["a@trade"],"id":1',
            3,
            "Invalid JSON: expected value at line 1",
        ),
        ('{"id":1}', 2, "Invalid request: missing field `method` at line 1 column 8"),
        (
            '{"method":"subscribe","id":1}',
            2,
            "Invalid request: unknown variant `subscribe`, expected one of",
        ),
        ('{"method":7,"id":1}', 2, "Invalid request: unknown variant 7"),
        ('["SUBSCRIBE"]', 2, "Invalid request: "),
        ('{"method":"SUBSCRIBE","params":"a@trade"}', 2, "Invalid request: invalid type"),
        ('{"method":"SUBSCRIBE","params":[1]}', 2, "Invalid request: invalid type"),
        ('{"method":"SUBSCRIBE"}', 2, "Invalid request: missing field `params`"),
        ("[" * 5000, 3, "Invalid JSON: "),
    ],
)
def test_malformed_requests(message: str, code: int, text: str) -> None:
    found = error(answer(message, EMPTY, NESTED))

    assert found["code"] == code
    assert found["msg"].startswith(text)


def test_error_shapes() -> None:
    message = request("SET_PROPERTY", "combined", "yes", identity=9)
    unknown = request("GET_PROPERTY", "colour", identity=9)

    assert answer(message, EMPTY, NESTED).reply == (
        '{"error":{"code":1,"msg":"Invalid value type: expected Boolean"},"id":9}'
    )
    assert answer(message, EMPTY, FLAT).reply == (
        '{"code":1,"msg":"Invalid value type: expected Boolean"}'
    )
    assert answer(unknown, EMPTY, FLAT).reply == '{"code":0,"msg":"Unknown property","id":9}'
    assert error_text(2, "x", None, NESTED) == '{"error":{"code":2,"msg":"x"},"id":null}'


@pytest.mark.parametrize(
    "identity", [None, 0, -5, (1 << 63) - 1, "abc", "x" * 36, "e2a85d9f-07a5-4f94"]
)
def test_spot_takes_many_kinds_of_id(identity: object) -> None:
    reply = answer(request("SUBSCRIBE", identity=identity), EMPTY, NESTED).reply

    assert reply is not None
    assert json.loads(reply) == {"result": None, "id": identity}


@pytest.mark.parametrize("identity", [-1, "abc", True, 1 << 63, [1]])
def test_futures_take_unsigned_integers_only(identity: object) -> None:
    assert error(answer(request("SUBSCRIBE", identity=identity), EMPTY, STRICT))["code"] == 2


@pytest.mark.parametrize("message", ["hello", "", "SUBSCRIBE btcusdt@trade", b"\x00\x01", b"{}"])
def test_what_is_not_json_ends_the_connection(message: str | bytes) -> None:
    answered = answer(message, EMPTY, NESTED)

    assert answered.reply is None
    assert answered.close == Close(1008, "Invalid request", "invalid_request")


def test_a_long_message_drops_the_connection() -> None:
    short = request("SUBSCRIBE").ljust(8000)

    assert answer(short, EMPTY, NESTED).close is None
    dropped = answer(short + " ", EMPTY, NESTED).close
    assert dropped is not None
    assert dropped.code == 1006


def test_unknown_streams_are_acknowledged_and_listed() -> None:
    session = answer(request("SUBSCRIBE", "BTCUSDT@TRADE", "no such"), EMPTY, NESTED).session

    listed = answer('{"method":"LIST_SUBSCRIPTIONS","id":3}', session, NESTED).reply
    assert listed == '{"result":["BTCUSDT@TRADE","no such"],"id":3}'


def test_one_stream_too_many_loses_the_connection() -> None:
    manners = Manners(max_streams=3)
    full = answer(request("SUBSCRIBE", "a", "b", "c", "c"), EMPTY, manners)
    assert full.close is None

    again = answer(request("SUBSCRIBE", "a"), full.session, manners)
    over = answer(request("SUBSCRIBE", "d"), full.session, manners)

    assert again.close is None
    assert error(over) == {"code": 4, "msg": "Too many subscriptions"}
    assert over.close is not None
    assert over.close.code == 1008


def test_streams_of_the_url_count_towards_the_limit() -> None:
    assert open_session(("a", "b"), combined=True, manners=Manners(max_streams=2)).close is None
    assert open_session(("a", "b"), combined=True, manners=Manners(max_streams=1)).close is not None


def test_server_shutdown_in_both_shapes() -> None:
    shutdowns = [s["frame"] for s in SAMPLES if s["section"] == "Server Shutdown"]

    assert [
        shutdown_text(1770123456789, combined=combined) for combined in (False, True)
    ] == shutdowns


NAMES = st.sampled_from([f"{symbol}@trade" for symbol in "abcdefgh"])


@given(
    st.lists(st.tuples(st.sampled_from(["SUBSCRIBE", "UNSUBSCRIBE"]), st.lists(NAMES, max_size=4)))
)
def test_any_sequence_of_requests_leaves_the_set_it_describes(
    requests: list[tuple[str, list[str]]],
) -> None:
    session, model = EMPTY, set[str]()
    for method, names in requests:
        session = answer(request(method, *names), session, NESTED).session
        model = model.union(names) if method == "SUBSCRIBE" else model.difference(names)

    assert session.streams == model
    assert sorted(session.order) == sorted(model)


@given(
    st.text(max_size=80)
    | st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["method", "params", "id", "x"]),
                inner | st.just("SUBSCRIBE"),
                max_size=4,
            )
        ),
    ).map(json.dumps)
)
def test_every_text_gets_a_reply_or_a_close(message: str) -> None:
    answered = answer(message, EMPTY, STRICT)

    assert (answered.reply is None) != (answered.close is None)
    if answered.reply is not None:
        json.loads(answered.reply)

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamset_relay.core.subscription import (
    MAX_MESSAGE_BYTES,
    MAX_PARAMS,
    Refusal,
    Subscriptions,
)

PER_SECOND = 4.0
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=128)


class Exchange:
    """Takes the messages of one connection, as often as the rate allows, and remembers its streams."""

    def __init__(self, subscriptions: Subscriptions) -> None:
        self.subscriptions = subscriptions
        self.now = 0.0
        self.sent: list[tuple[float, str, tuple[str, ...]]] = []
        self.ids: list[int] = []
        self.streams: set[str] = set()

    def connect(self) -> None:
        self.streams.clear()
        self.subscriptions.reset()

    def receive(self) -> bool:
        """Take the next message, if one is due now."""
        text = self.subscriptions.due(self.now)
        if text is None:
            return False
        assert len(text.encode()) < MAX_MESSAGE_BYTES
        message: dict[str, Any] = json.loads(text)
        assert list(message) == ["method", "params", "id"]
        method, params = message["method"], tuple(message["params"])
        assert 0 < len(params) <= MAX_PARAMS
        self.ids.append(message["id"])
        self.sent.append((self.now, method, params))
        if method == "SUBSCRIBE":
            self.streams.update(params)
        else:
            assert method == "UNSUBSCRIBE"
            assert self.streams.issuperset(params)
            self.streams.difference_update(params)
        return True

    def settle(self) -> list[tuple[str, tuple[str, ...]]]:
        """Take everything that waits; the messages of this time."""
        start = len(self.sent)
        while not self.subscriptions.idle:
            self.now += 0.25
            self.receive()
        return [(method, params) for _, method, params in self.sent[start:]]


def connected(streams: Iterable[str]) -> Exchange:
    exchange = Exchange(Subscriptions(streams, PER_SECOND))
    exchange.connect()
    exchange.settle()
    return exchange


@settings(deadline=None, max_examples=100)
@given(st.lists(NAMES, unique=True, max_size=60))
def test_a_new_connection_gets_each_stream_once(streams: list[str]) -> None:
    exchange = connected(streams)

    requested = [name for _, _, params in exchange.sent for name in params]
    assert requested == streams
    assert {method for _, method, _ in exchange.sent} <= {"SUBSCRIBE"}
    assert exchange.ids == list(range(1, len(exchange.sent) + 1))  # unsigned, as futures want it


@pytest.mark.parametrize(
    ("length", "count", "messages"), [(12, 1_024, 6), (128, 1_024, 35), (13, 200, 1), (13, 201, 2)]
)
def test_streams_go_out_in_few_messages(length: int, count: int, messages: int) -> None:
    exchange = connected(f"{number:x}@trade".rjust(length, "s") for number in range(count))

    assert len(exchange.sent) == messages
    assert len(exchange.streams) == count


@settings(deadline=None, max_examples=100)
@given(
    st.floats(0.5, 50),
    st.lists(st.tuples(st.floats(0, 2), st.sampled_from(["due", "spend", "renew"])), max_size=80),
)
def test_the_rate_holds_over_any_schedule(
    per_second: float, schedule: list[tuple[float, str]]
) -> None:
    subscriptions = Subscriptions([f"{n}@trade" for n in range(800)], per_second)
    subscriptions.reset()
    now = 0.0
    spent: list[float] = []
    for pause, what in schedule:
        now += pause
        if what == "renew":
            subscriptions.renew(["1@trade", "2@trade"])
        elif what == "spend":
            subscriptions.spend(now)
            spent.append(max(now, spent[-1] + 1 / per_second if spent else now))
        elif subscriptions.due(now) is not None:
            assert not spent or now >= spent[-1] + 1 / per_second - 1e-9
            spent.append(now)


def test_a_message_is_due_as_soon_as_the_rate_allows() -> None:
    subscriptions = Subscriptions(["a@trade"], PER_SECOND)
    subscriptions.reset()

    assert subscriptions.due(100.0) is not None
    subscriptions.renew(["a@trade"])
    assert subscriptions.due(100.2) is None
    assert subscriptions.due(100.25) is not None
    subscriptions.spend(100.25)  # a PING goes out too
    assert subscriptions.due(100.5) is None
    assert subscriptions.due(100.75) is not None
    assert subscriptions.due(200.0) is None


@settings(deadline=None, max_examples=100)
@given(st.sets(st.integers(0, 300)), st.sets(st.integers(0, 300)))
def test_a_changed_list_sends_the_difference_and_nothing_else(
    before: set[int], after: set[int]
) -> None:
    exchange = connected(f"{n}@trade" for n in before)

    exchange.subscriptions.want([f"{n}@trade" for n in after])
    messages = exchange.settle()

    sent: dict[str, list[str]] = {"SUBSCRIBE": [], "UNSUBSCRIBE": []}
    for method, params in messages:
        sent[method] += params
    assert sorted(sent["SUBSCRIBE"]) == sorted(f"{n}@trade" for n in after - before)
    assert sorted(sent["UNSUBSCRIBE"]) == sorted(f"{n}@trade" for n in before - after)
    exchange.subscriptions.want([f"{n}@trade" for n in sorted(after, reverse=True)])
    assert exchange.settle() == []


STREAMS = st.lists(st.sampled_from([f"{n}@ticker" for n in range(6)]), unique=True)
STEPS: st.SearchStrategy[tuple[str, list[str]]] = st.one_of(
    st.tuples(st.just("want"), STREAMS),
    st.tuples(st.just("renew"), STREAMS),
    st.tuples(st.sampled_from(["receive", "connect"]), st.just([])),
)


@settings(deadline=None, max_examples=100)
@given(STREAMS, st.lists(STEPS, max_size=30))
def test_in_the_end_the_exchange_has_what_is_wanted(
    first: list[str], steps: list[tuple[str, list[str]]]
) -> None:
    """Whatever changes while messages still wait; nothing is ever taken off that is not on."""
    exchange = Exchange(Subscriptions(first, PER_SECOND))
    exchange.connect()
    for what, streams in steps:
        if what == "want":
            exchange.subscriptions.want(streams)
        elif what == "renew":
            exchange.subscriptions.renew(streams)
        elif what == "connect":
            exchange.connect()
        else:
            exchange.now += 0.25
            exchange.receive()

    exchange.settle()

    assert exchange.streams == set(exchange.subscriptions.wanted)


def test_silent_streams_are_taken_off_and_on_again() -> None:
    exchange = connected(["a@ticker", "b@ticker", "c@trade"])

    exchange.subscriptions.renew(["b@ticker", "unknown@ticker"])

    assert exchange.settle() == [("UNSUBSCRIBE", ("b@ticker",)), ("SUBSCRIBE", ("b@ticker",))]


def two_requests() -> Exchange:
    """A connection on which requests 1 and 2 are unanswered."""
    exchange = connected(["a@trade"])
    exchange.subscriptions.want(["a@trade", "b@trade"])
    exchange.settle()
    assert exchange.ids == [1, 2]
    return exchange


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_answers_may_come_in_any_order(order: tuple[int, int]) -> None:
    subscriptions = two_requests().subscriptions
    for request in order:
        error = (2, "no") if request == 2 else None
        refusal = subscriptions.answer(request, error)
        assert refusal == (
            Refusal("SUBSCRIBE", ("b@trade",), 2, "no") if error is not None else None
        )

    assert list(subscriptions.refused) == ["b@trade"]


def test_an_error_without_an_id_belongs_to_the_oldest_open_request() -> None:
    subscriptions = two_requests().subscriptions
    for name in ("a@trade", "b@trade"):
        refusal = subscriptions.answer(None, (4, "Too many subscriptions"))

        assert refusal == Refusal("SUBSCRIBE", (name,), 4, "Too many subscriptions")
        assert subscriptions.refused[name] == refusal

    subscriptions = two_requests().subscriptions
    subscriptions.answer(1, None)
    subscriptions.answer(None, (2, "no"))
    assert list(subscriptions.refused) == ["b@trade"]


@pytest.mark.parametrize("request_id", [None, 0, 3, 99])
def test_an_error_nobody_asked_for_is_reported_and_blames_no_stream(request_id: int | None) -> None:
    subscriptions = two_requests().subscriptions
    for answered in (1, 2):
        subscriptions.answer(answered, None)

    assert subscriptions.answer(request_id, (2, "why")) == Refusal("?", (), 2, "why")
    assert subscriptions.answer(request_id, None) is None
    assert subscriptions.refused == {}


def test_a_refusal_lasts_until_the_stream_is_accepted_unwanted_or_reconnected() -> None:
    def refused() -> Exchange:
        exchange = connected(["a@ticker", "b@trade"])
        exchange.subscriptions.answer(1, (2, "no"))
        assert set(exchange.subscriptions.refused) == {"a@ticker", "b@trade"}
        return exchange

    accepted = refused()
    accepted.subscriptions.renew(["a@ticker"])
    accepted.settle()
    for request in accepted.ids[1:]:
        accepted.subscriptions.answer(request, None)
    assert set(accepted.subscriptions.refused) == {"b@trade"}

    unwanted = refused()
    unwanted.subscriptions.want(["b@trade"])
    assert set(unwanted.subscriptions.refused) == {"b@trade"}

    reconnected = refused()
    reconnected.connect()
    assert reconnected.subscriptions.refused == {}


def test_a_refused_unsubscribe_makes_no_stream_a_refused_one() -> None:
    exchange = connected(["a@trade", "b@trade"])
    exchange.subscriptions.answer(1, None)
    exchange.subscriptions.want(["b@trade"])
    exchange.settle()

    refusal = exchange.subscriptions.answer(2, (2, "no"))

    assert refusal == Refusal("UNSUBSCRIBE", ("a@trade",), 2, "no")
    assert exchange.subscriptions.refused == {}


def test_a_refusal_that_comes_after_the_stream_was_taken_off_is_of_no_concern() -> None:
    exchange = two_requests()
    exchange.subscriptions.want(["a@trade"])

    assert exchange.subscriptions.answer(2, (2, "no")) is not None

    assert exchange.subscriptions.refused == {}


def test_an_answer_from_the_connection_before_says_nothing() -> None:
    exchange = connected(["a@trade"])
    exchange.connect()
    exchange.settle()

    exchange.subscriptions.answer(1, (2, "no"))

    assert exchange.subscriptions.refused == {}
    exchange.subscriptions.answer(2, (2, "no"))
    assert set(exchange.subscriptions.refused) == {"a@trade"}


def test_it_is_settled_when_everything_was_sent_and_answered() -> None:
    exchange = connected(["a@trade"])
    settled = [exchange.subscriptions.settled]
    exchange.subscriptions.answer(1, None)
    settled.append(exchange.subscriptions.settled)
    exchange.subscriptions.want(["a@trade", "b@trade"])
    settled.append(exchange.subscriptions.settled)
    exchange.settle()
    settled.append(exchange.subscriptions.settled)
    exchange.subscriptions.answer(2, (2, "no"))
    settled.append(exchange.subscriptions.settled)

    assert settled == [False, True, False, False, True]

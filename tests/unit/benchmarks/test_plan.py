"""What is measured."""

from benchmarks.clients import CLIENTS, GO_CLIENTS
from benchmarks.plan import (
    GO_JSON,
    GUARD_PLAN,
    PICOWS,
    PICOWS_TLS,
    PLAN,
    STRAIGHTFORWARD,
    WEBSOCKETS,
    Case,
    Choice,
    Frame,
    Part,
    choose,
    reference,
)


def test_every_part_is_in_the_plan() -> None:
    assert {case.part for case in PLAN} == set(Part)


def test_every_frame_is_measured_with_every_number_of_streams() -> None:
    throughput = [case for case in PLAN if case.part is Part.THROUGHPUT and not case.stored]

    assert {(case.frame, case.streams) for case in throughput} == {
        (frame, streams) for frame in Frame for streams in (3, 200, 1024)
    }


def test_no_two_cases_share_a_key() -> None:
    keys = [key for case in PLAN for key in case.keys]

    assert len(set(keys)) == len(keys)


def test_the_guard_measures_what_a_whole_run_records() -> None:
    recorded = {key: case for case in PLAN for key in case.keys}

    for case in GUARD_PLAN:
        assert set(case.clients) <= set(recorded[case.key()].clients)
        assert not GO_CLIENTS & set(case.clients)


def test_clients_of_the_exchange_are_known() -> None:
    of_exchange = [case for case in PLAN if case.part is not Part.JETSTREAM]

    assert {name for case in of_exchange for name in case.clients} == set(CLIENTS)


def test_a_ratio_is_to_the_first_client_and_with_tls_to_the_same_one_without() -> None:
    throughput = Case(Part.THROUGHPUT, (STRAIGHTFORWARD, PICOWS))
    tls = Case(Part.TLS, (PICOWS, PICOWS_TLS))

    assert reference(throughput, PICOWS) == STRAIGHTFORWARD
    assert reference(tls, PICOWS_TLS) == PICOWS
    assert reference(tls, PICOWS) == PICOWS


def test_a_choice_of_nothing_is_everything() -> None:
    assert choose(PLAN, Choice(), frozenset()) == list(PLAN)


def test_a_choice_keeps_the_client_that_others_are_compared_with() -> None:
    plan = (Case(Part.THROUGHPUT, (STRAIGHTFORWARD, PICOWS, WEBSOCKETS)),)

    (case,) = choose(plan, Choice(clients=("picows",)), frozenset())

    assert case.clients == (STRAIGHTFORWARD, PICOWS)


def test_a_choice_is_by_part_frame_and_streams() -> None:
    choice = Choice(frozenset({Part.THROUGHPUT}), frozenset({Frame.TICKER}), frozenset({200}))

    assert [case.key() for case in choose(PLAN, choice, frozenset())] == [
        "throughput/ticker/200/core"
    ]


def test_who_cannot_run_here_is_left_out() -> None:
    plan = (Case(Part.START, (PICOWS, GO_JSON)), Case(Part.START, (GO_JSON,), streams=200))

    assert [case.clients for case in choose(plan, Choice(), GO_CLIENTS)] == [(PICOWS,)]

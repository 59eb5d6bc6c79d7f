from exchange_simulator.core.standing import (
    Acknowledgement,
    Rejection,
    Repeated,
    Standing,
    SubscribeError,
)


def test_a_fault_with_a_count_is_used_up() -> None:
    standing = Standing()
    standing.reject_upgrades = Repeated(Rejection(451), 2)

    assert [standing.on_upgrade(0.0) for _ in range(3)] == [Rejection(451), Rejection(451), None]
    assert standing.counts["reject_upgrades"] == 2


def test_a_fault_without_a_count_lasts_until_cleared() -> None:
    standing = Standing()
    standing.reject_upgrades = Repeated(Rejection(429, 7))

    assert all(standing.on_upgrade(float(at)) == Rejection(429, 7) for at in range(50))
    standing.clear()
    assert standing.on_upgrade(51.0) is None
    assert standing.counts["reject_upgrades"] == 50


def test_a_fault_with_a_duration_ends_by_itself() -> None:
    standing = Standing()
    standing.close_after_accept = Repeated(1001, until=10.0)

    assert standing.on_open(9.9) == 1001
    assert standing.on_open(10.0) is None


def test_acknowledgements_are_plain_unless_told() -> None:
    standing = Standing()
    assert standing.on_obeyed(0.0) == Acknowledgement()

    standing.acknowledge = Repeated(Acknowledgement(delay=2.0), 1)
    assert standing.on_obeyed(0.0).delay == 2.0
    standing.acknowledge = Repeated(Acknowledgement(sent=False), 1)
    assert not standing.on_obeyed(0.0).sent
    assert standing.on_obeyed(0.0) == Acknowledgement()
    assert standing.counts == {"delay_acks": 1, "drop_acks": 1}


def test_subscribe_errors() -> None:
    standing = Standing()
    standing.reply_error = Repeated(SubscribeError(2, "x", "flat"), 1)

    assert standing.on_subscribe(0.0) == SubscribeError(2, "x", "flat")
    assert standing.on_subscribe(0.0) is None

"""How far the sets are."""

from typing import Any

from benchmarks.operator.progress import Progress, is_ready, is_settled

KEY = ("bench-0", "set-0")


def found(
    observed: int = 1, ready: str = "False", accepted: str = "True", report: str | None = None
) -> dict[str, Any]:
    conditions = [{"type": "Accepted", "status": accepted}, {"type": "Ready", "status": ready}]
    relays = [] if report is None else [{"name": "set-0-0", "lastReportTime": report}]
    return {
        "metadata": {"namespace": KEY[0], "name": KEY[1], "generation": 1},
        "status": {"observedGeneration": observed, "conditions": conditions, "relays": relays},
    }


def test_a_set_that_nobody_has_seen_is_not_settled() -> None:
    unseen = found() | {"status": {"observedGeneration": -1}}

    assert not is_settled(unseen)
    assert is_settled(found())


def test_a_refused_set_or_an_older_generation_is_not_settled() -> None:
    assert not is_settled(found(accepted="False"))
    assert not is_settled(found(observed=0))
    assert not is_ready(found(observed=0, ready="True"))


def test_the_first_time_counts() -> None:
    progress = Progress()

    for now, state in enumerate([found(observed=0), found(), found(), found(ready="True")]):
        progress.take(state, float(now))
    progress.take(found(ready="True"), 9.0)

    assert progress.settled_at == {KEY: 1.0}
    assert progress.ready_at == {KEY: 3.0}


def test_a_set_that_is_no_longer_ready_has_fallen_back_until_it_is() -> None:
    progress = Progress()
    progress.take(found(), 0.0)
    assert progress.fell_back == 0

    progress.take(found(ready="True"), 1.0)
    progress.take(found(ready="Unknown"), 2.0)
    assert progress.fell_back == 1

    progress.take(found(ready="True"), 3.0)
    assert progress.fell_back == 0


def test_a_report_counts_once_however_often_the_set_changes() -> None:
    progress = Progress()

    for now, report in enumerate([None, "10:00:00", "10:00:00", "10:00:30"]):
        progress.take(found(report=report), float(now))

    assert progress.reports == 2
    assert progress.first_report_at == 1.0

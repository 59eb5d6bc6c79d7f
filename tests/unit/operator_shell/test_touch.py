from itertools import pairwise

from streamset_api.status import RelayReport
from streamset_operator.observed import ObservedRelay, PodState, Workload
from streamset_operator.touch import LONGEST, Touch, touches

POD = PodState(name="majors-0-x", ready=True, running=True)
ROLLED_OUT = Workload(rolled_out=True, available=True)


def relay(
    *,
    runs: str | None = "old",
    wanted: str = "new",
    workload: Workload = ROLLED_OUT,
    pod: PodState | None = POD,
) -> ObservedRelay:
    report = None if runs is None else RelayReport(name="majors-0", config_hash=runs)
    return ObservedRelay(
        name="majors-0", wanted_hash=wanted, streams=1, workload=workload, pod=pod, report=report
    )


def test_a_relay_that_runs_an_older_list_is_touched_at_once() -> None:
    assert touches([relay()], {}, 100.0) == {"majors-0": Touch("majors-0-x", "new", 1, 101.0)}


def test_not_again_before_its_time_and_then_after_longer_waits() -> None:
    known: dict[str, Touch] = {}
    times = []
    for now in range(200):
        due = touches([relay()], known, float(now))
        if due != known:
            times.append(now)
        known = due

    assert times[:6] == [0, 1, 3, 7, 15, 31]
    assert max(b - a for a, b in pairwise(times)) == LONGEST
    assert len({touch.annotation for touch in known.values()}) == 1


def test_each_touch_has_another_value() -> None:
    first = touches([relay()], {}, 0.0)
    second = touches([relay()], first, 10.0)

    assert first["majors-0"].annotation != second["majors-0"].annotation


def test_another_change_starts_anew() -> None:
    known = {"majors-0": Touch("majors-0-x", "new", 9, 1000.0)}

    assert touches([relay(wanted="newer")], known, 5.0)["majors-0"].count == 1


def test_others_are_left_alone() -> None:
    assert touches([relay(runs="new")], {}, 0.0) == {}
    assert touches([relay(runs=None)], {}, 0.0) == {}, "a new pod mounts what there is"
    assert touches([relay(pod=None)], {}, 0.0) == {}
    assert touches([relay(workload=Workload(rolled_out=False))], {}, 0.0) == {}

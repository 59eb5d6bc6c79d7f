from collections import Counter
from random import Random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from streamset_operator.queue import JITTER, Backoff, Queue

KEYS = ("a", "b", "c")
LONGEST = 300.0


def queue() -> Queue[str]:
    return Queue(Backoff(1.0, LONGEST), Random(1))


def test_a_key_is_in_the_queue_once() -> None:
    waiting = queue()
    waiting.add("a", 1.0)
    waiting.add("a", 2.0)

    assert waiting.take(5.0) == "a"
    assert waiting.take(5.0) is None


def test_the_earlier_time_counts() -> None:
    waiting = queue()
    waiting.add("a", 100.0)
    waiting.add("a", 1.0)

    assert waiting.take(0.5) is None
    assert waiting.take(1.0) == "a"


def test_a_key_that_comes_while_it_runs_comes_again_afterwards() -> None:
    waiting = queue()
    waiting.add("a", 0.0)
    assert waiting.take(0.0) == "a"
    waiting.add("a", 1.0)

    assert waiting.take(9.0) is None
    waiting.done("a")
    assert waiting.take(9.0) == "a"


def test_longest_due_first() -> None:
    waiting = queue()
    waiting.add("b", 2.0)
    waiting.add("a", 1.0)

    assert [waiting.take(9.0), waiting.take(9.0)] == ["a", "b"]


def test_waits_double_up_to_the_longest() -> None:
    backoff = Backoff(1.0, 8.0)
    delays = [backoff.delay(failures, Random(2)) for failures in (1, 2, 3, 4, 5, 1000)]

    assert all(
        least <= delay <= least * (1 + JITTER)
        for least, delay in zip((1, 2, 4, 8, 8, 8), delays, strict=True)
    )


def test_waits_of_many_sets_differ() -> None:
    rng = Random(3)

    assert len({Backoff(1.0, 8.0).delay(1, rng) for _ in range(20)}) == 20


def test_an_event_does_not_cut_a_retry_short_but_an_edit_does() -> None:
    waiting = queue()
    waiting.add("a", 0.0)
    waiting.take(0.0)
    waiting.failed("a", 0.0)

    waiting.add("a", 0.1, urgent=False)
    assert waiting.take(0.5) is None
    waiting.add("a", 0.2, urgent=True)
    assert waiting.take(0.5) == "a"


def test_an_edit_during_a_failing_run_counts() -> None:
    waiting = queue()
    waiting.add("a", 0.0)
    waiting.take(0.0)
    waiting.add("a", 0.1, urgent=True)

    assert waiting.failed("a", 0.2) <= 0.0
    assert waiting.take(0.2) == "a"


def test_the_api_server_decides_how_soon() -> None:
    waiting = queue()
    waiting.add("a", 0.0)
    waiting.take(0.0)
    waiting.add("a", 0.1, urgent=True)

    assert waiting.failed("a", 1.0, at_least=30.0) == 30.0
    assert waiting.take(30.9) is None


def test_success_forgets_failures() -> None:
    waiting = queue()
    for now in (0.0, 10.0, 20.0):
        waiting.add("a", now)
        waiting.take(now)
        waiting.failed("a", now)
    waiting.take(1000.0)
    waiting.done("a")
    waiting.add("a", 1000.0)
    waiting.take(1000.0)

    assert waiting.failed("a", 1000.0) <= 1 + JITTER


@settings(max_examples=60)
class Machine(RuleBasedStateMachine):
    """No key is lost, none runs twice at a time, whatever comes in between."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = queue()
        self.now = 0.0
        self.running: set[str] = set()
        self.owed: Counter[str] = Counter()

    @rule(key=st.sampled_from(KEYS), delay=st.floats(0, 50), urgent=st.booleans())
    def add(self, key: str, delay: float, urgent: bool) -> None:
        self.queue.add(key, self.now + delay, urgent=urgent)
        self.owed[key] = 1

    @rule(step=st.floats(0, 20))
    def wait(self, step: float) -> None:
        self.now += step

    @rule()
    def take(self) -> None:
        key = self.queue.take(self.now)
        if key is not None:
            assert key not in self.running
            self.running.add(key)
            self.owed[key] = 0

    @precondition(lambda self: self.running)
    @rule(fails=st.booleans())
    def end(self, fails: bool) -> None:
        key = min(self.running)
        self.running.discard(key)
        if fails:
            self.queue.failed(key, self.now)
            self.owed[key] = 1
        else:
            self.queue.done(key)

    @invariant()
    def what_is_owed_comes(self) -> None:
        waiting = {key for key, owed in self.owed.items() if owed} - self.running
        due = self.queue.next_due()
        assert (due is None) == (not waiting)
        assert due is None or due <= self.now + LONGEST * (1 + JITTER)
        assert self.queue.running == len(self.running)


TestMachine = Machine.TestCase

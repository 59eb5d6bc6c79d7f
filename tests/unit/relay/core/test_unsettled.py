"""The writes to core NATS against a session of any luck: what is in doubt is what was lost, and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from streamset_api.enums import Overflow
from streamset_api.market import Market
from streamset_relay.core.batch import Batch
from streamset_relay.core.losses import Losses
from streamset_relay.core.stream import Stream
from streamset_relay.core.unsettled import Unsettled

TRADE = Stream("btcusdt@trade", Market.SPOT, "s", Overflow.DROP_NEWEST)


class Session:
    """Counts as the session does: a PONG confirms whole writes, a loss takes all that is pending."""

    def __init__(self) -> None:
        self.written = self.published = self.lost = self.denied = 0
        self.losses = Losses()
        self.unsettled = Unsettled(self.losses)
        self.doubtful: list[int] = []
        self.marks: list[int] = []

    def write(self, count: int) -> None:
        messages = [(TRADE, b"{}", self.written + nth) for nth in range(count)]
        self.written += count
        self.marks.append(self.written)
        self.unsettled.add([Batch(self.written, 0.0, messages, 2 * count)], self.written)

    def pong(self, denied: int = 0) -> None:
        """For the PING before the last write."""
        settled = self.published + self.lost + self.denied
        upto = self.marks[-2] if len(self.marks) > 1 else 0
        answered = max(0, upto - settled)
        denied = min(denied, answered)
        self.denied += denied
        self.published += answered - denied

    def lose(self) -> None:
        settled = self.published + self.lost + self.denied
        self.doubtful += range(settled, self.written)
        self.lost += self.written - settled

    def settle(self) -> None:
        self.unsettled.settle(self.published + self.lost + self.denied, self.lost)


STEPS = st.one_of(
    st.tuples(st.just("write"), st.integers(1, 5)),
    st.tuples(st.just("pong"), st.integers(0, 1)),
    st.tuples(st.just("lose"), st.just(0)),
)


@given(st.lists(STEPS, max_size=40))
def test_what_is_in_doubt_was_lost_with_a_connection(steps: list[tuple[str, int]]) -> None:
    session = Session()
    found: list[int] = []
    for what, count in steps:
        if what == "lose":
            session.lose()
        else:
            getattr(session, what)(count)
        session.settle()
        for loss in session.losses.take():
            assert loss.first is not None
            assert loss.last is not None
            found += range(loss.first, loss.last + 1)

    assert found == session.doubtful


def test_several_settlements_seen_at_once() -> None:
    session = Session()
    for _ in range(3):
        session.write(10)
    session.pong()
    session.lose()
    session.write(10)
    session.settle()

    (loss,) = session.losses.take()
    assert (loss.first, loss.last) == (20, 29)
    session.write(1)
    session.pong()
    session.settle()
    assert not session.losses

"""Stages of the path of a frame, without sockets."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from streamset_api.relay_config import RelayConfig
from streamset_relay.core.batch import Batch, Room
from streamset_relay.core.buffer import Buffer
from streamset_relay.core.classify import classify
from streamset_relay.core.ownership import Bounds, Ownership, Trigger
from streamset_relay.core.stream import Streams
from streamset_relay.pipeline import Pipeline, let_out

if TYPE_CHECKING:
    from streamset_relay.sink import Sink

TRADE = "btcusdt@trade"


class Hesitant:
    """A sink that has no room and says so only to who asks: waiting for it ends at once, so many times."""

    def __init__(self, times: int) -> None:
        self.ready = False
        self.room = Room(100, 1 << 20)
        self.sent: list[Batch] = []
        self._left = times

    async def wait_ready(self) -> None:
        self._left -= 1
        assert self._left, "nobody else had a turn"

    def send(self, batches: Sequence[Batch], now: float) -> None:
        self.sent += batches


async def test_letting_out_leaves_others_their_turn_while_nats_takes_nothing() -> None:
    config = RelayConfig.model_validate({"streams": [TRADE]})
    streams, sink = Streams(config), Hesitant(100)
    ownership = Ownership(streams, Bounds(1 << 20, 60.0))
    pipeline = Pipeline(streams, Buffer(config.buffer), cast("Sink", sink), ownership=ownership)
    now = asyncio.get_running_loop().time()
    found = classify([b'{"stream":"btcusdt@trade","data":{"t":5}}'], streams)
    ownership.take(Batch(0, now, found.messages, found.size))
    ownership.take_over(Trigger.NOBODY, {}, now)

    letting_out = asyncio.create_task(let_out(pipeline, ownership))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not letting_out.done()
    sink.ready = True
    await letting_out
    assert [len(batch.messages) for batch in sink.sent] == [1]

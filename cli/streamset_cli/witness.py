"""What a consumer of the demo's NATS server sees: the messages that arrived, by stream."""

import json
import time
from collections import Counter
from dataclasses import dataclass, field

import nats
from nats.aio.msg import Msg

RATE_WINDOW = 1.0


@dataclass
class Arrivals:
    """Counts since the start. `rates` are messages per second over the last window, `lags` seconds."""

    total: int = 0
    by_stream: Counter[str] = field(default_factory=Counter)
    rates: dict[str, float] = field(default_factory=dict)
    lags: dict[str, float] = field(default_factory=dict)
    last: dict[str, str] = field(default_factory=dict)
    """The newest payload of each stream, as JSON text."""


class Witness:
    """Subscribes to everything and counts; use as `async with`."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._window_at = time.monotonic()
        self._window: Counter[str] = Counter()
        self.arrivals = Arrivals()

    async def __aenter__(self) -> "Witness":
        self._client = await nats.connect(self._server, name="streamset-demo")
        await self._client.subscribe(">", cb=self._see)
        await self._client.flush()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def settle(self) -> None:
        """Take in everything that the server has for us at this moment."""
        await self._client.flush()

    async def _see(self, message: Msg) -> None:
        envelope = json.loads(message.data)
        stream, data = envelope["stream"], envelope["data"]
        seen = self.arrivals
        seen.total += 1
        seen.by_stream[stream] += 1
        seen.last[stream] = json.dumps(data, separators=(",", ":"))
        self._window[stream] += 1
        now = time.monotonic()
        if (elapsed := now - self._window_at) >= RATE_WINDOW:
            seen.rates = {name: count / elapsed for name, count in self._window.items()}
            self._window_at, self._window = now, Counter()
        if isinstance(data, dict) and isinstance(data.get("E"), int):
            seen.lags[stream] = time.time() - data["E"] / 1000

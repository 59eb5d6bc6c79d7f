"""What is subscribed on one connection, and which control messages are due.

Messages carry at most 200 streams and less than 4 kB, and leave at a bounded rate: the exchange cuts a client
that sends more than 5 a second on spot, and drops a connection over a long message without a word.
A stream is *active* once it delivered something; an acknowledgement proves nothing (an unknown name gets one too).
"""

import json
from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple

MAX_PARAMS: Final = 200
MAX_MESSAGE_BYTES: Final = 4_000


class Refusal(NamedTuple):
    """The exchange answered a request with an error."""

    method: str
    streams: tuple[str, ...]
    code: int | None
    message: str


class _Request(NamedTuple):
    method: str
    streams: tuple[str, ...]


class Subscriptions:
    """`wanted` is what the plan gives this connection; `refused` says which streams the exchange would not have."""

    def __init__(self, wanted: Iterable[str], per_second: float) -> None:
        self._interval = 1 / per_second
        self._next_at = 0.0
        self._last_id = 0
        self.wanted: tuple[str, ...] = tuple(wanted)
        self.refused: dict[str, Refusal] = {}
        self._requested: set[str] = set()
        self._queue: deque[_Request] = deque()
        self._pending: dict[int, _Request] = {}

    def reset(self) -> None:
        """Start over on a new connection: subscribe to everything wanted."""
        self._queue.clear()
        self._pending.clear()
        self._requested.clear()
        self.refused.clear()
        self._request()

    def want(self, streams: Iterable[str]) -> None:
        """Change the list; only the difference is sent, nothing else is touched."""
        self.wanted = tuple(streams)
        self.refused = {name: why for name, why in self.refused.items() if name in self.wanted}
        self._request()

    def renew(self, streams: Iterable[str]) -> None:
        """Take silent streams off and on again."""
        names = tuple(name for name in streams if name in self._requested)
        self._enqueue("UNSUBSCRIBE", names)
        self._enqueue("SUBSCRIBE", names)

    def retry(self) -> None:
        """Ask again for what was refused: the reason may have been the moment's."""
        self._enqueue("SUBSCRIBE", tuple(self.refused))

    def due(self, now: float) -> str | None:
        """The next control message, or None while there is none or the rate forbids it."""
        if not self._queue or now < self._next_at:
            return None
        request = self._queue.popleft()
        self._last_id += 1
        self._pending[self._last_id] = request
        self.spend(now)
        return _encode(request, self._last_id)

    def spend(self, now: float) -> None:
        """Count a message sent outside this class: a PING counts against the same limit."""
        self._next_at = max(now, self._next_at) + self._interval

    def answer(
        self, request_id: int | None, error: tuple[int | None, str] | None
    ) -> Refusal | None:
        """Take the exchange's answer. An error without an id is put down to the oldest open request."""
        if request_id is None and error is not None and self._pending:
            request_id = next(iter(self._pending))
        request = self._pending.pop(request_id, None) if request_id is not None else None
        method, streams = request or _Request("?", ())
        refusal = Refusal(method, streams, *error) if error is not None else None
        if method == "SUBSCRIBE":
            for name in streams:
                self.refused.pop(name, None)
                if refusal is not None and name in self._requested:
                    self.refused[name] = refusal
        return refusal

    @property
    def settled(self) -> bool:
        """Nothing is left to send, and everything was answered."""
        return not self._queue and not self._pending

    @property
    def idle(self) -> bool:
        """Nothing is left to send."""
        return not self._queue

    def _request(self) -> None:
        """Queue what leads from the streams requested to those wanted."""
        wanted = set(self.wanted)
        gone = tuple(sorted(self._requested - wanted))
        new = tuple(name for name in self.wanted if name not in self._requested)
        self._enqueue("UNSUBSCRIBE", gone)
        self._enqueue("SUBSCRIBE", new)
        self._requested = wanted

    def _enqueue(self, method: str, streams: tuple[str, ...]) -> None:
        for chunk in _chunks(streams):
            self._queue.append(_Request(method, chunk))


def _chunks(streams: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
    overhead = len(_encode(_Request("UNSUBSCRIBE", ()), 10**9).encode())
    chunk: list[str] = []
    size = overhead
    for name in streams:
        cost = len(json.dumps(name, ensure_ascii=False).encode()) + 1
        if chunk and (len(chunk) == MAX_PARAMS or size + cost >= MAX_MESSAGE_BYTES):
            yield tuple(chunk)
            chunk, size = [], overhead
        chunk.append(name)
        size += cost
    if chunk:
        yield tuple(chunk)


def _encode(request: _Request, request_id: int) -> str:
    message = {"method": request.method, "params": request.streams, "id": request_id}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))

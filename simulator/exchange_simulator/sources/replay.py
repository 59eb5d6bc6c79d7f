"""Replay of a recording: its frames at the recorded pace, pass after pass.

The replay runs by the clock from its first subscriber on, and moves on when nobody listens, as a market does.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from exchange_simulator.core.frames import text_frames
from exchange_simulator.sources.generated import Clock
from exchange_simulator.sources.recording import Recorded, Recording


@dataclass(slots=True)
class ReplayBatch:
    """One recorded event, in one pass of the replay."""

    recorded: Recorded
    stream: str
    numbers: tuple[int, int]
    identities: tuple[int, int]
    ids: int
    """What this pass adds to ids."""
    milliseconds: int
    """What this pass adds to times."""
    count: int = 1

    def payloads(self, *, combined: bool, microseconds: bool) -> list[bytes]:
        """Encode the message: in the first pass, the recorded bytes."""
        recorded = self.recorded
        payload = recorded.payload
        if self.ids or self.milliseconds or microseconds:
            payload = recorded.shifted(self.ids, self.milliseconds, microseconds=microseconds)
        return [recorded.before + payload + recorded.after if combined else payload]

    def frames(self, *, combined: bool, microseconds: bool) -> bytes:
        """Encode the message as a WebSocket frame."""
        return text_frames(self.payloads(combined=combined, microseconds=microseconds))


class Replay:
    """The course of a replay at `speed` times the recorded pace.

    With a `clock`, the times inside the events are moved to the present, in the first pass too.
    """

    def __init__(
        self,
        recording: Recording,
        *,
        speed: float = 1.0,
        loop: bool = True,
        renumber: bool = True,
        clock: Clock | None = None,
    ) -> None:
        self.streams = recording.streams
        self.passes = 0
        """Passes that are over."""
        self._recording = recording
        self._speed = speed
        self._loop = loop
        self._renumber = renumber
        self._clock = clock
        self._moved = 0  # milliseconds from the recording to the present
        self._next = 0  # place of the next frame in the recording
        self._numbers: dict[str, int] = {}
        self._began: float | None = None  # when the first pass began

    @property
    def finished(self) -> bool:
        """Whether the last frame of the last pass is gone."""
        return self._next == len(self._recording.frames)

    def listen(self, now: float) -> None:
        """Somebody is subscribed to a recorded stream: the replay begins unless it has."""
        if self._began is None:
            self._began = now
            if self._clock is not None:
                self._moved = self._clock.time_us(now) // 1000 - self._recording.began_ms

    def next_due(self) -> float:
        """When the next frame is due."""
        if self._began is None or self.finished:
            return math.inf
        period = self._recording.period_ms / 1000
        at = self.passes * period + self._recording.frames[self._next].at
        return self._began + at / self._speed

    def advance(self, now: float) -> Iterator[ReplayBatch]:
        """The frames up to `now`."""
        while self.next_due() <= now:
            yield self._take()

    def flood(self, frames: int) -> Iterator[ReplayBatch]:
        """The next so many frames, however early."""
        if self._began is not None:
            yield from islice(iter(self._take_or_none, None), frames)

    def burst(self, frames: int, now: float) -> list[ReplayBatch]:
        """The next so many frames at once; those after them follow at the recorded pace."""
        self.listen(now)
        taken = list(self.flood(frames))
        if self._began is not None and not self.finished:
            self._began += now - self.next_due()
        return taken

    def restart(self, now: float) -> None:
        """Begin again with the first pass."""
        self.passes = 0
        self._next = 0
        self._began = now

    def _take_or_none(self) -> ReplayBatch | None:
        return None if self.finished else self._take()

    def _take(self) -> ReplayBatch:
        recorded = self._recording.frames[self._next]
        number = self._numbers.get(recorded.stream, -1) + 1
        self._numbers[recorded.stream] = number
        shifts = self.passes if self._renumber else 0
        ids = shifts * self._recording.spans.get(recorded.stream, 0)
        milliseconds = self._moved + shifts * self._recording.period_ms
        identity = number
        if recorded.identity is not None:
            identity = recorded.identity + (ids if recorded.by_id else milliseconds)
        batch = ReplayBatch(
            recorded=recorded,
            stream=recorded.stream,
            numbers=(number, number),
            identities=(identity, identity),
            ids=ids,
            milliseconds=milliseconds,
        )
        self._next += 1
        if self.finished and self._loop:
            self._next = 0
            self.passes += 1
        return batch

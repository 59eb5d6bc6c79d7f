"""What a source hands on: events of one stream that happen together."""

from dataclasses import dataclass
from typing import Protocol

from exchange_simulator.core.frames import fragments


class Batch(Protocol):
    """Consecutive events of one stream, encoded only in the forms that some connection wants."""

    @property
    def stream(self) -> str:
        """The name of the stream."""

    @property
    def count(self) -> int:
        """How many events; at least one."""

    @property
    def numbers(self) -> tuple[int, int]:
        """The first and last event by the simulator's own count, which grows by one per event."""

    @property
    def identities(self) -> tuple[int, int]:
        """The first and last event by the exchange's own field (`t`, `a`, `u`, …)."""

    def payloads(self, *, combined: bool, microseconds: bool) -> list[bytes]:
        """Encode the messages: bare events, or wrapped with the stream's name."""

    def frames(self, *, combined: bool, microseconds: bool) -> bytes:
        """The same as joined WebSocket frames."""


@dataclass(frozen=True)
class Fragmented:
    """A batch whose messages go out in so many frames each, with a PING of that payload in between."""

    whole: Batch
    pieces: int
    ping: bytes | None = None

    @property
    def stream(self) -> str:
        """As the whole."""
        return self.whole.stream

    @property
    def count(self) -> int:
        """As the whole."""
        return self.whole.count

    @property
    def numbers(self) -> tuple[int, int]:
        """As the whole."""
        return self.whole.numbers

    @property
    def identities(self) -> tuple[int, int]:
        """As the whole."""
        return self.whole.identities

    def payloads(self, *, combined: bool, microseconds: bool) -> list[bytes]:
        """As the whole."""
        return self.whole.payloads(combined=combined, microseconds=microseconds)

    def frames(self, *, combined: bool, microseconds: bool) -> bytes:
        """The messages in fragments."""
        return b"".join(
            fragments(payload, self.pieces, ping=self.ping)
            for payload in self.payloads(combined=combined, microseconds=microseconds)
        )

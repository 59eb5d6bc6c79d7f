"""What a source hands on: events of one stream that happen together."""

from typing import Protocol


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

"""What travels from the socket to NATS: the messages of one read, in order."""

from typing import NamedTuple

from .classify import Message


class Batch(NamedTuple):
    """Messages that came together. `received_at` is the wall clock in ns, `arrived` the monotonic one in seconds."""

    received_at: int
    arrived: float
    messages: list[Message]
    size: int
    """Bytes of the payloads."""

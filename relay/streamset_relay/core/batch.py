"""What travels from the socket to NATS: the messages of one read, in order; and how much of it is welcome."""

from collections.abc import Sequence
from typing import NamedTuple

from .classify import Message
from .sequence import Note


class Batch(NamedTuple):
    """Messages that came together. `received_at` is the wall clock in ns, `arrived` the monotonic one in seconds."""

    received_at: int
    arrived: float
    messages: list[Message]
    size: int
    """Bytes of the payloads."""
    notes: Sequence[Note] = ()
    """What the messages show of their streams: it goes ahead of them."""


class Room(NamedTuple):
    """How much a receiver would like to be given at once. The last batch may exceed it."""

    messages: int
    size: int
    """Bytes of payloads."""


NO_ROOM = Room(0, 0)

"""`spec.buffer`: what is held while NATS is slower than the exchange, or away."""

from typing import Annotated

from pydantic import Field

from streamset_api.enums import Overflow
from streamset_api.fields import Channel
from streamset_api.model import Model


class ChannelOverflow(Model):
    """What a full buffer does with messages of one channel."""

    channel: Channel
    """A channel such as `depth20@100ms`, or all channels of a kind, such as `depth`."""
    overflow: Overflow
    """Which message gives way."""


class Buffer(Model):
    """The bounded buffer of each relay."""

    max_messages: Annotated[int, Field(ge=1, le=10_000_000)] = 5000
    """Messages that it holds at most."""
    max_bytes: Annotated[int, Field(ge=65_536, le=2**34)] = 64 * 2**20
    """Bytes it holds at most: payloads, and 200 for each message. The memory limit of the pod has to fit."""
    ttl_seconds: Annotated[int, Field(ge=1, le=3600)] = 60
    """A message that has waited longer since it was received is dropped and counted, not sent."""
    overflow: Overflow = Overflow.DROP_NEWEST
    """Which message gives way when the buffer is full."""
    channels: Annotated[tuple[ChannelOverflow, ...], Field(max_length=32)] = ()
    """Exceptions by channel; the first entry that fits a stream counts."""

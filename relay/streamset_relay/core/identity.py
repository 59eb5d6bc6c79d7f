"""The name of an event: the same on any relay, in any run.

`message_id` is a UUID of version 8 (RFC 9562 §5.8): its first 60 free bits are a hash of venue and stream, the
last 62 the event's own number, or, where it has none, a hash of its payload. It doubles as `Nats-Msg-Id`.
"""

from hashlib import blake2b
from typing import Final

from streamset_api.market import Market

from .channel import IDENTITY_BITS

SUFFIX: Final = b"%04x-%012x"
"""Format of the half that names the event: `VARIANT | identity >> 48`, then `identity & LOW_48`."""

VARIANT: Final = 0x8000
LOW_48: Final = (1 << 48) - 1

_MASK: Final = (1 << IDENTITY_BITS) - 1

# The market-data-only host shows the events of the spot market.
_VENUES = {Market.SPOT_DATA: Market.SPOT}


def venue_of(market: Market) -> Market:
    """Whose events these are. An endpoint in place of the market's own is another way to the same venue."""
    return _VENUES.get(market, market)


def stream_prefix(market: Market, stream: str) -> bytes:
    """The half of the id that names venue and stream: `xxxxxxxx-xxxx-8xxx-`."""
    digest = blake2b(f"{venue_of(market).value}\0{stream}".encode(), digest_size=8).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-8{digest[12:15]}-".encode()


def event_suffix(identity: int) -> bytes:
    """The half of the id that names the event; `identity` has at most 62 bits, the variant bits `10` go on top."""
    return SUFFIX % (VARIANT | identity >> 48, identity & LOW_48)


def payload_identity(payload: bytes) -> int:
    """62 bits of a hash of the payload, for events without a number."""
    return int.from_bytes(blake2b(payload, digest_size=8).digest(), "big") & _MASK

"""The client side of a WebSocket connection, behind one small interface.

::

    connect(url) -> Transport          one of two clients, same behaviour
    Transport.read() -> Chunk          everything since the last read: the batch of the pipeline
    Transport.send / ping / close

The unit of work is what one read of the socket brought, not one frame: see `inbox`. A connection
that ends raises `streamset_relay.errors.ConnectionLost`; one that never opens raises
`ConnectFailed` or `UpgradeRejected`. Nothing here reconnects.

`picows_client` is the fast one and the default where picows is installed; `websockets_client` is
the reference. What a library leaves open of RFC 6455 its adapter settles; the contract suite in
`tests/integration/transport` holds for both.
"""

from .interface import MAX_MESSAGE, Chunk, Transport
from .opening import available, connect

__all__ = ["MAX_MESSAGE", "Chunk", "Transport", "available", "connect"]

"""The client side of a WebSocket connection, behind one small interface.

::

    connect(url) -> Transport          one of two clients, same behaviour
    Transport.read() -> Chunk          everything since the last read: the batch of the pipeline
    Transport.send / ping / close

The unit of work is what one read of the socket brought, not one frame: see `inbox`. A connection
that ends raises `streamset_relay.errors.ConnectionLost`; one that never opens raises
`ConnectFailed` or `UpgradeRejected`. Nothing here reconnects.

`picows_client` is the fast one and the default where picows is installed; `websockets_client` is
the reference. What one library checks less strictly than RFC 6455 its adapter checks, so that
`tests/integration/transport/test_contract.py` holds for both.
"""

from streamset_relay.transport.interface import MAX_MESSAGE, Chunk, Transport
from streamset_relay.transport.opening import available, connect

__all__ = ["MAX_MESSAGE", "Chunk", "Transport", "available", "connect"]

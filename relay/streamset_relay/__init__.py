"""The relay: Binance WebSocket streams in, enveloped NATS messages out, every frame accounted for.

Read `pipeline` for the path of a frame, `app` for start and stop, `core` for what is decided and why.
"""

from .client import BinanceWebSocketClient

__all__ = ["BinanceWebSocketClient"]

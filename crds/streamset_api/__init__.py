"""The API of the project: the resource, the markets, and what a relay is configured with.

Pure models and functions that the operator, the relay, the simulator and the command line share.
Nothing here does I/O, reads a clock or draws randomness.
"""

from streamset_api.errors import ABSENT, ConfigError, InvalidValueError, Problem, StreamsetError
from streamset_api.manifest import load_manifest
from streamset_api.market import MARKETS, Market, MarketFacts, infer_market, route_of, stream_url
from streamset_api.redact import redact
from streamset_api.relay_config import RelayConfig, config_hash, parse_relay_config
from streamset_api.resolve import resolve
from streamset_api.resource import BinanceStreamSet, parse
from streamset_api.spec import BinanceStreamSetSpec, streams_of

__all__ = [
    "ABSENT",
    "MARKETS",
    "BinanceStreamSet",
    "BinanceStreamSetSpec",
    "ConfigError",
    "InvalidValueError",
    "Market",
    "MarketFacts",
    "Problem",
    "RelayConfig",
    "StreamsetError",
    "config_hash",
    "infer_market",
    "load_manifest",
    "parse",
    "parse_relay_config",
    "redact",
    "resolve",
    "route_of",
    "stream_url",
    "streams_of",
]

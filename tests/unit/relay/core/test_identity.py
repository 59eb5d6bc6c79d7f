import hashlib
import os
import subprocess
import sys
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamset_api.market import Market
from streamset_relay.core.channel import IDENTITY_BITS
from streamset_relay.core.identity import event_suffix, payload_identity, stream_prefix

LIMIT = 1 << IDENTITY_BITS
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
EVENTS = st.tuples(st.sampled_from(Market), NAMES, st.integers(0, LIMIT - 1))

CHANNELS = (
    "trade",
    "aggTrade",
    "blockTrade",
    "depth",
    "depth@100ms",
    "depth5",
    "depth10",
    "depth20",
    "depth20@100ms",
    "bookTicker",
    "ticker",
    "miniTicker",
    "avgPrice",
    "markPrice@1s",
    "kline_1m",
    "kline_1M",
)


def name_of(market: Market, stream: str, identity: int) -> UUID:
    text = (stream_prefix(market, stream) + event_suffix(identity)).decode()
    parsed = UUID(text)
    assert str(parsed) == text
    return parsed


def venue(market: Market) -> Market:
    return Market.SPOT if market is Market.SPOT_DATA else market


@settings(deadline=None, max_examples=100)
@given(EVENTS)
def test_it_is_a_uuid_of_version_8_that_carries_the_number(event: tuple[Market, str, int]) -> None:
    market, stream, identity = event
    name = name_of(market, stream, identity)

    assert (name.variant, name.version) == (RFC_4122, 8)
    assert name.int & (LIMIT - 1) == identity  # so two numbers never share a name
    text = f"{venue(market)}\0{stream}".encode()
    digest = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")
    first, second = name.int >> 80, name.int >> 64 & 0xFFF
    assert first << 12 | second == digest >> 4  # 60 bits of the hash


@settings(deadline=None, max_examples=100)
@given(EVENTS, EVENTS)
def test_two_events_share_a_name_only_if_they_are_one(
    one: tuple[Market, str, int], other: tuple[Market, str, int]
) -> None:
    same = (venue(one[0]), *one[1:]) == (venue(other[0]), *other[1:])

    assert (name_of(*one) == name_of(*other)) is same


def test_no_two_streams_of_all_venues_share_their_half() -> None:
    markets = [market for market in Market if market is not Market.SPOT_DATA]
    symbols = [f"{base}{quote}" for base in range(250) for quote in ("usdt", "btc", "币安")]
    names = [f"{symbol}@{channel}" for symbol in symbols for channel in CHANNELS]

    prefixes = {stream_prefix(market, name) for market in markets for name in names}

    assert len(prefixes) == len(markets) * len(names) == 84_000


def test_hashes_of_payloads_do_not_collide_and_stay_in_their_bits() -> None:
    payloads = [b'{"e":"24hrTicker","E":%d,"s":"BTCUSDT"}' % time for time in range(50_000)]

    hashes = {payload_identity(payload) for payload in payloads}

    assert len(hashes) == len(payloads)
    assert max(hashes) < LIMIT
    assert max(hashes) > LIMIT - (LIMIT >> 8)  # all 62 bits are used


def test_the_market_data_host_shows_the_events_of_spot() -> None:
    name = "btcusdt@trade"
    assert stream_prefix(Market.SPOT_DATA, name) == stream_prefix(Market.SPOT, name)
    others = {stream_prefix(market, name) for market in Market}
    assert len(others) == len(Market) - 1


@pytest.mark.parametrize(
    ("market", "stream", "identity", "name"),
    [
        (Market.SPOT, "btcusdt@trade", 0, "79a2a16b-3b95-85a6-8000-000000000000"),
        (Market.SPOT, "btcusdt@trade", 3071245454, "79a2a16b-3b95-85a6-8000-0000b70f7c8e"),
        (Market.SPOT, "btcusdt@trade", LIMIT - 1, "79a2a16b-3b95-85a6-bfff-ffffffffffff"),
        (Market.USDM, "btcusdt@trade", 1, "29537943-8926-83fa-8000-000000000001"),
        (Market.SPOT, "币安人生usdt@trade", 1, "3be3a311-9b83-8d4f-8000-000000000001"),
    ],
)
def test_names_are_the_same_in_every_release(
    market: Market, stream: str, identity: int, name: str
) -> None:
    assert str(name_of(market, stream, identity)) == name


def test_names_are_the_same_in_another_process() -> None:
    code = (
        "from streamset_relay.core.identity import *; from streamset_api.market import Market\n"
        "print(stream_prefix(Market.USDM, 'x@ticker') + b'%x' % payload_identity(b'{}'))"
    )
    environment = os.environ | {"PYTHONHASHSEED": "7"}
    other = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )

    here = stream_prefix(Market.USDM, "x@ticker") + b"%x" % payload_identity(b"{}")
    assert other.stdout.strip() == str(here)

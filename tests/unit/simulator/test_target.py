import pytest

from exchange_simulator.core.rules import RULES
from exchange_simulator.core.target import Target, parse_target

SPOT = RULES["spot"]
USDM = RULES["usdm"]


@pytest.mark.parametrize(
    ("path", "combined", "streams"),
    [
        ("/ws", False, ()),
        ("/ws/", False, ()),
        ("/ws/btcusdt@trade", False, ("btcusdt@trade",)),
        ("/ws/btcusdt@trade/ethusdt@depth@100ms", False, ("btcusdt@trade", "ethusdt@depth@100ms")),
        ("/stream", True, ()),
        ("/stream?streams=", True, ()),
        ("/stream?streams=btcusdt@trade/ethusdt@depth", True, ("btcusdt@trade", "ethusdt@depth")),
        (
            "/stream?streams=btcusdt%40trade%2Fethusdt%40depth",
            True,
            ("btcusdt@trade", "ethusdt@depth"),
        ),
        ("/stream?streams=a@trade/a@trade", True, ("a@trade",)),
        ("/stream?streams=btcusdt@kline_1m@%2B08:00", True, ("btcusdt@kline_1m@+08:00",)),
        ("/stream?streams=btcusdt@kline_1m@+08:00", True, ("btcusdt@kline_1m@+08:00",)),
        ("/ws/%E5%B8%81%E5%AE%89usdt@trade", False, ("币安usdt@trade",)),
    ],
)
def test_streams_of_the_url(path: str, combined: bool, streams: tuple[str, ...]) -> None:
    assert parse_target(path, SPOT) == Target(None, combined, streams, microseconds=False)


@pytest.mark.parametrize("unit", ["MICROSECOND", "microsecond"])
def test_microseconds(unit: str) -> None:
    target = parse_target(f"/stream?streams=a@trade&timeUnit={unit}", SPOT)

    assert target == Target(None, True, ("a@trade",), microseconds=True)


def test_futures_ignore_the_time_unit() -> None:
    target = parse_target("/market/ws?timeUnit=MICROSECOND", USDM)

    assert target == Target("market", False, (), microseconds=False)


@pytest.mark.parametrize("route", ["public", "market", "private"])
def test_routes_of_usd_m(route: str) -> None:
    target = parse_target(f"/{route}/stream?streams=a@trade", USDM)

    assert target is not None
    assert target.route == route


def test_the_legacy_path_of_usd_m_has_no_route() -> None:
    assert parse_target("/stream", USDM) == Target(None, True, (), microseconds=False)


@pytest.mark.parametrize(
    "path",
    ["/", "/wss", "/stream/btcusdt@trade", "/market/ws", "/ws?timeUnit=NANOSECOND", "/ws-api/v3"],
)
def test_paths_that_spot_does_not_serve(path: str) -> None:
    assert parse_target(path, SPOT) is None

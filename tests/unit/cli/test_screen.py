"""The demo's table shows what a reader looks for, and fits the terminal."""

from collections import Counter

from rich.console import Console

from streamset_cli.screen import Snapshot, draw, farewell
from streamset_cli.witness import Arrivals

RELAY = {
    "ready": True,
    "active_streams": 2,
    "stream_count": 3,
    "queue_size": 17,
    "gaps": 4,
    "dropped_messages": 5,
    "reconnect_attempts": 6,
    "exchange_lag_seconds": 0.0125,
}
ARRIVALS = Arrivals(
    total=30,
    by_stream=Counter({"btcusdt@trade": 20, "ethusdt@trade": 7, "bnbusdt@trade": 3}),
    rates={"btcusdt@trade": 12.5},
    lags={"btcusdt@trade": 0.004},
    last={"btcusdt@trade": '{"t":1}'},
)


def shown(height: int) -> str:
    console = Console(width=120, record=True, file=None, quiet=False, force_terminal=False)
    with console.capture() as capture:
        console.print(draw(Snapshot("majors", "nats://127.0.0.1:1", [RELAY], ARRIVALS), height))
    return capture.get()


def test_every_fact_is_on_the_screen() -> None:
    text = shown(40)

    for fact in ("majors", "1/1 ready", "2/3", "queue 17", "gaps 4", "dropped 5", "reconnects 6"):
        assert fact in text
    for cell in ("btcusdt@trade", "12.5", "4.0", '{"t":1}', "12.5 ms"):
        assert cell in text


def test_the_busiest_streams_stay_where_the_terminal_is_short() -> None:
    text = shown(12)

    assert "btcusdt@trade" in text
    assert shown(13).count("@trade") == 3
    many = Counter({f"s{number}@trade": number for number in range(1, 50)})
    console = Console(width=120)
    with console.capture() as capture:
        snapshot = Snapshot("x", "y", [], Arrivals(by_stream=many))
        console.print(draw(snapshot, 20))
    lines = capture.get()
    assert "… and 39 more streams" in lines
    assert "s49@trade" in lines
    assert "s1@trade" not in lines


def test_the_last_words_name_what_is_missing() -> None:
    ledger = {"received": 9, "published": 5, "unconfirmed": 1, "dropped": {"expired": 3}}
    report = {"accounted_for": True, "seconds": 1.0, "ledger": ledger, "delivered": 6}

    assert "3 expired" in farewell(report)
    assert "every frame is accounted for" in farewell(report)
    assert "FRAMES ARE MISSING" in farewell(report | {"accounted_for": False})

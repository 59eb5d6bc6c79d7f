"""Payloads that tick by the clock: klines, tickers, average, reference and mark prices.

Sources: the stream pages of binance-spot-api-docs and of the USD-M documentation; field order follows
their samples. Ids are contiguous exactly where the exchange's are; each builder says where.
"""

from collections.abc import Callable

from exchange_simulator.sources.bars import bar
from exchange_simulator.sources.layout import Layout, Value
from exchange_simulator.sources.prices import Quote, quotes
from exchange_simulator.sources.subject import BOOK_RING, Builder, Subject, by_time, layout


def kline(interval: str, offset_ms: int = 0, contract: str = "") -> Builder:
    """The bar of the time just gone; its last event comes right after its end, with `x` true."""

    def build(subject: Subject) -> Layout:
        head = (
            f'"e":"continuous_kline","E":<d>,"ps":"{subject.upper}","ct":"{contract.upper()}"'
            if contract
            else f'"e":"kline","E":<d>,"s":"{subject.upper}"'
        )
        inner = "" if contract else f'"s":"{subject.upper}",'
        texts = [
            f'{{{head},"k":{{"t":<d>,"T":<d>,{inner}"i":"{interval}","f":<d>,"L":<d>,'
            f'"o":"{q.price(-3)}","c":"{q.price()}","h":"{q.price(4)}","l":"{q.price(-9)}",'
            f'"v":"{q.quantity()}","n":<d>,"x":<s>,"q":"{q.quantity()}","V":"{q.quantity()}",'
            f'"Q":"{q.quantity()}","B":"0"}}}}'
            for q in subject.walk()
        ]

        def numbers(n: int, time: int, step: int, scale: int) -> tuple[Value, ...]:
            opened, closed = bar((time - step) // scale, interval, offset_ms)
            ended = b"true" if time // scale > closed else b"false"
            last = subject.first_id + 3 * n
            times = opened * scale, (closed + 1) * scale - 1
            return time, *times, last - 2, last, 3, ended

        return layout(texts, numbers, by_time)

    return build


def ticker(window: str = "24hr", window_ms: int = 24 * 3600_000) -> Builder:
    """Statistics of a rolling window. Only `E` tells events apart."""
    full = window == "24hr"

    def text(subject: Subject, symbol: str, q: Quote) -> str:
        book = (
            f'"b":"{q.price(-1)}","B":"{q.quantity()}","a":"{q.price(1)}","A":"{q.quantity()}",'
            if full and not subject.futures
            else ""
        )
        previous = f'"x":"{q.price(-7)}",' if full and not subject.futures else ""
        last = f'"Q":"{q.quantity()}",' if full else ""
        return (
            f'{{"e":"{window}Ticker","E":<d>,"s":"{symbol.upper()}","p":"{q.price()}","P":"1.250",'
            f'"w":"{q.price(-2)}",{previous}"c":"{q.price()}",{last}{book}"o":"{q.price(-90)}",'
            f'"h":"{q.price(120)}","l":"{q.price(-150)}","v":"{q.quantity()}","q":"{q.quantity()}",'
            f'"O":<d>,"C":<d>,"F":<d>,"L":<d>,"n":<d>{subject.tail(symbol)}}}'
        )

    def one(subject: Subject, n: int, time: int, scale: int) -> tuple[Value, ...]:
        last = subject.first_id + 5 * n
        closed = time - 7 * scale
        return time, closed - window_ms * scale, closed, last - 10_000, last, 10_001

    return _statistics(text, one)


def mini_ticker(subject: Subject) -> Layout:
    """The short form of `ticker`."""

    def text(subject: Subject, symbol: str, q: Quote) -> str:
        return (
            f'{{"e":"24hrMiniTicker","E":<d>,"s":"{symbol.upper()}","c":"{q.price()}",'
            f'"o":"{q.price(-90)}","h":"{q.price(120)}","l":"{q.price(-150)}",'
            f'"v":"{q.quantity()}","q":"{q.quantity()}"{subject.tail(symbol)}}}'
        )

    return _statistics(text, lambda _subject, _n, time, _scale: (time,))(subject)


def average_price(subject: Subject) -> Layout:
    """`T` is the time of the last trade."""
    texts = [
        f'{{"e":"avgPrice","E":<d>,"s":"{subject.upper}","i":"5m","w":"{q.price()}","T":<d>}}'
        for q in subject.walk()
    ]
    return layout(texts, lambda _n, time, _step, scale: (time, time - 788 * scale), by_time)


def reference_price(subject: Subject) -> Layout:
    """`t` is its only time, and `r` may be null."""
    texts = [
        f'{{"e":"referencePrice","s":"{subject.upper}","r":{value},"t":<d>}}'
        for q in subject.walk(8)
        for value in (f'"{q.price()}"', "null")
    ]
    return layout(texts, lambda _n, time, _step, _scale: (time,), by_time)


def mark_price(subject: Subject) -> Layout:
    """`T` is the next funding time."""

    def text(_subject: Subject, symbol: str, q: Quote) -> str:
        return (
            f'{{"e":"markPriceUpdate","E":<d>,"s":"{symbol.upper()}","p":"{q.price()}",'
            f'"i":"{q.price(-2)}","P":"{q.price(1)}","r":"0.00010000","ap":"{q.price(2)}","T":<d>,'
            f'"st":1}}'
        )

    def one(_subject: Subject, _n: int, time: int, scale: int) -> tuple[Value, ...]:
        return time, time - time % (8 * 3600_000 * scale) + 8 * 3600_000 * scale

    return _statistics(text, one)(subject)


Text = Callable[[Subject, str, Quote], str]
"""(stream, symbol, quote) → the JSON of one symbol, with `<d>` for its numbers."""
One = Callable[[Subject, int, int, int], tuple[Value, ...]]
"""(stream, number, time, scale) → the numbers of one symbol."""


def _statistics(text: Text, one: One) -> Builder:
    """A stream of one symbol's statistics, or of an array with those of every symbol."""

    def build(subject: Subject) -> Layout:
        if not subject.symbols:
            texts = [text(subject, subject.symbol, q) for q in subject.walk()]
            return layout(
                texts, lambda n, time, _step, scale: one(subject, n, time, scale), by_time
            )
        members = [
            (symbol, quotes(symbol, subject.stream, BOOK_RING, subject.seed))
            for symbol in subject.symbols
        ]
        texts = [
            "[" + ",".join(text(subject, symbol, walk[turn]) for symbol, walk in members) + "]"
            for turn in range(BOOK_RING)
        ]
        count = len(members)
        return layout(
            texts, lambda n, time, _step, scale: one(subject, n, time, scale) * count, by_time
        )

    return build

"""Payloads of the order book.

Sources: the stream pages of binance-spot-api-docs and of the USD-M documentation; field order follows
their samples. Ids are contiguous exactly where the exchange's are; each builder says where.
"""

from exchange_simulator.sources.layout import Layout, Value, Widths
from exchange_simulator.sources.subject import BOOK_RING, Builder, Subject, layout


def depth(subject: Subject) -> Layout:
    """Spot: `U` is the `u` before plus one. Futures: `pu` is the `u` before, `U` is not contiguous."""
    head = '"T":<d>,' if subject.futures else ""
    before = ',"pu":<d>' if subject.futures else ""
    texts = [
        f'{{"e":"depthUpdate","E":<d>,{head}"s":"{subject.upper}","U":<d>,"u":<d>{before},'
        f'"b":{q.side(3, -1)},"a":{q.side(2, 1)}{subject.tail(subject.symbol)}}}'
        for q in subject.walk()
    ]
    return _book(subject, texts)


def partial_depth(levels: int) -> Builder:
    """Spot: `lastUpdateId` only grows and nothing else names the event. Futures: a `depthUpdate`."""

    def build(subject: Subject) -> Layout:
        walk = subject.walk(BOOK_RING)
        if subject.futures:
            texts = [
                f'{{"e":"depthUpdate","E":<d>,"T":<d>,"s":"{subject.upper}","U":<d>,"u":<d>,"pu":<d>,'
                f'"b":{q.side(levels, -1)},"a":{q.side(levels, 1)}{subject.tail(subject.symbol)}}}'
                for q in walk
            ]
            return _book(subject, texts)
        texts = [
            f'{{"lastUpdateId":<d>,"bids":{q.side(levels, -1)},"asks":{q.side(levels, 1)}}}'
            for q in walk
        ]
        updates = Widths((9, 14, 3, 22), (), subject.first_id)
        return layout(
            texts,
            lambda n, _time, _step, _scale: (updates.span(n)[1],),
            lambda n, _ms: updates.span(n)[1],
            steady=True,
        )

    return build


def _book(subject: Subject, texts: list[str]) -> Layout:
    skip = (1, 1, 0, 2, 1, 2, 0, 1) if subject.futures else ()
    updates = Widths((1, 3, 2, 7, 1, 12, 4, 2), skip, subject.first_id)
    if not subject.futures:
        return layout(
            texts,
            lambda n, time, _step, _scale: (time, *updates.span(n)),
            lambda n, _ms: updates.span(n)[1],
            steady=True,
        )

    def numbers(n: int, time: int, _step: int, scale: int) -> tuple[Value, ...]:
        return time, time - 2 * scale, *updates.span(n), updates.span(n - 1)[1]

    return layout(texts, numbers, lambda n, _ms: updates.span(n)[1], steady=True)


def book_ticker(subject: Subject) -> Layout:
    """`u` only grows. Spot has neither event type nor time; futures have both."""
    updates = Widths((1, 3, 1, 12, 2, 5, 1, 7), (), subject.first_id)
    if not subject.futures:
        return layout(
            [
                f'{{"u":<d>,"s":"{subject.upper}","b":"{q.price()}","B":"{q.quantity()}",'
                f'"a":"{q.price(1)}","A":"{q.quantity()}"}}'
                for q in subject.walk()
            ],
            lambda n, _time, _step, _scale: (updates.span(n)[1],),
            lambda n, _ms: updates.span(n)[1],
            steady=True,
        )
    symbols = subject.symbols or (subject.symbol,)
    texts = []
    for place, q in enumerate(subject.walk()):
        symbol = symbols[place % len(symbols)].upper()
        texts.append(
            f'{{"e":"bookTicker","u":<d>,"E":<d>,"T":<d>,"s":"{symbol}","b":"{q.price()}",'
            f'"B":"{q.quantity()}","a":"{q.price(1)}","A":"{q.quantity()}"{subject.tail(symbol)}}}'
        )

    def numbers(n: int, time: int, _step: int, scale: int) -> tuple[Value, ...]:
        return updates.span(n)[1], time, time - 3 * scale

    return layout(texts, numbers, lambda n, _ms: updates.span(n)[1], steady=True)

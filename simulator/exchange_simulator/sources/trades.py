"""Payloads of trades.

Sources: the stream pages of binance-spot-api-docs and of the USD-M documentation; field order follows
their samples. Ids are contiguous exactly where the exchange's are; each builder says where.
"""

from exchange_simulator.sources.layout import Layout, Value, Widths
from exchange_simulator.sources.subject import Subject, by_time, layout


def trade(subject: Subject) -> Layout:
    """`t` grows by one. Futures add the order type `X`."""
    kind = '"X":"MARKET",' if subject.futures else ""
    last = "" if subject.futures else ',"M":true'
    texts = [
        f'{{"e":"trade","E":<d>,"s":"{subject.upper}","t":<d>,"p":"{q.price()}","q":"{q.quantity()}",'
        f'"T":<d>,{kind}"m":{q.flag()}{last}{subject.tail(subject.symbol)}}}'
        for q in subject.walk()
    ]
    first = subject.first_id

    def numbers(n: int, time: int, _step: int, scale: int) -> tuple[Value, ...]:
        return time, first + n, time - n % 4 * scale

    return layout(texts, numbers, lambda n, _ms: first + n, steady=True)


def aggregate_trade(subject: Subject) -> Layout:
    """`a` grows by one; `f`…`l` follow each other on spot, and have legal holes on futures."""
    more = ',"nq":"<q>"' if subject.futures else ""
    last = "" if subject.futures else ',"M":true'
    texts = []
    for q in subject.walk():
        amount = q.quantity()
        texts.append(
            f'{{"e":"aggTrade","E":<d>,"s":"{subject.upper}","a":<d>,"p":"{q.price()}",'
            f'"q":"{amount}"{more.replace("<q>", amount)},"f":<d>,"l":<d>,"T":<d>,'
            f'"m":{q.flag()}{last}{subject.tail(subject.symbol)}}}'
        )
    first = subject.first_id
    skip = (0, 0, 0, 0, 5, 0, 0, 3) if subject.futures else ()
    trades = Widths((1, 1, 3, 1, 2, 1, 1, 6), skip, first)

    def numbers(n: int, time: int, _step: int, scale: int) -> tuple[Value, ...]:
        return time, first + n, *trades.span(n), time - n % 4 * scale

    return layout(texts, numbers, lambda n, _ms: first + n, steady=True)


def block_trade(subject: Subject) -> Layout:
    """`t` is a sequence of its own; whether it is contiguous is not documented (here it is)."""
    texts = [
        f'{{"e":"blockTrade","E":<d>,"s":"{subject.upper}","t":<d>,"p":"{q.price()}",'
        f'"q":"{q.quantity(500_00000)}","T":<d>,"m":{q.flag()}}}'
        for q in subject.walk()
    ]
    first = subject.first_id

    def numbers(n: int, time: int, _step: int, scale: int) -> tuple[Value, ...]:
        return time, first + n, time - 261 * scale

    return layout(texts, numbers, lambda n, _ms: first + n, steady=True)


def force_order(subject: Subject) -> Layout:
    """A liquidation. It has no id: the exchange shows the largest of each second only."""
    symbols = subject.symbols or (subject.symbol,)
    texts = []
    for place, q in enumerate(subject.walk()):
        symbol = symbols[place % len(symbols)].upper()
        side = "SELL" if place % 2 else "BUY"
        amount = q.quantity()
        texts.append(
            f'{{"e":"forceOrder","E":<d>,"o":{{"s":"{symbol}","S":"{side}","o":"LIMIT","f":"IOC",'
            f'"q":"{amount}","p":"{q.price()}","ap":"{q.price()}","X":"FILLED","l":"{amount}",'
            f'"z":"{amount}","T":<d>}}{subject.tail(symbol)}}}'
        )
    return layout(texts, lambda _n, time, _step, scale: (time, time - 7 * scale), by_time)

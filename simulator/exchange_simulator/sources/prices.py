"""Prices and quantities: plausible, and the same for a symbol in every run with the same seed."""

from dataclasses import dataclass
from random import Random
from zlib import crc32

KNOWN = {
    "btcusdt": (65_000_00, 2),
    "ethusdt": (3_500_00, 2),
    "bnbusdt": (580_00, 2),
    "solusdt": (150_00, 2),
    "xrpusdt": (5_200, 4),
    "adausdt": (4_500, 4),
    "dogeusdt": (12_000, 5),
    "ethbtc": (5_384, 5),
    "btcusd_perp": (65_000_0, 1),
}
"""Symbol → price in ticks, and decimals of the tick. Others get a price derived from their name."""

SYMBOLS = ("btcusdt", "ethusdt", "bnbusdt", "solusdt", "xrpusdt", "adausdt", "dogeusdt", "ethbtc")
"""The members of all-market streams, unless the configuration names some."""


@dataclass(frozen=True)
class Quote:
    """One moment of a symbol's market, as the texts that Binance puts into its payloads."""

    ticks: int
    decimals: int
    random: Random

    def price(self, offset: int = 0) -> str:
        """The price so many ticks away."""
        return _text(max(1, self.ticks + offset), self.decimals)

    def quantity(self, most: int = 5_00000) -> str:
        """Some quantity, in hundred-thousandths of the base asset."""
        return _text(self.random.randint(1, most), 5)

    def side(self, levels: int, direction: int) -> str:
        """One side of a book: a JSON array of price levels, best first."""
        offset = 0
        rows = []
        for _ in range(levels):
            offset += self.random.randint(1, 5)
            rows.append(f'["{self.price(direction * offset)}","{self.quantity()}"]')
        return "[" + ",".join(rows) + "]"

    def flag(self) -> str:
        """A JSON boolean."""
        return "true" if self.random.random() < 0.5 else "false"


def quotes(symbol: str, stream: str, count: int, seed: int) -> list[Quote]:
    """Walk the price of a symbol at random for `count` steps."""
    ticks, decimals = KNOWN.get(symbol, (1_000 + crc32(symbol.encode()) % 900_000, 4))
    random = Random(f"{seed}:{stream}")  # noqa: S311 - prices, not secrets
    walk = []
    for _ in range(count):
        ticks = max(200, ticks + random.randint(-ticks // 5000 - 1, ticks // 5000 + 1))
        walk.append(Quote(ticks, decimals, random))
    return walk


def _text(units: int, decimals: int) -> str:
    """Fixed-point text with eight decimals, as Binance writes prices and quantities."""
    whole, rest = divmod(units, 10**decimals)
    return f"{whole}.{rest:0{decimals}d}".ljust(len(str(whole)) + 9, "0")

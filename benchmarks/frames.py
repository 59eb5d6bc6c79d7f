"""What is sent: the events of `exchange_simulator`, encoded before the clock runs. Pure.

Message `k` is event `k // S` of stream `k % S`: of many streams, neighbours are never of the same one, and the
numbers of each grow by one.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks.plan import Frame
from exchange_simulator.core.frames import header
from exchange_simulator.sources.catalog import find
from exchange_simulator.sources.layout import Layout
from exchange_simulator.sources.prices import SYMBOLS
from exchange_simulator.sources.subject import Subject

_CHANNELS: Final = {
    Frame.TRADE: "trade",
    Frame.TICKER: "ticker",
    Frame.DEPTH20: "depth20@100ms",
}
_FIRST_ID = 4_000_000_000
_START_US = 1_672_515_782_136_000
_STEP_US = 1_000

STAMP_SIZE: Final = 19
_STAMP_BASE: Final = 10**18
_STAMP_KEY: Final = b',"stamp":'
STAMP_PATTERN: Final = rb'"stamp":(\d{%d})' % STAMP_SIZE

FRAME_END: Final = b"}}"
PUBLICATION_END: Final = b"}}\r\n"


def stream_names(frame: Frame, count: int) -> list[str]:
    """Name so many streams of one channel, the well-known symbols first."""
    more = (f"s{number:04}usdt" for number in range(count))
    symbols = [*SYMBOLS, *more][:count]
    return [f"{symbol}@{_CHANNELS[frame]}" for symbol in symbols]


class Events:
    """The events of some streams, message by message."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self._layouts = [_layout(name) for name in names]
        self._openings = [f'{{"stream":"{name}","data":'.encode() for name in names]

    def payloads(self, messages: range) -> Iterator[bytes]:
        """Yield the payload of each message, by its number."""
        layouts, count = self._layouts, len(self._layouts)
        for message in messages:
            number, stream = divmod(message, count)
            time = _START_US + number * _STEP_US
            yield layouts[stream].payload(number, time, _STEP_US, microseconds=False)

    def texts(self, messages: range) -> list[bytes]:
        """Return the text of each message, as a combined stream has it."""
        openings, count = self._openings, len(self._openings)
        return [
            b"%b%b}" % (openings[message % count], payload)
            for message, payload in zip(messages, self.payloads(messages), strict=True)
        ]

    def frames(self, messages: range) -> list[bytes]:
        """Return a WebSocket frame for each."""
        return [header(len(text)) + text for text in self.texts(messages)]

    def stampable_frames(self, messages: range) -> list[bytes]:
        """Return the frames less their ends: `stamped` adds those, with the time as the event's last field."""
        return [header(size) + begun for size, begun in self._stampable(messages)]

    def stampable_publications(self, messages: range, subject: str) -> list[bytes]:
        """Return the same messages as a client of NATS writes them, likewise."""
        name = subject.encode()
        return [
            b"PUB %b %d\r\n%b" % (name, size, begun) for size, begun in self._stampable(messages)
        ]

    def _stampable(self, messages: range) -> Iterator[tuple[int, bytes]]:
        """Yield the size of each text with a stamp, and the text up to that."""
        for text in self.texts(messages):
            begun = text.removesuffix(FRAME_END) + _STAMP_KEY
            yield len(begun) + STAMP_SIZE + len(FRAME_END), begun


def stamped(begun: Sequence[bytes], end: bytes, nanoseconds: int) -> bytes:
    """Join messages, each ended with the same time."""
    end = b"%d%b" % (_STAMP_BASE + nanoseconds, end)
    return end.join(begun) + end if begun else b""


def read_stamp(digits: bytes) -> int:
    """Return the nanoseconds of a stamp."""
    return int(digits) - _STAMP_BASE


def _layout(name: str) -> Layout:
    listing = find(name, "spot", None)
    assert listing is not None, name
    return listing.build(
        Subject(
            stream=name,
            symbol=listing.symbol,
            first_id=_FIRST_ID,
            seed=0,
            futures=False,
            symbols=(),
        )
    )

"""What the relay keeps of each stream: how to read its events, the fixed parts of its envelope, and its counters."""

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

import msgspec

from streamset_api.enums import Overflow
from streamset_api.market import Market
from streamset_api.relay_config import RelayConfig
from streamset_api.stream import StreamName
from streamset_api.subject import render

from .channel import Channel, channel_of
from .identity import stream_prefix
from .sequence import Cut, Interruption

if TYPE_CHECKING:
    from .sequence import Check

# Streams nobody asked for are relayed too, but their names come from outside: this many are remembered.
UNPLANNED_LIMIT: Final = 2_000


class Stream:
    """One stream: constants for the frame's path, and plain integers for what was seen."""

    __slots__ = (
        "channel",
        "check",
        "decode",
        "gaps",
        "head",
        "interruption",
        "last",
        "message_id",
        "missing",
        "name",
        "numbered",
        "opening",
        "overflow",
        "passed",
        "publish",
        "received",
        "record",
        "resets",
        "subject",
    )

    def __init__(self, name: str, market: Market, subject: str, overflow: Overflow) -> None:
        self.name = name
        self.channel: Channel = channel_of(market, name)
        quoted = msgspec.json.encode(name)
        #: how a frame of this stream begins, up to the quote that ends the name
        self.head: bytes = b'{"stream":' + quoted[:-1]
        self.decode: Callable[[bytes], Any] = _decoder(self.channel.event)
        self.check: Check | None = self.channel.check
        self.numbered: bool = self.channel.numbered
        self.overflow = overflow
        #: its messages are records of events, and were never received
        self.record = False

        self.subject = subject
        self.publish: bytes = b"PUB " + subject.encode() + b" "
        self.opening: bytes = b'{"stream":' + quoted + b',"data":'
        self.message_id: bytes = stream_prefix(market, name)

        self.received = 0
        #: the last number seen; -1 before the first
        self.last = -1
        #: set until the next event, which may not follow the last one
        self.interruption: Interruption | None = None
        #: the last payload that went on, as far as `marks.Tracker` needs it
        self.passed = b""
        self.gaps = 0
        self.missing = 0
        self.resets = 0


def record_stream(name: str, market: Market, subject: str) -> Stream:
    """A stream for records about the one of that name: they go to `subject`, and wait where its messages would.

    Its messages have their own fields in the envelope instead of stream and data.
    """
    stream = Stream(name, market, subject, Overflow.DROP_NEWEST)
    stream.opening = b""
    stream.record = True
    return stream


class Streams:
    """All streams by name, and by the way their frames begin.

    A stream outlives its connection, so that the first event after a reconnect shows the gap.
    """

    def __init__(self, config: RelayConfig, *, checked: bool = True) -> None:
        self._config = config
        self._checked = checked
        self._by_name: dict[str, Stream] = {}
        self._planned: set[str] = set()
        #: for the frame's path: `{"stream":"<name>` → stream
        self.by_head: dict[bytes, Stream] = {}

    def __iter__(self) -> Iterator[Stream]:
        return iter(self._by_name.values())

    def unchecked(self) -> "Streams":
        """Streams of the same kind that count for themselves, and whose numbers nobody checks."""
        return Streams(self._config, checked=False)

    def subjects(self) -> set[str]:
        """Where messages of the planned streams go, and records of events."""
        events = self._config.nats.events_subject
        own = set() if events is None else {events}
        return own | {self._by_name[name].subject for name in self._planned}

    def interrupt(self, names: Iterable[str], cut: Cut, since: int) -> None:
        """The next event of each of these may not follow the last one. Nothing to do while nobody wants to know.

        Their frames are not recognised by their heads until then: so the first one goes the long way, where it is
        seen what the numbers say, and all others cost what they ever do.
        """
        if self._config.nats.events_subject is None:
            return
        for name in names:
            stream = self._by_name.get(name)
            if stream is not None and stream.interruption is None:
                stream.interruption = Interruption(cut, since)
                self.by_head.pop(stream.head, None)

    def resume(self, stream: Stream) -> None:
        """Its next event is there."""
        if self._by_name.get(stream.name) is stream:
            self.by_head[stream.head] = stream

    def plan(self, names: Iterable[str]) -> None:
        """Know these streams from the start, so that they show before their first event; forget dropped ones.

        One that comes back counts its numbers anew, whatever came late when it was dropped: what nobody wanted
        is no gap.
        """
        wanted = dict.fromkeys(names)
        for name in self._planned - wanted.keys():
            self.by_head.pop(self._by_name.pop(name).head, None)
        before, self._planned = self._planned, set(wanted)
        for name in wanted:
            stream = self.get(name)
            if name not in before:
                stream.last = -1

    def known(self, name: str) -> Stream | None:
        """The stream of that name, if there is one."""
        return self._by_name.get(name)

    def get(self, name: str) -> Stream:
        """The stream of that name; one nobody planned is made on the spot, and remembered while there is room."""
        stream = self._by_name.get(name)
        if stream is None:
            stream = self._make(name)
            unplanned = len(self._by_name) - len(self._planned)
            if name in self._planned or unplanned < UNPLANNED_LIMIT:
                self._by_name[name] = stream
                self.by_head[stream.head] = stream
        return stream

    def _make(self, name: str) -> Stream:
        market, nats, buffer = self._config.market, self._config.nats, self._config.buffer
        parts = _split(name)
        subject = render(nats.subject, market.value, parts)
        stream = Stream(name, market, subject, buffer.overflow_of(parts.channel))
        if not self._checked:
            stream.check = None
        return stream


@functools.cache
def _decoder(event: type[msgspec.Struct]) -> Callable[[bytes], Any]:
    return msgspec.json.Decoder(event).decode


def _split(name: str) -> StreamName:
    """Take any name apart; those that come from outside obey no pattern."""
    symbol, at, channel = name.partition("@")
    if at and not name.startswith("!"):
        return StreamName(name, symbol, channel)
    return StreamName(name, "", name.removeprefix("!"))

"""The end of a JetStream stream: where a relay goes on whose predecessor is not there to say it.

Read once, at the start. Streams with a subject of their own take one request each; those that share one are looked
for from the last message backwards, not without limit.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import count, islice
from typing import Final, TypeVar

from .core import stored
from .core.marks import Mark
from .core.stored import Stored
from .core.stream import Streams
from .errors import NatsLost
from .mailbox import Mailbox
from .nats_connection import NatsConnection

AT_ONCE: Final = 200
"""Requests on their way at a time."""

DEPTH: Final = 2_000
"""Messages looked at behind the last one of a subject."""

TIMEOUT: Final = 3.0
"""Seconds that the whole may take; what was found by then counts."""

_PREFIX: Final = "tail-"
_T = TypeVar("_T")


class Tail:
    """Reads the end of one JetStream stream, for the Binance streams of one relay."""

    def __init__(self, stream: str, streams: Streams) -> None:
        self._stream = stream
        self._streams = streams
        self._tokens = count(1)

    async def read(self, connection: NatsConnection, mailbox: Mailbox) -> dict[str, Mark]:
        """The last event of each stream, as far as it can be found; whatever else comes meanwhile is lost.

        Raises NatsLost when the connection ends.
        """
        wanted = self._wanted()
        found: dict[str, Mark] = {}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TIMEOUT):
                shared = []
                for part in _parts(wanted, AT_ONCE):
                    requests = [stored.last_of(subject) for subject in part]
                    answers = await self._get(connection, mailbox, requests)
                    for subject, answer in zip(part, answers, strict=True):
                        _take(answer, found)
                        if answer is not None and not found.keys() >= wanted[subject]:
                            shared.append((answer.sequence, wanted[subject]))
                for last, names in shared:
                    await self._walk_back(connection, mailbox, last, names, found)
        return found

    async def _walk_back(
        self,
        connection: NatsConnection,
        mailbox: Mailbox,
        last: int,
        names: set[str],
        found: dict[str, Mark],
    ) -> None:
        stop = max(0, last - 1 - DEPTH)
        for part in _parts(range(last - 1, stop, -1), AT_ONCE):
            requests = [stored.numbered(sequence) for sequence in part]
            for answer in await self._get(connection, mailbox, requests):
                _take(answer, found)
            if found.keys() >= names:
                return

    async def _get(
        self, connection: NatsConnection, mailbox: Mailbox, requests: Iterable[bytes]
    ) -> list[Stored | None]:
        """Ask for several messages at once; the answers in the same order."""
        subject = stored.get_subject(self._stream)
        tokens = {f"{_PREFIX}{next(self._tokens)}": request for request in requests}
        wires = [mailbox.request(subject, token, request) for token, request in tokens.items()]
        connection.write(b"".join(wires))
        answers: dict[str, Stored | None] = {}
        while answers.keys() != tokens.keys():
            await mailbox.arrived.wait()
            if connection.lost.done():
                raise NatsLost(connection.lost.result().cause)
            for letter in mailbox.take():
                token = letter.subject.removeprefix(mailbox.prefix)
                if token in tokens:
                    answers[token] = stored.read(letter.payload, self._streams)
        return [answers[token] for token in tokens]

    def _wanted(self) -> Mapping[str, set[str]]:
        """The streams by subject."""
        wanted: dict[str, set[str]] = {}
        for stream in self._streams:
            wanted.setdefault(stream.subject, set()).add(stream.name)
        return wanted


def _take(answer: Stored | None, found: dict[str, Mark]) -> None:
    """Note the last event of a stream; the first met is the latest, since it goes backwards."""
    if answer is not None and answer.mark is not None:
        found.setdefault(answer.name, answer.mark)


def _parts(things: Iterable[_T], size: int) -> Iterator[list[_T]]:
    left = iter(things)
    while part := list(islice(left, size)):
        yield part

"""What relays of the same streams say to each other: asks and words, as JSON over NATS request and reply.

A relay *asks* on the subject of its streams, every now and then: a successor to learn how far the owner has come,
an owner to learn of another one. Owners listen there, and answer an ask with a *word*. The one with the higher rank
stays the owner. A relay that takes over raises the term, so that it ranks above the one it replaces.
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from streamset_api.market import Market

from .channel import IDENTITY_BITS
from .classify import LATEST
from .identity import venue_of
from .marks import Mark, Marks

SUBJECTS: Final = "streamset.relay."
"""Begins every subject that relays ask on."""

_TOKEN: Final = re.compile(r"[^A-Za-z0-9_-]+")


class Stand(StrEnum):
    """What an owner says of itself."""

    OWNS = "owns"
    HANDS_OVER = "hands_over"


class Rank(NamedTuple):
    """Of two owners the higher one stays."""

    term: int
    relay: str
    """Name of the process; no two have the same."""


class Ask(NamedTuple):
    """Who owns the streams?"""

    rank: Rank
    owns: bool
    leaves: bool = False
    """The asking relay is about to end: it wants no answer, and is nobody's heir."""


class Word(NamedTuple):
    """An owner's answer. `marks` is how far NATS has confirmed its streams; handing over, that is all there is."""

    rank: Rank
    stand: Stand
    marks: Marks
    heir: str = ""
    """To which relay it hands over."""


def subject_of(set_uid: str, relay: str, market: Market) -> str:
    """The subject that the relays of one share of one set ask on, those that relay the same venue's events.

    A set whose market is changed has relays of both for a while: neither knows how far the other's streams are.
    """
    parts = (set_uid, relay, venue_of(market).value)
    return SUBJECTS + ".".join(_TOKEN.sub("-", part) for part in parts)


class _Document(msgspec.Struct, omit_defaults=True):
    relay: str
    term: int
    owns: bool = False
    leaves: bool = False
    stand: Stand | None = None
    heir: str = ""
    marks: dict[str, tuple[int, int]] = {}


_decode = msgspec.json.Decoder(_Document).decode


def write(said: Ask | Word) -> bytes:
    """Put an ask or a word into the bytes of a message."""
    rank = said.rank
    match said:
        case Ask():
            document = _Document(rank.relay, rank.term, owns=said.owns, leaves=said.leaves)
        case Word():
            marks = {name: (mark.identity, mark.time) for name, mark in said.marks.items()}
            document = _Document(
                rank.relay, rank.term, stand=said.stand, heir=said.heir, marks=marks
            )
    return msgspec.json.encode(document)


def read(payload: bytes) -> Ask | Word | None:
    """Read a message; None where it is neither. Total: anybody may write to the subject."""
    try:
        document = _decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    rank = Rank(document.term, document.relay)
    if document.stand is None:
        return Ask(rank, document.owns, document.leaves)
    marks = {name: Mark(*mark) for name, mark in document.marks.items() if _sane(*mark)}
    return Word(rank, document.stand, marks, document.heir)


def split(marks: Marks, limit: int) -> Sequence[Marks]:
    """Marks in parts, none of which takes more than about `limit` bytes as JSON."""
    parts: list[dict[str, Mark]] = [{}]
    size = 0
    for name, mark in marks.items():
        cost = 6 * len(name) + 48  # every character escaped, two numbers of 19 digits
        if size + cost > limit and parts[-1]:
            parts.append({})
            size = 0
        parts[-1][name] = mark
        size += cost
    return parts


def _sane(identity: int, time: int) -> bool:
    return 0 <= identity < 1 << IDENTITY_BITS and 0 <= time <= LATEST

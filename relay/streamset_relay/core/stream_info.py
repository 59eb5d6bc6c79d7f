"""Is the JetStream stream as the relay needs it? Requests and answers of the server's API, without I/O.

`$JS.API.STREAM.INFO.<name>` and `$JS.API.STREAM.CREATE.<name>` are JSON over request and reply; an answer
says which request it answers, and has either an `error` or the stream's `config` (nats-server,
`server/jetstream_api.go`). Durations are in nanoseconds.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec

from streamset_api.nats import JetStreamCreate

from .trouble import Trouble

SECOND: Final = 1_000_000_000
NOT_FOUND: Final = 10059


@dataclass(frozen=True)
class Wanted:
    """What the stream has to be. Without `create` it has to exist; created, it listens to `pattern` and `events`."""

    name: str
    duplicate_window: float
    pattern: str
    create: JetStreamCreate | None = None
    events: str | None = None
    """Where records of events go."""

    @property
    def subjects(self) -> list[str]:
        """The fewest filters for all that the relay publishes: the server refuses two that overlap."""
        covered = self.events is None or matcher([self.pattern]).fullmatch(self.events)
        return [self.pattern] if covered or self.events is None else [self.pattern, self.events]


class Right(NamedTuple):
    """The stream will do. `max_size`: bytes of a message with its headers, None where it sets no bound."""

    bound: "re.Pattern[str]"
    """Matches the subjects that the stream listens to."""
    max_size: int | None


class Wrong(NamedTuple):
    """It will not do, or could not be asked for."""

    trouble: Trouble
    text: str


class _Error(msgspec.Struct):
    code: int = 0
    err_code: int = 0
    description: str = ""


class _Config(msgspec.Struct):
    subjects: list[str] = []
    duplicate_window: int = 0
    max_msg_size: int = -1
    no_ack: bool = False
    sealed: bool = False
    mirror: dict[str, Any] | None = None


class _Reply(msgspec.Struct):
    type: str = ""
    error: _Error | None = None
    config: _Config | None = None


_decode = msgspec.json.Decoder(_Reply).decode


def info_subject(name: str) -> str:
    """Where to ask for a stream; the request is empty."""
    return f"$JS.API.STREAM.INFO.{name}"


def create_subject(name: str) -> str:
    """Where to ask for a new one, with `create_request`."""
    return f"$JS.API.STREAM.CREATE.{name}"


def create_request(wanted: Wanted, create: JetStreamCreate) -> bytes:
    """The stream that `create` describes; what is not named is the server's default."""
    return msgspec.json.encode(
        {
            "name": wanted.name,
            "subjects": list(create.subjects) or wanted.subjects,
            "storage": create.storage.value.lower(),
            "num_replicas": create.replicas,
            "max_age": create.max_age_seconds * SECOND,
            "max_bytes": create.max_bytes,
            "discard": create.discard.value.lower(),
            "duplicate_window": int(wanted.duplicate_window * SECOND),
        }
    )


def judge(reply: bytes, wanted: Wanted, subjects: Iterable[str]) -> Right | Wrong:
    """Judge the answer to either request. `subjects` are those that the relay publishes to."""
    try:
        answer = _decode(reply)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return Wrong(Trouble.UNAVAILABLE, f"an answer that is none: {error}")
    if answer.error is not None:
        if answer.error.err_code == NOT_FOUND:
            return Wrong(Trouble.STREAM_MISSING, f"there is no stream {wanted.name}")
        if answer.type.endswith("stream_create_response"):
            text = f"stream {wanted.name} was not created: {answer.error.description}"
            return Wrong(Trouble.NOT_CREATED, text)
        return Wrong(Trouble.UNAVAILABLE, answer.error.description)
    if answer.config is None:
        return Wrong(Trouble.UNAVAILABLE, "an answer without a configuration")
    return _judge_config(answer.config, wanted, subjects)


def _judge_config(config: _Config, wanted: Wanted, subjects: Iterable[str]) -> Right | Wrong:
    name = wanted.name
    if config.mirror is not None or config.sealed:
        what = "sealed" if config.sealed else "a mirror"
        return Wrong(Trouble.NOT_WRITABLE, f"stream {name} is {what}")
    if config.no_ack:
        return Wrong(Trouble.NO_ACKS, f"stream {name} has no_ack set, and answers nothing")
    window = config.duplicate_window / SECOND
    if window < wanted.duplicate_window:
        return Wrong(
            Trouble.WINDOW_TOO_SHORT,
            f"stream {name} remembers ids for {window:g} s; {wanted.duplicate_window:g} s are asked for",
        )
    bound = matcher(config.subjects)
    if (stray := next((each for each in subjects if not bound.fullmatch(each)), None)) is not None:
        listens = ", ".join(config.subjects[:5])
        return Wrong(
            Trouble.SUBJECT_NOT_BOUND, f"stream {name} listens to {listens}, not to {stray}"
        )
    return Right(bound, config.max_msg_size if config.max_msg_size > 0 else None)


def matcher(filters: Sequence[str]) -> "re.Pattern[str]":
    """One pattern for all subjects that any of these matches: `*` is one token, `>` one or more at the end."""
    return re.compile("|".join(_one(each) for each in filters) or r"(?!)")


def _one(subject: str) -> str:
    tokens: list[Any] = subject.split(".")
    wild = {"*": r"[^.]+", ">": r".+"}
    return r"\.".join(wild.get(token, re.escape(token)) for token in tokens)

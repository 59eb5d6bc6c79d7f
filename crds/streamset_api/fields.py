"""Types of fields that several models share: addresses, subjects, parts of a stream's name.

Each is a string with a longest length and one pattern that Python, RE2 and CEL read alike.
"""

import json
import re
from dataclasses import replace
from typing import Annotated

from pydantic import Field

from streamset_api import market, stream, subject
from streamset_api.model import Rule

SERVER_PATTERN = rf"^(nats|tls)://([^\x00-\x20@/?#,]+@)?{market.HOST}(:{market.PORT})?/?$"
SERVER_ALLOWED = (
    "a nats:// or tls:// address such as nats://localhost:4222; in a user name or password the "
    "characters @ / ? # , are percent-encoded"
)
OTLP_PATTERN = rf"^https?://{market.HOST}(:{market.PORT})?(/[^\x00-\x20?#]*)?$"
OTLP_ALLOWED = "an http:// or https:// address such as http://collector:4318"
SUBJECT_PATTERN = r"^[!-)+\-/-=?-z|~]+(\.[!-)+\-/-=?-z|~]+)*$"


def matching(pattern: str, allowed: str) -> Rule:
    """Return the rule that the whole string matches `pattern`."""
    compiled = re.compile(pattern)
    return Rule(
        cel=f"self.matches({json.dumps(pattern)})",
        allowed=allowed,
        holds=lambda value: compiled.fullmatch(value) is not None,
    )


def address(pattern: str, allowed: str) -> Rule:
    """Return the rule that the whole string matches `pattern`, and has a host; the latter CEL does not look at."""
    rule = matching(pattern, allowed)
    return replace(rule, holds=lambda url: rule.holds(url) and market.has_host(url))


SERVER = address(SERVER_PATTERN, SERVER_ALLOWED)
COLLECTOR = address(OTLP_PATTERN, OTLP_ALLOWED)


def is_server(url: str) -> bool:
    """Tell whether a NATS client can use the address."""
    return SERVER.holds(url)


def is_collector(url: str) -> bool:
    """Tell whether metrics can be pushed there."""
    return COLLECTOR.holds(url)


Server = Annotated[str, Field(min_length=1, max_length=512), SERVER]
Endpoint = Annotated[
    str,
    Field(min_length=1, max_length=512),
    address(market.ENDPOINT_PATTERN, market.ENDPOINT_ALLOWED),
    Rule("!self.contains('streams=')", market.ENDPOINT_ALLOWED, lambda url: "streams=" not in url),
]
OtlpEndpoint = Annotated[str, Field(min_length=1, max_length=512), COLLECTOR]
SubjectTemplate = Annotated[
    str,
    Field(min_length=1, max_length=subject.MAX_LENGTH),
    matching(subject.TEMPLATE_PATTERN, subject.TEMPLATE_ALLOWED),
    Rule("!self.startsWith('$')", subject.TEMPLATE_ALLOWED, lambda text: not text.startswith("$")),
]
Subject = Annotated[
    str,
    Field(min_length=1, max_length=subject.MAX_LENGTH),
    matching(SUBJECT_PATTERN, "a subject without spaces, wildcards and placeholders"),
    Rule(
        "!self.startsWith('$')",
        "a subject that does not start with $",
        lambda text: not text.startswith("$"),
    ),
]
Symbol = Annotated[
    str,
    Field(min_length=1, max_length=64),
    matching(stream.SYMBOL_PATTERN, "a symbol such as btcusdt"),
]
Channel = Annotated[
    str,
    Field(min_length=1, max_length=63),
    matching(
        stream.CHANNEL_PATTERN, "a channel such as trade, depth20@100ms or kline_1m, without symbol"
    ),
]
Stream = Annotated[
    str,
    Field(min_length=1, max_length=stream.MAX_LENGTH),
    Rule(
        f"!self.matches({json.dumps(stream.LISTEN_KEY_PATTERN)})",
        f"a market data stream: {stream.LISTEN_KEY_REASON}",
        lambda name: re.fullmatch(stream.LISTEN_KEY_PATTERN, name) is None,
    ),
    matching(stream.STREAM_PATTERN, stream.ALLOWED),
]

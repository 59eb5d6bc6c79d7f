"""NATS subjects from a template such as `binance.{market}.{symbol}.{channel}`.

What a placeholder stands for becomes one token, by one rule:

* ASCII letters, digits, `-` and `_` stay,
* `@` becomes `=`,
* any other character becomes its UTF-8 bytes as `%XX` (upper case), as in an address,
* nothing (the symbol of a stream of the whole market) becomes `_all`.

So `btcusdt@depth20@100ms` becomes `btcusdt=depth20=100ms`, and a consumer gets the name back by
replacing `=` with `@` and then percent-decoding. Two names never share a token, and no token holds
a wildcard, a dot or a space. The characters are legal in any NATS subject ("Subject-Based
Messaging", docs.nats.io).
"""

import re
from urllib.parse import quote, unquote

from streamset_api.errors import InvalidValueError
from streamset_api.stream import StreamName, parse

MAX_LENGTH = 255
NO_SYMBOL = "_all"
PLACEHOLDERS = ("market", "symbol", "channel", "stream")

# Printable ASCII without space, `*`, `.`, `>`, `{` and `}`; or a placeholder. RE2 knows all of it.
_PIECE = r"([!-)+-\-/-=?-z|~]|\{(market|symbol|channel|stream)\})"
TEMPLATE_PATTERN = rf"^{_PIECE}+(\.{_PIECE}+)*$"
TEMPLATE_ALLOWED = (
    "tokens joined by dots, of printable ASCII without spaces and wildcards (* >), and the "
    "placeholders {market} {symbol} {channel} {stream}; not starting with $; "
    f"at most {MAX_LENGTH} characters"
)

_TEMPLATE = re.compile(TEMPLATE_PATTERN)
_PLACEHOLDER = re.compile(r"\{([a-z]+)\}")


def check_template(template: str) -> str:
    """Return the template if every subject it renders is legal, else raise `InvalidValueError`.

    Subjects that start with `$` belong to the server (`$SYS`, `$JS`).
    """
    if (
        len(template) > MAX_LENGTH
        or template.startswith("$")
        or _TEMPLATE.fullmatch(template) is None
    ):
        raise InvalidValueError(template, TEMPLATE_ALLOWED)
    return template


def render(template: str, market: str, stream: StreamName | str) -> str:
    """Return the subject that a stream's messages go to. The template is one that was checked."""
    name = parse(stream) if isinstance(stream, str) else stream
    values = {
        "market": token(market),
        "symbol": token(name.symbol),
        "channel": token(name.channel),
        "stream": token(name.name),
    }
    return _PLACEHOLDER.sub(lambda match: values[match.group(1)], template)


def pattern(template: str, market: str) -> str:
    """Return the NATS filter that matches all subjects a template renders for a market."""
    rendered = template.replace("{market}", token(market))
    return ".".join("*" if "{" in part else part for part in rendered.split("."))


def token(text: str) -> str:
    """Encode any text as one subject token; the rule is this module's."""
    # quote() leaves ASCII letters, digits and `_.-~` as they are, and what `safe` lists.
    encoded = quote(text, safe="@").replace(".", "%2E").replace("~", "%7E")
    return encoded.replace("@", "=") or NO_SYMBOL


def decode(encoded: str) -> str:
    """Return the text that `token` encoded."""
    return "" if encoded == NO_SYMBOL else unquote(encoded.replace("=", "@"), errors="strict")

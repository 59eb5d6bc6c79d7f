"""Hide credentials in addresses before they reach a message, a log line or a status field."""

import re

MASK = "***"

# In a WebSocket or HTTP address the user part ends before the first `/`, `?` or `#`: a stream name
# in the path also holds an `@`. Elsewhere (NATS) a password may hold any of these unescaped, so the
# last `@` ends it; hiding a host then is better than showing half a password.
_WEB_USER = re.compile(r"(?i)\b((?:wss?|https?)://)[^\s/?#]*@")
_ANY_USER = re.compile(r"(?is)\b((?!wss?:|https?:)[a-z][a-z0-9+.-]*://).*@")
# Schemes by name: any word before `://` would take a part of such a password for the next address.
_NEXT_URL = re.compile(r"(?i)(?<=,)(?=\s*(?:nats|tls|wss?|https?)://)")


def redact(urls: str) -> str:
    """Return an address, or a comma-separated list of them, with user, password and token masked.

    >>> redact("nats://alice:secret@a:4222,nats://b:4222")
    'nats://***@a:4222,nats://b:4222'
    """
    return "".join(_redact_one(part) for part in _NEXT_URL.split(urls))


def _redact_one(part: str) -> str:
    url = part.lstrip()
    space = part[: len(part) - len(url)]
    if "://" not in url and "@" in url:
        return f"{space}{MASK}@{url.rpartition('@')[2]}"
    url = _WEB_USER.sub(rf"\1{MASK}@", url)
    return space + _ANY_USER.sub(rf"\1{MASK}@", url)

"""Who the relay says it is: what the CONNECT line carries, and what files of credentials hold.

Each function that reads text raises ValueError for what cannot be used, with a reason for people
and without any of the text. Texts that are no secret of theirs are checked all the same: a server
answers every mistake with the same two words.

Source: https://docs.nats.io/reference/reference-protocols/nats-protocol#connect and, for files of
credentials, https://docs.nats.io/using-nats/developer/connecting/creds.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import SplitResult, unquote

from .nkey import Nkey

JWT_MARK: Final = "BEGIN NATS USER JWT"
SEED_MARK: Final = "BEGIN USER NKEY SEED"


class NonceMissingError(ValueError):
    """The server gave nothing to sign."""

    def __str__(self) -> str:
        return "it asks for no signature, so it knows neither nkeys nor JWT"


@dataclass(frozen=True, repr=False)
class Login:
    """What proves who the relay is. It never shows itself.

    `fields` go into the CONNECT line as they are; with a `key`, so does the signature of the
    server's nonce. `expires` is when the server will end it, in Unix time, where it is known.
    """

    fields: Mapping[str, str]
    key: Nkey | None = None
    expires: float | None = None

    def answer(self, nonce: str) -> dict[str, str]:
        """Return the fields of the CONNECT line. Raises NonceMissingError."""
        if self.key is None:
            return dict(self.fields)
        if not nonce:
            raise NonceMissingError
        return {**self.fields, "sig": self.key.sign(nonce)}


def of_url(url: SplitResult) -> Login | None:
    """Return the login that an address carries: user and password, or a token; percent-encoded."""
    if url.username is None:
        return None
    user = unquote(url.username)
    return token(user) if url.password is None else password(user, unquote(url.password))


def password(user: str, secret: str) -> Login:
    """Return the login of a user with a password."""
    return Login({"user": user, "pass": secret})


def token(text: str) -> Login:
    """Return the login of a token."""
    return Login({"auth_token": text})


def nkey(text: str) -> Login:
    """Return the login of the seed of a user's nkey."""
    key = Nkey.from_seed(text.strip())
    return Login({"nkey": key.public}, key)


def creds(text: str) -> Login:
    """Return the login of a credentials file: a JWT and the seed of the key that it speaks of."""
    lines = [line.strip() for line in text.splitlines()]
    jwt, key = _after(JWT_MARK, lines), Nkey.from_seed(_after(SEED_MARK, lines))
    claims = _claims(jwt)
    if claims.get("sub") != key.public:
        raise ValueError("JWT and seed are not of the same user")
    expires = claims.get("exp")
    limited = isinstance(expires, int | float) and not isinstance(expires, bool) and expires > 0
    return Login({"jwt": jwt}, key, expires if limited else None)


def _after(mark: str, lines: list[str]) -> str:
    """Return the one line between that with the mark and the dashes that end the section."""
    begins = next((number for number, line in enumerate(lines) if mark in line), None)
    if begins is None:
        raise ValueError(f"there is no line with {mark}")
    content = []
    for line in lines[begins + 1 :]:
        if line.startswith("---"):
            break
        content += [line] if line else []
    else:
        raise ValueError(f"it breaks off after the line with {mark}")
    if len(content) != 1:
        raise ValueError(f"after the line with {mark} there is not one line before the next dashes")
    return content[0]


def _claims(jwt: str) -> Mapping[str, Any]:
    """Return what a JWT claims, unverified: it is for the server to verify, with keys it trusts."""
    parts = jwt.split(".")
    try:
        encoded = parts[1] if len(parts) == 3 else ""
        claims = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except (ValueError, RecursionError):
        raise ValueError("its JWT cannot be read") from None
    return claims if isinstance(claims, dict) else {}

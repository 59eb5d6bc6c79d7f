"""NATS accounts of a test: an operator, one account and its users, as `nsc` would make them.

The JWTs are those of https://github.com/nats-io/jwt, version 2. Nothing here is shared with the
relay, whose reading of keys and credentials files is under test.

    accounts = Accounts()
    async with NatsServer(accounts.config()) as server:
        file.write_text(accounts.user().creds())
"""

import base64
import binascii
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nacl.signing import SigningKey

OPERATOR, ACCOUNT, USER = 14 << 3, 0, 20 << 3
CREDS = """\
-----BEGIN NATS USER JWT-----
{jwt}
------END NATS USER JWT------

************************* IMPORTANT *************************
NKEY Seed printed below can be used to sign and prove identity.

-----BEGIN USER NKEY SEED-----
{seed}
------END USER NKEY SEED------

*************************************************************
"""


class KeyPair:
    """An nkey of a role."""

    def __init__(self, role: int) -> None:
        self._key = SigningKey.generate()
        self._role = role
        self.public = _encode(bytes([role]) + bytes(self._key.verify_key))

    @property
    def seed(self) -> str:
        return _encode(bytes([18 << 3 | self._role >> 5, self._role << 3 & 255]) + bytes(self._key))

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Return the claims as a JWT."""
        head = _base64(json.dumps({"typ": "JWT", "alg": "ed25519-nkey"}).encode())
        body = f"{head}.{_base64(json.dumps(claims).encode())}"
        return f"{body}.{_base64(self._key.sign(body.encode()).signature)}"


@dataclass(frozen=True)
class User:
    """A user of the account."""

    jwt: str
    key: KeyPair

    def creds(self) -> str:
        """The text of a credentials file."""
        return CREDS.format(jwt=self.jwt, seed=self.key.seed)


class Accounts:
    """Everything that a server of this operator has to know, and users for its clients."""

    def __init__(self) -> None:
        self._operator = KeyPair(OPERATOR)
        self._account = KeyPair(ACCOUNT)
        self._jwt = _jwt(self._operator, self._operator, "operator", {}, {})

    def config(self, *, revoked: User | None = None) -> str:
        """Return the configuration of a server. It cuts off the connections of a revoked user."""
        limits = dict.fromkeys(
            ("subs", "data", "payload", "imports", "exports", "conn", "leaf"), -1
        )
        claims: dict[str, Any] = {"limits": limits | {"wildcards": True}}
        if revoked is not None:
            claims["revocations"] = {revoked.key.public: int(time.time()) + 1}
        account = _jwt(self._operator, self._account, "account", claims, {})
        return (
            f"operator: {self._jwt}\nresolver: MEMORY\n"
            f"resolver_preload: {{ {self._account.public}: {account} }}\n"
        )

    def user(self, *, lifetime: float | None = None, **permissions: Any) -> User:
        """Return a new user; its JWT ends after `lifetime` seconds."""
        key = KeyPair(USER)
        expires = {} if lifetime is None else {"exp": int(time.time() + lifetime)}
        claims = {"subs": -1, "data": -1, "payload": -1, **permissions}
        return User(_jwt(self._account, key, "user", claims, expires), key)


def _jwt(
    issuer: KeyPair, subject: KeyPair, kind: str, claims: Mapping[str, Any], more: Mapping[str, Any]
) -> str:
    return issuer.sign(
        {
            "jti": subject.public,
            "iat": int(time.time()) - 1,
            "iss": issuer.public,
            "sub": subject.public,
            "name": kind,
            "nats": {"type": kind, "version": 2, **claims},
            **more,
        }
    )


def _encode(raw: bytes) -> str:
    checksum = binascii.crc_hqx(raw, 0).to_bytes(2, "little")
    return base64.b32encode(raw + checksum).decode().rstrip("=")


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")

"""The key of a NATS user: an Ed25519 key pair, told by its seed.

The form of seeds and public keys, base32 of a prefix, 32 bytes and a checksum, is that of
https://github.com/nats-io/nkeys; that package's Python port leaves the checksum unread, so that a
mistyped seed is another key, and the server's refusal says nothing about it.
"""

import base64
import binascii
from typing import Final, Self

from nacl.signing import SigningKey

SEED: Final = 18 << 3
"""First byte of a seed, which makes it start with `S`. The role follows, shifted by five bits."""

USER: Final = 20 << 3
"""Role of a user: `U`."""

LENGTH: Final = 2 + 32 + 2
"""Bytes of a decoded seed: prefix, key, checksum."""


class Nkey:
    """Signs what the server asks to be signed. Two are equal when their public keys are."""

    def __init__(self, key: SigningKey) -> None:
        self._key = key
        raw = bytes([USER]) + bytes(key.verify_key)
        self.public = base64.b32encode(raw + _checksum(raw)).decode().rstrip("=")

    @classmethod
    def from_seed(cls, text: str) -> Self:
        """Read a seed, such as `SUACS…`. Raises ValueError, which never repeats any of it."""
        try:
            raw = base64.b32decode(text + "=" * (-len(text) % 8))
        except ValueError:
            raise ValueError("the seed is not base32") from None
        if len(raw) != LENGTH or raw[0] & 0xF8 != SEED:
            raise ValueError("it is no seed: one has 58 characters and starts with SU")
        if _checksum(raw[:-2]) != raw[-2:]:
            raise ValueError("the checksum of the seed is wrong: a character is not what it was")
        if (raw[0] & 7) << 5 | raw[1] >> 3 != USER:
            raise ValueError("the seed is not that of a user, which starts with SU")
        return cls(SigningKey(raw[2:-2]))

    def sign(self, nonce: str) -> str:
        """Return the signature of a server's nonce in the form that CONNECT wants."""
        signature = self._key.sign(nonce.encode()).signature
        return base64.urlsafe_b64encode(signature).decode().rstrip("=")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Nkey) and self.public == other.public

    def __hash__(self) -> int:
        return hash(self.public)

    def __repr__(self) -> str:
        return f"Nkey({self.public})"


def _checksum(raw: bytes) -> bytes:
    """CRC-16/XMODEM, little-endian."""
    return binascii.crc_hqx(raw, 0).to_bytes(2, "little")

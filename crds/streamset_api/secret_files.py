"""The files that a relay reads its NATS credentials from, and where those of a Secret are mounted.

A configuration holds paths, never a secret: it ends up in a ConfigMap. Without a cluster the paths
are those that its author chose.
"""

from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from streamset_api.errors import InvalidValueError
from streamset_api.model import Model
from streamset_api.nats import Auth, SecretKeyRef, Tls

FOLDER: Final = "/etc/streamset/secrets"
"""The operator mounts each Secret as a folder of its name below this one, its keys as files."""

FilePath = Annotated[str, Field(min_length=1, max_length=4096)]

ONE_WAY: Final = (
    "exactly one of credsFile, nkeyFile, tokenFile, or usernameFile together with passwordFile"
)
BOTH_HALVES: Final = "certFile and keyFile, or neither"


class AuthFiles(Model):
    """Credentials: exactly one way. A way that this relay does not know is none: it must not start."""

    creds_file: FilePath | None = None
    """A credentials file (JWT and seed), as `nsc` writes it."""
    nkey_file: FilePath | None = None
    """The seed of a user nkey."""
    token_file: FilePath | None = None
    """A token."""
    username_file: FilePath | None = None
    """The name of a user; `password_file` goes with it."""
    password_file: FilePath | None = None
    """The password."""

    @model_validator(mode="after")
    def _check_one_way(self) -> Self:
        given = set(self.model_dump(by_alias=True, exclude_none=True))
        ways = ({"credsFile"}, {"nkeyFile"}, {"tokenFile"}, {"usernameFile", "passwordFile"})
        if given not in ways:
            raise InvalidValueError(sorted(given), ONE_WAY)
        return self


class TlsFiles(Model):
    """TLS, which is then required of every server, whatever its address says."""

    ca_file: FilePath | None = None
    """Certificates to trust, PEM; without it those of the system."""
    cert_file: FilePath | None = None
    """The client's certificate, with those that lead to its authority; PEM."""
    key_file: FilePath | None = None
    """The key of that certificate, PEM, not encrypted."""
    handshake_first: bool = False
    """Start TLS before the server speaks, as its option `handshake_first` demands."""

    @model_validator(mode="after")
    def _check_both_halves(self) -> Self:
        if (self.cert_file is None) is not (self.key_file is None):
            given = self.model_dump(by_alias=True, exclude_none=True, exclude={"handshake_first"})
            raise InvalidValueError(sorted(given), BOTH_HALVES)
        return self


def path(secret: str, key: str) -> str:
    """Return the file in which a relay finds a key of a Secret."""
    return f"{FOLDER}/{secret}/{key}"


def auth_files(auth: Auth) -> AuthFiles | None:
    """Return where a set's credentials are mounted; None for none."""
    if all(value is None for _, value in auth):
        return None
    basic = auth.user_password_secret_ref
    return AuthFiles(
        creds_file=_path(auth.creds_secret_ref),
        nkey_file=_path(auth.nkey_secret_ref),
        token_file=_path(auth.token_secret_ref),
        username_file=path(basic.name, "username") if basic is not None else None,
        password_file=path(basic.name, "password") if basic is not None else None,
    )


def tls_files(tls: Tls | None) -> TlsFiles | None:
    """Return where a set's certificates are mounted; None where TLS is left to the addresses."""
    if tls is None:
        return None
    pair = tls.cert_secret_ref
    return TlsFiles(
        ca_file=_path(tls.ca_secret_ref),
        cert_file=path(pair.name, "tls.crt") if pair is not None else None,
        key_file=path(pair.name, "tls.key") if pair is not None else None,
        handshake_first=tls.handshake_first,
    )


def _path(ref: SecretKeyRef | None) -> str | None:
    return path(ref.name, ref.key) if ref is not None else None

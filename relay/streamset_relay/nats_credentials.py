"""What `nats.auth` and `nats.tls` name: files, read anew for each connection.

The files are mounted Secrets. The kubelet replaces all files of one at once, by a symlink, some
time after the Secret changed; one that is missing may come later. So nothing is read at the start
of the process, and nothing is kept but what the connection in use was made with.

Traps that are closed here: an empty file of authorities would mean those of the system; an
encrypted key would have OpenSSL ask for its password on the terminal.
"""

import asyncio
import hashlib
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streamset_api.secret_files import AuthFiles, TlsFiles

from .core import nats_login
from .core.nats_login import Login
from .errors import NatsError, SecretInvalid, SecretMissing

CERTIFICATE: Final = "-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True)
class Tls:
    """TLS that is required: with whom to speak it, and whether before the server's greeting."""

    context: ssl.SSLContext
    handshake_first: bool = False


@dataclass(frozen=True)
class Credentials:
    """What one connection is made with. Without `tls`, the address decides about encryption."""

    login: Login | None = None
    tls: Tls | None = None


class CredentialFiles:
    """Reads the files, and tells when they are no longer what was read last.

    It looks at them at most every `interval` seconds, on the clock that it is told.
    """

    def __init__(
        self, auth: AuthFiles | None = None, tls: TlsFiles | None = None, interval: float = 1.0
    ) -> None:
        self._auth = auth
        self._tls = tls
        self._files = [Path(value) for value in (*_paths(auth), *_paths(tls))]
        self._interval = interval
        self._look_at = 0.0
        self._stamps: list[Stamp] = []
        self._digest: bytes | None = None

    async def read(self) -> Credentials:
        """Read all files. Raises SecretMissing or SecretInvalid."""
        return await asyncio.to_thread(self._read) if self._in_use else Credentials()

    async def changed(self, now: float) -> bool:
        """Whether there is anything else in the files than `read` found, or nothing at all."""
        if not self._in_use or now < self._look_at:
            return False
        self._look_at = now + self._interval
        return await asyncio.to_thread(self._differ)

    @property
    def _in_use(self) -> bool:
        return self._auth is not None or self._tls is not None

    def _read(self) -> Credentials:
        self._stamps = [_stamp(file) for file in self._files]  # first: a change after it is seen
        self._digest = None
        contents = _contents(self._files)
        credentials = Credentials(
            login=None if self._auth is None else _login(self._auth, contents),
            tls=None if self._tls is None else _tls(self._tls, contents),
        )
        self._digest = _digest(contents)
        return credentials

    def _differ(self) -> bool:
        stamps = [_stamp(file) for file in self._files]
        if stamps == self._stamps:
            return False
        self._stamps = stamps
        try:
            return _digest(_contents(self._files)) != self._digest
        except NatsError:
            return True


def client_context(authorities: str | None = None) -> ssl.SSLContext:
    """TLS from 1.2 on, the server's certificate and name verified. Reads files.

    `authorities` are PEM certificates that stand in for those of the system.
    """
    context = ssl.create_default_context(cadata=authorities)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


Stamp = tuple[int, int, int, int] | None
Contents = Mapping[str, bytes]
"""By path, as the configuration has it."""


def _paths(files: AuthFiles | TlsFiles | None) -> list[str]:
    return [value for _, value in files or () if isinstance(value, str)]


def _stamp(file: Path) -> Stamp:
    """Return what tells a file, through all symlinks, from the one that replaces it."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _contents(files: list[Path]) -> Contents:
    return {str(file): _bytes(file) for file in files}


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise SecretMissing(file) from None
    except OSError as error:
        raise SecretInvalid(file, f"it cannot be read ({error.strerror})") from None


def _digest(contents: Contents) -> bytes:
    """Return what stands for the contents, so that they need not be kept."""
    whole = hashlib.sha256()
    for path, content in contents.items():
        whole.update(b"%d %b %d " % (len(path), path.encode(), len(content)) + content)
    return whole.digest()


def _login(auth: AuthFiles, contents: Contents) -> Login:
    ways: tuple[tuple[str | None, Callable[[str], Login]], ...] = (
        (auth.creds_file, nats_login.creds),
        (auth.nkey_file, nats_login.nkey),
        (auth.token_file, nats_login.token),
    )
    for path, parse in ways:
        if path is not None:
            try:
                return parse(_line(path, contents))
            except ValueError as error:
                raise SecretInvalid(Path(path), str(error)) from None
    assert auth.username_file is not None  # noqa: S101 - the model sees to it
    assert auth.password_file is not None  # noqa: S101
    return nats_login.password(
        _line(auth.username_file, contents), _line(auth.password_file, contents)
    )


def _line(path: str, contents: Contents) -> str:
    """Return a text without the line break that editors and `echo` leave at its end."""
    try:
        text = contents[path].decode()
    except UnicodeDecodeError:
        raise SecretInvalid(Path(path), "it is no UTF-8 text") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise SecretInvalid(Path(path), "it is empty")
    return text


def _tls(tls: TlsFiles, contents: Contents) -> Tls:
    context = client_context(_authorities(tls, contents))
    if tls.cert_file is not None:
        try:
            context.load_cert_chain(tls.cert_file, tls.key_file, password=_no_password)
        except (OSError, ValueError) as error:  # `ssl.SSLError` is an OSError
            raise SecretInvalid(Path(tls.cert_file), f"with its key: {_why(error)}") from None
    return Tls(context, tls.handshake_first)


def _authorities(tls: TlsFiles, contents: Contents) -> str | None:
    """Return the certificates to trust, checked; None for those of the system."""
    if tls.ca_file is None:
        return None
    text = contents[tls.ca_file].decode("ascii", "ignore")  # bundles come with comments
    try:
        if CERTIFICATE not in text:
            raise ValueError("there is no certificate in it")
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError) as error:
        raise SecretInvalid(Path(tls.ca_file), _why(error)) from None
    return text


def _no_password() -> str:
    raise ValueError("the key is encrypted")


def _why(error: Exception) -> str:
    """Return the words of an error without the place in Python's source."""
    reason = getattr(error, "reason", None)
    return str(reason).replace("_", " ").lower() if reason else str(error)

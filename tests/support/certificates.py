"""A certificate authority of a test, made with the `openssl` command."""

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest


class Authority:
    """Issues certificates into `folder`. Keys are P-256: made in milliseconds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.certificate = folder / "ca.pem"
        self._run(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-keyout", "ca.key", "-out", "ca.pem", "-days", "1", "-subj", "/CN=test authority"),
            *("-addext", "keyUsage=critical,keyCertSign"),
        )

    @staticmethod
    def available() -> bool:
        return shutil.which("openssl") is not None

    def server_context(self, name: str) -> ssl.SSLContext:
        """What a server needs whose certificate is for `name`, e.g. `IP:127.0.0.1`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue("server", name))
        return context

    def issue(self, owner: str, name: str = "DNS:client") -> tuple[Path, Path]:
        """Make a certificate for `name` and its key; the files are named for the owner."""
        self._run(
            *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-keyout", f"{owner}.key", "-out", f"{owner}.csr", "-subj", f"/CN=test {owner}"),
            *("-addext", f"subjectAltName={name}"),
        )
        self._run(
            *("x509", "-req", "-in", f"{owner}.csr", "-CA", "ca.pem", "-CAkey", "ca.key"),
            *("-out", f"{owner}.pem", "-days", "1", "-copy_extensions", "copyall"),
        )
        return self._folder / f"{owner}.pem", self._folder / f"{owner}.key"

    def encrypted(self, key: Path) -> Path:
        """Return a copy of a key that asks for a password."""
        copy = key.with_suffix(".encrypted")
        self._run("pkey", "-in", str(key), "-aes256", "-passout", "pass:word", "-out", str(copy))
        return copy

    def client_context(self) -> ssl.SSLContext:
        """A client's context that trusts this authority alone."""
        return ssl.create_default_context(cafile=str(self.certificate))

    def _run(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self._folder, check=True, capture_output=True)


def authority_in(folder: Path) -> Authority:
    """Make an authority in a folder that is not there yet; skips the test where nothing can."""
    if not Authority.available():
        pytest.skip("needs the openssl command")
    folder.mkdir()
    return Authority(folder)


def server_tls(authority: Authority, option: str = "", *, name: str = "IP:127.0.0.1") -> str:
    """The TLS of a nats-server's configuration, with a certificate for `name`."""
    certificate, key = authority.issue("server", name)
    return f'tls {{ cert_file: "{certificate}", key_file: "{key}", {option} }}\n'

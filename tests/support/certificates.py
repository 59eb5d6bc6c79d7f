"""A certificate authority of a test, made with the `openssl` command."""

import shutil
import ssl
import subprocess
from pathlib import Path


class Authority:
    """Issues server certificates into `folder`. Keys are P-256: made in milliseconds."""

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
        self._run(
            *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=test server"),
            *("-addext", f"subjectAltName={name}"),
        )
        self._run(
            *("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key"),
            *("-out", "server.pem", "-days", "1", "-copy_extensions", "copyall"),
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._folder / "server.pem", self._folder / "server.key")
        return context

    def client_context(self) -> ssl.SSLContext:
        """A client's context that trusts this authority alone."""
        return ssl.create_default_context(cafile=str(self.certificate))

    def _run(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self._folder, check=True, capture_output=True)

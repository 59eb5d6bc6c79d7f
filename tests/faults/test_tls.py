"""Row 8: certificates that change, expire or belong to somebody else, and a server that offers no TLS at all."""

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.case import Case, Run, jetstream, market, sized
from tests.support.certificates import Authority, authority_in, server_tls
from tests.support.jetstream import administration
from tests.support.mounted_secret import MountedSecret
from tests.support.nats_server import NatsServer
from tests.support.relay_process import RelayProcess

TRACE = "trace: true\nmax_traced_msg_len: 1\n"
"""Then nats-server logs what clients say to it."""
CONNECT = "<<- [CONNECT "

Impostor = Callable[[Path, Authority], tuple[str, str]]
"""What makes the configuration of a server that is not to be trusted, and the relay's words for it."""


def _of_another_host(_: Path, authority: Authority) -> tuple[str, str]:
    return server_tls(authority, name="DNS:elsewhere.example"), "verify failed"


def _expired(folder: Path, authority: Authority) -> tuple[str, str]:
    config = server_tls(authority)
    names = {"-in": "server.csr", "-CA": "ca.pem", "-CAkey": "ca.key", "-out": "server.pem"}
    options = [word for pair in names.items() for word in pair]
    subprocess.run(
        ["openssl", "x509", "-req", "-days", "-1", "-copy_extensions", "copyall", *options],
        cwd=folder / "authority",
        check=True,
        capture_output=True,
    )
    return config, "certificate has expired"


def _of_a_stranger(folder: Path, _: Authority) -> tuple[str, str]:
    strangers = folder / "strangers"
    authority = Authority(strangers) if strangers.exists() else authority_in(strangers)
    return server_tls(authority), "verify failed"


def _in_plaintext(_: Path, __: Authority) -> tuple[str, str]:
    return "", "no TLS"


IMPOSTORS: dict[str, Impostor] = {
    "of another host": _of_another_host,
    "expired": _expired,
    "of a stranger": _of_a_stranger,
    "plaintext": _in_plaintext,
}


@pytest.mark.row(8, f"client's certificate rotated; server {', '.join(IMPOSTORS)}", seconds=60)
async def test_no_certificate_no_word(case: Case, tmp_path: Path) -> None:
    authority, secret = authority_in(tmp_path / "authority"), MountedSecret(tmp_path / "nats-tls")
    _write(secret, authority, "relay-0")
    files = {field: secret.path(key) for field, key in KEYS.items()}
    async with (
        NatsServer(_good(authority), jetstream=True) as server,
        market() as exchange,
    ):
        settings = jetstream(exchange.url, server.url, buffer=sized(15), nats={"tls": files})
        async with RelayProcess(tmp_path, settings) as relay:
            run = case.run(exchange, relay, server.url)
            async for number in run.injections(1 + len(IMPOSTORS)):
                kind = number % (1 + len(IMPOSTORS))
                if kind == 0:
                    await _rotate(run, secret, authority, number)
                    continue
                config, words = list(IMPOSTORS.values())[kind - 1](tmp_path, authority)
                said = len(server.log)
                await _serve(server, TRACE + config)
                await run.until(words, last_errors__nats=_says(words))
                await asyncio.sleep(case.random.uniform(0.5, 1.5))
                assert CONNECT not in server.log[said:], "credentials would have been in it"
                await _serve(server, _good(authority))
            await run.quiet()
            await _serve(server, TRACE)
            async with administration(server.url):
                assert CONNECT in server.log, "it would have shown"
            await _serve(server, "")
            await run.finish()
    assert case.dropped == {}


KEYS = {"caFile": "ca.crt", "certFile": "tls.crt", "keyFile": "tls.key"}


def _write(secret: MountedSecret, authority: Authority, owner: str) -> None:
    certificate, key = authority.issue(owner)
    files = dict(zip(KEYS.values(), (authority.certificate, certificate, key), strict=True))
    secret.write(**{name: file.read_text() for name, file in files.items()})


def _good(authority: Authority) -> str:
    return server_tls(authority, f'verify: true, ca_file: "{authority.certificate}"')


async def _rotate(run: Run, secret: MountedSecret, authority: Authority, number: int) -> None:
    before = run.last["nats_reconnects"]
    _write(secret, authority, f"relay-{number + 1}")
    await run.until("rotated", nats_reconnects=lambda count: count > before)


async def _serve(server: NatsServer, config: str) -> None:
    """Be another server, on the same port and with the same store."""
    await server.kill()
    server.reconfigure(config)
    await server.start()


def _says(words: str) -> Callable[[str | None], bool]:
    return lambda error: words in (error or "")

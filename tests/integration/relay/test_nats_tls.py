"""The relay and its NATS server over TLS: certificates rotated, and everything at once in a process."""

import asyncio
from pathlib import Path

import pytest

from exchange_simulator import Simulator, SimulatorConfig
from tests.support.certificates import Authority, authority_in, server_tls
from tests.support.mounted_secret import MountedSecret
from tests.support.nats_monitor import Monitor
from tests.support.nats_server import NatsServer
from tests.support.relay import LocalRelay, document, get
from tests.support.relay_process import RelayProcess

TRADES = "btcusdt@trade"
MARKET = SimulatorConfig(rates={TRADES: 200})


async def test_certificates_are_rotated_without_a_loss(
    authority: Authority, tmp_path: Path
) -> None:
    """The client's own, then the authority that the server is believed by."""
    secret = MountedSecret(tmp_path / "nats-tls")
    option = f'verify: true, ca_file: "{authority.certificate}"'
    trusted, other = authority.certificate.read_text(), authority_in(tmp_path / "other")
    write_pair(secret, trusted, authority.issue("first"))
    async with NatsServer(server_tls(authority, option)) as server, Simulator(MARKET) as exchange:
        config = document(exchange.url, server.url, TRADES)
        config["nats"]["tls"] = tls_files(secret)
        async with LocalRelay(config) as relay:
            await relay.until(lambda s: s.ledger.published > 20)
            write_pair(secret, trusted, authority.issue("second"))
            await relay.until(lambda s: s.nats_reconnects == 1 and s.nats_connected)

            strangers = other.certificate.read_text()
            write_pair(secret, strangers, authority.issue("third"))
            await relay.until(lambda s: "verify failed" in s.last_errors.get("nats", ""))
            assert relay.status.not_ready is None, "the old connection is still good"
            write_pair(secret, strangers + trusted, authority.issue("fourth"))
            await relay.until(lambda s: s.nats_reconnects == 2 and s.nats_connected)
            at = relay.status.ledger.published
            await relay.until(lambda s: s.ledger.published > at + 20)
            assert (await relay.stop()).unconfirmed == 0


async def test_a_process_with_all_of_it(authority: Authority, tmp_path: Path) -> None:
    """`streamset relay`, on its own event loop: mutual TLS before the greeting, and a password."""
    monitor, secret = Monitor(), MountedSecret(tmp_path / "nats")
    option = f'verify: true, ca_file: "{authority.certificate}", handshake_first: true'
    users = 'authorization { user: relay, password: "s3cret-password" }'
    certificate, key = authority.issue("relay")
    secret.write(username="relay", password="s3cret-password")
    tls_secret = MountedSecret(tmp_path / "nats-tls")
    config = monitor.config + server_tls(authority, option) + users
    async with NatsServer(config) as server, Simulator(MARKET) as exchange:
        parts = {"logLevel": "DEBUG"}
        document_ = document(exchange.url, server.url.replace("nats", "tls"), TRADES, **parts)
        document_["nats"]["tls"] = tls_files(tls_secret) | {"handshakeFirst": True}
        document_["nats"]["auth"] = {
            "usernameFile": secret.path("username"),
            "passwordFile": secret.path("password"),
        }
        async with RelayProcess(tmp_path, document_) as relay:
            told = ""
            async with asyncio.timeout(30):
                while "nats-tls/ca.crt is missing" not in told:
                    told = (await get(relay.url + "/info"))[1]
            write_pair(tls_secret, authority.certificate.read_text(), (certificate, key))
            async with asyncio.timeout(30):
                while not any(c["in_msgs"] > 20 for c in await monitor.clients()):
                    await asyncio.sleep(0.02)
            (client,) = await monitor.clients()
            assert (client["authorized_user"], client["tls_first"]) == ("relay", True)
            told += (await get(relay.url + "/info"))[1]
            ended = await relay.stop()
    told += b"".join(relay.output).decode() + ended.stderr
    assert ended.code == 0
    assert ended.ledger["unconfirmed"] == 0
    private = key.read_text().splitlines()[1]
    assert not [word for word in ("s3cret", private) if word in told]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return authority_in(tmp_path / "authority")


def tls_files(secret: MountedSecret) -> dict[str, object]:
    """`nats.tls` that names the files of a Secret."""
    keys = {"caFile": "ca.crt", "certFile": "tls.crt", "keyFile": "tls.key"}
    return {field: secret.path(key) for field, key in keys.items()}


def write_pair(secret: MountedSecret, authorities: str, pair: tuple[Path, Path]) -> None:
    certificate, key = pair
    keys = {"tls.crt": certificate.read_text(), "tls.key": key.read_text()}
    secret.write(**{"ca.crt": authorities, **keys})

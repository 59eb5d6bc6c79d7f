"""Logging in to NATS with mounted files: every way, rotated, missing, wrong, expired and revoked."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from exchange_simulator import Simulator, SimulatorConfig
from streamset_api.status import Link
from streamset_operator.findings import nats_trouble
from streamset_relay import nats_session
from streamset_relay.kube_status import Target, entry
from tests.integration.relay.witness import numbers
from tests.support.mounted_secret import MountedSecret
from tests.support.nats_accounts import USER, Accounts, KeyPair
from tests.support.nats_monitor import Monitor
from tests.support.nats_server import NatsServer
from tests.support.relay import LocalRelay, document, eventually, get
from tests.support.relay_process import RelayProcess
from tests.support.subscriber import Subscriber

TRADES = "btcusdt@trade"
MARKET = SimulatorConfig(rates={TRADES: 200})
OLD, NEW = "0ld-pass-Word", "n3w-pass-Word"
WITNESS = '{user: witness, password: "w"}'


async def test_user_and_password(tmp_path: Path) -> None:
    config = f'authorization {{ user: relay, password: "{OLD}" }}'
    keys = {"username": "relay\n", "password": OLD}

    client = await relay_once(tmp_path, config, keys, secrets=[OLD])
    assert client["authorized_user"] == "relay"


async def test_token(tmp_path: Path) -> None:
    config = f'authorization {{ token: "{OLD}" }}'

    await relay_once(tmp_path, config, {"token": OLD}, secrets=[OLD])


async def test_nkey(tmp_path: Path) -> None:
    pair = KeyPair(USER)
    config = f"authorization {{ users: [ {{nkey: {pair.public}}} ] }}"

    client = await relay_once(tmp_path, config, {"nkey": pair.seed}, secrets=[pair.seed])
    assert client["authorized_user"] == pair.public


async def test_credentials_file(tmp_path: Path) -> None:
    accounts = Accounts()
    user = accounts.user()
    secrets = [user.jwt, user.key.seed]

    client = await relay_once(tmp_path, accounts.config(), {"creds": user.creds()}, secrets=secrets)
    assert client["authorized_user"] == user.key.public, client.keys()


async def test_credentials_of_the_environment(tmp_path: Path) -> None:
    config = f'authorization {{ user: relay, password: "{OLD}" }}'

    client = await relay_once(tmp_path, config, {}, secrets=[OLD], userinfo=f"relay:{OLD}@")
    assert client["authorized_user"] == "relay"


async def test_a_secret_that_comes_later_is_taken_up_and_nothing_is_tried_before(
    tmp_path: Path,
) -> None:
    monitor, secret = Monitor(), MountedSecret(tmp_path / "nats-login")
    async with (
        NatsServer(monitor.config + users(OLD)) as server,
        running(server, secret, ["username", "password"]) as relay,
    ):
        await relay.until(lambda s: "nats" in s.last_errors)
        assert reported(relay) == (
            "SecretMissing",
            f"nats-login/username is missing: there is no file {secret.path('username')}",
        )
        asked = await monitor.connects()
        secret.write(username="relay")
        await relay.until(lambda s: "nats-login/password is missing" in s.last_errors["nats"])
        assert relay.status.not_ready == "nats_disconnected"
        assert await monitor.connects() == asked, "without credentials no server is spoken to"

        secret.write(username="relay", password=OLD)
        await relay.until(lambda s: s.ledger.published > 20 and s.not_ready is None)
        assert reported(relay) == ()


async def test_a_wrong_password_is_a_refusal_until_it_is_mended(tmp_path: Path) -> None:
    secret = MountedSecret(tmp_path / "nats-login")
    secret.write(username="relay", password=NEW)
    async with (
        NatsServer(users(OLD)) as server,
        running(server, secret, ["username", "password"]) as relay,
    ):
        await relay.until(lambda s: "Authorization Violation" in s.last_errors.get("nats", ""))
        assert reported(relay)[:1] == ("NatsRefused",)
        secret.write(username="relay", password=OLD)
        await relay.until(lambda s: s.ledger.published > 20)


@pytest.mark.parametrize("junk", ["", "not a credentials file\n", "-----BEGIN NATS USER JWT-----"])
async def test_a_file_of_no_use_is_named_until_it_is_mended(tmp_path: Path, junk: str) -> None:
    accounts, secret = Accounts(), MountedSecret(tmp_path / "nats-login")
    secret.write(creds=junk)
    async with (
        NatsServer(accounts.config()) as server,
        running(server, secret, ["creds"]) as relay,
    ):
        await relay.until(lambda s: "nats" in s.last_errors)
        assert reported(relay)[:1] == ("SecretInvalid",)
        assert "nats-login/creds is of no use" in relay.status.last_errors["nats"]
        secret.write(creds=accounts.user().creds())
        await relay.until(lambda s: s.ledger.published > 20)


async def test_rotated_credentials_are_used_without_a_loss(tmp_path: Path) -> None:
    """The new connection is there before the old one goes, time and again."""
    monitor, secret = Monitor(), MountedSecret(tmp_path / "nats-login")
    secret.write(username="relay", password=OLD)
    async with (
        NatsServer(monitor.config + users(OLD, NEW)) as server,
        Subscriber(witness_url(server), keep=True) as subscriber,
        running(server, secret, ["username", "password"]) as relay,
    ):
        await relay.until(lambda s: s.ledger.published > 20)
        for number, (user, password) in enumerate([("relay-2", NEW), ("relay", OLD)], start=1):
            secret.write(username=user, password=password)
            await relay.until(lambda s, n=number: s.nats_reconnects == n and s.nats_connected)  # type: ignore[misc]  # a default is no second argument
            clients = [c["authorized_user"] for c in await monitor.clients()]
            assert sorted(clients) == sorted([user, "witness"])
        at = relay.status.ledger.published
        await relay.until(lambda s: s.ledger.published > at + 20)
        ledger = await relay.stop()

        assert (ledger.unconfirmed, ledger.dropped) == (0, {})
        assert await subscriber.settle() == ledger.published == ledger.received
        seen = numbers(subscriber.payloads, TRADES)
        assert all(later == earlier + 1 for earlier, later in pairwise(seen))


async def test_a_bad_rotation_leaves_the_old_connection_alone_until_it_is_mended(
    tmp_path: Path,
) -> None:
    secret = MountedSecret(tmp_path / "nats-login")
    secret.write(username="relay", password=OLD)
    async with (
        NatsServer(users(OLD, NEW)) as server,
        running(server, secret, ["username", "password"]) as relay,
    ):
        await relay.until(lambda s: s.ledger.published > 20)
        secret.remove()
        await relay.until(lambda s: "is missing" in s.last_errors.get("nats", ""))
        secret.write(username="relay", password="mistyped")
        await relay.until(lambda s: "Authorization Violation" in s.last_errors["nats"])
        at = relay.status.ledger.published
        await relay.until(lambda s: s.ledger.published > at + 20)
        assert relay.status.nats_reconnects == 0
        assert relay.status.not_ready is None
        assert relay.said("Cannot replace the connection to NATS")

        secret.write(username="relay-2", password=NEW)
        await relay.until(lambda s: s.nats_reconnects == 1 and s.nats_connected)
        assert (await relay.stop()).unconfirmed == 0


async def test_an_expired_jwt_is_told_as_such_and_a_new_one_is_taken(tmp_path: Path) -> None:
    accounts, secret = Accounts(), MountedSecret(tmp_path / "nats-login")
    secret.write(creds=accounts.user(lifetime=3).creds())
    async with (
        NatsServer(accounts.config()) as server,
        running(server, secret, ["creds"]) as relay,
    ):
        await relay.until(lambda s: s.ledger.published > 20)
        await relay.until(lambda s: "the JWT expired at" in s.last_errors.get("nats", ""))
        assert reported(relay)[:1] == ("NatsRefused",)
        lost = relay.said("Lost the connection to NATS")[0]
        assert "authentication expired" in lost.fields["reason"]

        secret.write(creds=accounts.user().creds())
        at = relay.status.ledger.published
        await relay.until(lambda s: s.ledger.published > at + 20)


async def test_a_revoked_user_is_refused_and_another_is_taken(tmp_path: Path) -> None:
    accounts, secret = Accounts(), MountedSecret(tmp_path / "nats-login")
    user = accounts.user()
    secret.write(creds=user.creds())
    async with (
        NatsServer(accounts.config()) as server,
        running(server, secret, ["creds"]) as relay,
    ):
        await relay.until(lambda s: s.ledger.published > 20)
        server.reconfigure(accounts.config(revoked=user))
        await relay.until(lambda s: "Authorization Violation" in s.last_errors.get("nats", ""))
        assert reported(relay)[:1] == ("NatsRefused",)

        secret.write(creds=accounts.user().creds())
        at = relay.status.ledger.published
        await relay.until(lambda s: s.ledger.published > at + 20)


async def test_a_permission_taken_away_while_connected_is_a_refusal_until_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nats_session, "QUIET_FOR", 0.2)
    secret = MountedSecret(tmp_path / "nats-login")
    secret.write(username="relay", password=OLD)
    async with (
        NatsServer(users(OLD)) as server,
        running(server, secret, ["username", "password"]) as relay,
    ):
        await relay.until(lambda s: s.ledger.published > 20)
        server.reconfigure(users(OLD, permissions="{publish: {deny: [binance.>]}}"))
        await relay.until(lambda s: "permissions violation" in s.last_errors.get("nats", ""))
        await relay.until(lambda s: s.nats_connected)
        await eventually(lambda: reported(relay), "it is reported, though NATS is connected")
        assert reported(relay)[:1] == ("NatsRefused",)

        server.reconfigure(users(OLD))
        at = relay.status.ledger.published
        await relay.until(lambda s: s.ledger.published > at + 20)
        await eventually(lambda: reported(relay) == (), "it is over")


async def test_a_server_that_asks_for_no_signature_gets_none(tmp_path: Path) -> None:
    """A relay that was told to prove itself does not talk to a server that lets everybody in."""
    monitor, secret = Monitor(), MountedSecret(tmp_path / "nats-login")
    secret.write(nkey=KeyPair(USER).seed)
    async with (
        NatsServer(monitor.config) as server,
        running(server, secret, ["nkey"]) as relay,
    ):
        await relay.until(lambda s: "asks for no signature" in s.last_errors.get("nats", ""))
        assert reported(relay)[:1] == ("NatsRefused",)
        assert relay.status.ledger.published == 0


def auth(secret: MountedSecret, keys: list[str]) -> dict[str, str]:
    """`nats.auth` that names the keys' files."""
    return {f"{key}File": secret.path(key) for key in keys}


def users(*passwords: str, permissions: str = '{publish: {allow: [">"]}}') -> str:
    """A server's users: the witness, and the relay under a name for each password."""
    relays = [
        f'{{user: relay{f"-{n}" if n > 1 else ""}, password: "{p}", permissions: {permissions}}}'
        for n, p in enumerate(passwords, start=1)
    ]
    return f"authorization {{ users: [ {', '.join([WITNESS, *relays])} ] }}"


def witness_url(server: NatsServer) -> str:
    return server.url.replace("://", "://witness:w@")


@asynccontextmanager
async def running(
    server: NatsServer, secret: MountedSecret, keys: list[str]
) -> AsyncIterator[LocalRelay]:
    """A relay that logs in with the keys of a Secret; at the end, its log knows nothing of them."""
    async with Simulator(MARKET) as exchange:
        config = document(exchange.url, server.url, TRADES)
        config["nats"]["auth"] = auth(secret, keys)
        async with LocalRelay(config) as relay:
            yield relay
        told = str(relay.lines)
        assert not [word for word in (OLD, NEW, "mistyped", "eyJ") if word in told]


def reported(relay: LocalRelay) -> tuple[str, ...]:
    """What the operator makes of the relay's own report: reason and message; () for no trouble."""
    report = entry(
        relay.status,
        Target("", Path(), "uid", "set", "relay"),
        "hash",
        rate=0,
        failures=relay.relay._failures(),
        sent=None,
        now="2026-11-22T12:00:00Z",
    )
    assert isinstance(report.nats, Link)
    finding = nats_trouble(report.nats)
    return (finding.reason, finding.message) if finding is not None else ()


async def relay_once(
    folder: Path, config: str, keys: Mapping[str, str], *, secrets: list[str], userinfo: str = ""
) -> dict[str, Any]:
    """Run a relay as a process, until it published; it must not have told the secrets anywhere.

    It talks as much as it can, is asked everything, and loses its server once. What the server
    says of it is returned.
    """
    monitor, secret = Monitor(), MountedSecret(folder / "nats-login")
    secret.write(**keys)
    async with NatsServer(monitor.config + config) as server, Simulator(MARKET) as exchange:
        parts = {"logLevel": "DEBUG", "heartbeat": {"enabled": True, "intervalSeconds": 0.1}}
        document_ = document(exchange.url, server.url, TRADES, **parts)
        if keys:
            document_["nats"]["auth"] = auth(secret, list(keys))
        environ = {"NATS_URL": server.url.replace("://", f"://{userinfo}")}
        async with RelayProcess(folder, document_, environ=environ) as relay:
            told = ""
            for _ in range(2):
                async with asyncio.timeout(30):
                    while not (clients := await published(monitor)):
                        await asyncio.sleep(0.02)
                for path in ("/info", "/", "/metrics", "/ready", "/healthz"):
                    told += (await get(relay.url + path))[1]
                await server.restart()
            ended = await relay.stop()
    told += b"".join(relay.output).decode() + ended.stderr
    assert ended.code == 0
    assert len(relay.said("Connected to NATS")) >= 2
    assert not [word for word in secrets if word in told]
    (client,) = clients
    return client


async def published(monitor: Monitor) -> list[dict[str, Any]]:
    """The clients that have sent more than a few messages."""
    try:
        return [client for client in await monitor.clients() if client["in_msgs"] > 20]
    except OSError:
        return []

"""Row 7: what the relay logs in with is worth nothing any more, until its file is rotated."""

import asyncio
import base64
import json
import re
from pathlib import Path
from typing import Any

import nats
import pytest

from tests.faults.case import RECOVERY, STREAM, Case, Run, jetstream, market, sized
from tests.support.mounted_secret import MountedSecret
from tests.support.nats_accounts import ACCOUNT, Accounts, KeyPair, User
from tests.support.nats_server import NatsServer
from tests.support.relay_process import RelayProcess

LIFETIME = 2.0
WITNESS = '{user: witness, password: "w"}'


@pytest.mark.row("7, JWT", "credentials expired, then revoked; file rotated", seconds=30)
async def test_expired_and_revoked_credentials(case: Case, tmp_path: Path) -> None:
    accounts, secret = JetStreamAccounts(), MountedSecret(tmp_path / "nats-login")
    user = accounts.user()
    secret.write(creds=user.creds())
    async with (
        NatsServer(accounts.config(), jetstream=True) as server,
        market() as exchange,
    ):
        auth = {"auth": {"credsFile": secret.path("creds")}}
        settings = jetstream(exchange.url, server.url, buffer=sized(15), nats=auth)
        async with RelayProcess(tmp_path, settings) as relay:
            run = case.run(exchange, relay, server.url)
            async for number in run.injections(2):
                if number % 2:
                    server.reconfigure(accounts.config(revoked=user))
                    await _refused(run, "Authorization Violation")
                else:
                    secret.write(creds=accounts.user(lifetime=LIFETIME).creds())
                    await _refused(run, "the JWT expired at")
                user = accounts.user()
                secret.write(creds=user.creds())
            await run.quiet()
            jwt = accounts.user(bearer_token=True).jwt.encode()
            client = await nats.connect(
                server.url, user_jwt_cb=lambda: jwt, signature_cb=lambda _: b""
            )
            await run.content.read_as(client, STREAM)
            await client.close()
            await run.finish(read=False)
    assert case.dropped == {}


@pytest.mark.row("7, user", "right to publish taken away, then the password changed", seconds=60)
async def test_a_right_taken_away_and_a_changed_password(case: Case, tmp_path: Path) -> None:
    secret = MountedSecret(tmp_path / "nats-login")
    secret.write(username="relay", password="first")
    async with (
        NatsServer(users("first"), jetstream=True) as server,
        market() as exchange,
    ):
        files = {f"{key}File": secret.path(key) for key in ("username", "password")}
        settings = jetstream(exchange.url, server.url, buffer=sized(15), nats={"auth": files})
        async with RelayProcess(tmp_path, settings) as relay:
            run = case.run(exchange, relay, server.url.replace("://", "://witness:w@"))
            password = "first"
            async for number in run.injections(2):
                if number % 2:
                    password = f"password-{number}"
                    server.reconfigure(users(password))
                    await _refused(run, "Authorization Violation")
                    secret.write(username="relay", password=password)
                else:
                    server.reconfigure(users(password, deny="md.>"))
                    await _refused(run, "permissions violation", connected=True)
                    server.reconfigure(users(password))
            await run.finish()
    assert case.dropped == {}


async def _refused(run: Run, words: str, *, connected: bool = False) -> None:
    """Wait until the relay says so, and let it last for a moment."""
    await run.until(words, RECOVERY, last_errors__nats=lambda e: words in (e or ""), ready=False)
    await asyncio.sleep(run.case.random.uniform(0.2, 1.0))


def users(password: str, *, deny: str = "nothing") -> str:
    """Return the users of a server: the relay, and a witness who may do everything."""
    relay = f'{{user: relay, password: "{password}", permissions: {{publish: {{deny: "{deny}"}}}}}}'
    return f"authorization {{ users: [ {WITNESS}, {relay} ] }}"


class JetStreamAccounts(Accounts):
    """Accounts whose one account may use JetStream, which needs an account of the system, too."""

    def __init__(self) -> None:
        super().__init__()
        self._system = KeyPair(ACCOUNT)

    def config(self, *, revoked: User | None = None) -> str:
        """Return the configuration of a server, as `Accounts` does."""
        text = super().config(revoked=revoked)
        (token,) = re.findall(r"resolver_preload: { \S+: (\S+) }", text)
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        public = self._system.public
        system = self._operator.sign(claims | {"sub": public, "jti": public, "name": "system"})
        unlimited = dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer"), -1)
        claims["nats"]["limits"] |= unlimited
        both = f"{self._operator.sign(claims)}, {public}: {system}"
        return f"system_account: {public}\n" + text.replace(token, both)

"""Which files a relay reads its credentials from, and what is refused before it starts."""

from pathlib import Path
from typing import Any

import pytest

from streamset_api.errors import ConfigError
from streamset_api.manifest import load_manifest
from streamset_api.relay_config import RelayConfig, parse_relay_config, to_document
from streamset_api.resolve import resolve
from streamset_api.resource import parse
from streamset_api.secret_files import BOTH_HALVES, ONE_WAY
from streamset_cli.demo import configurations
from streamset_relay.settings import load
from tests.unit.api.documents import manifest, nats

KEY = {"name": "nats", "key": "k"}
FOLDER = "/etc/streamset/secrets"


def config_of(**fields: Any) -> RelayConfig:
    return resolve(parse(manifest(nats=nats(**fields))).spec)


@pytest.mark.parametrize(
    ("reference", "files"),
    [
        ({"credsSecretRef": KEY}, {"credsFile": f"{FOLDER}/nats/k"}),
        ({"nkeySecretRef": KEY}, {"nkeyFile": f"{FOLDER}/nats/k"}),
        ({"tokenSecretRef": KEY}, {"tokenFile": f"{FOLDER}/nats/k"}),
        (
            {"userPasswordSecretRef": {"name": "login"}},
            {
                "usernameFile": f"{FOLDER}/login/username",
                "passwordFile": f"{FOLDER}/login/password",
            },
        ),
    ],
)
def test_credentials_of_a_set_are_those_that_are_mounted(
    reference: dict[str, Any], files: dict[str, str]
) -> None:
    config = config_of(auth=reference)

    assert to_document(config)["nats"]["auth"] == files
    assert config.nats.tls is None


def test_certificates_of_a_set_are_those_that_are_mounted() -> None:
    tls = {"caSecretRef": KEY, "certSecretRef": {"name": "client"}, "handshakeFirst": True}

    assert to_document(config_of(tls=tls))["nats"]["tls"] == {
        "caFile": f"{FOLDER}/nats/k",
        "certFile": f"{FOLDER}/client/tls.crt",
        "keyFile": f"{FOLDER}/client/tls.key",
        "handshakeFirst": True,
    }


def test_tls_with_nothing_in_it_is_asked_for_all_the_same() -> None:
    assert to_document(config_of(tls={}))["nats"]["tls"] == {"handshakeFirst": False}
    assert "tls" not in to_document(config_of())["nats"]


@pytest.mark.parametrize(
    ("text", "where", "allowed"),
    [
        ("auth: {}", "nats.auth", ONE_WAY),
        ("auth: {wayOfTomorrowFile: /f}", "nats.auth", ONE_WAY),
        ("auth: {tokenFile: /a, credsFile: /b}", "nats.auth", ONE_WAY),
        ("auth: {usernameFile: /a}", "nats.auth", ONE_WAY),
        ("auth: {passwordFile: /a}", "nats.auth", ONE_WAY),
        ("auth: {usernameFile: /a, passwordFile: /b, tokenFile: /c}", "nats.auth", ONE_WAY),
        ("auth: {tokenFile: ''}", "nats.auth.tokenFile", "at least 1"),
        ("tls: {certFile: /a}", "nats.tls", BOTH_HALVES),
        ("tls: {keyFile: /a}", "nats.tls", BOTH_HALVES),
        (
            "auth: {tokenFile: /a}, servers: ['nats://b', 'nats://u:s3cret@c']",
            "nats.servers",
            "addresses without credentials",
        ),
    ],
)
def test_half_a_way_and_two_ways_are_refused(text: str, where: str, allowed: str) -> None:
    """A way that is not known is none, too: the relay does not go without what it was told to use."""
    with pytest.raises(ConfigError) as refused:
        parse_relay_config(f"{{streams: [btcusdt@trade], nats: {{{text}}}}}")

    (problem,) = refused.value.problems
    assert problem.where == where
    assert allowed in problem.allowed
    assert "s3cret" not in str(refused.value)


def test_a_secret_in_place_of_its_file_is_not_repeated() -> None:
    with pytest.raises(ConfigError) as refused:
        parse_relay_config("{streams: [btcusdt@trade], nats: {auth: {token: s3cret}}}")

    assert "s3cret" not in str(refused.value)


def test_credentials_in_the_environment_are_no_second_way(tmp_path: Path) -> None:
    file = tmp_path / "relay.yaml"
    file.write_text("{streams: [btcusdt@trade], nats: {auth: {tokenFile: /a}}}")

    with pytest.raises(ConfigError, match=r"NATS_URL: .* without credentials") as refused:
        load(file, {"NATS_URL": "nats://u:s3cret@b"})
    assert "s3cret" not in str(refused.value)
    assert load(file, {"NATS_URL": "nats://b"}).config.nats.auth is not None


def test_the_demos_own_server_asks_for_no_credentials() -> None:
    example = Path(__file__).parents[3] / "examples" / "usdm-futures.yaml"
    set_ = load_manifest(example.read_text())
    assert set_.spec.nats.auth.creds_secret_ref is not None

    for config in configurations(set_, "nats://127.0.0.1:1", "ws://127.0.0.1:2"):
        assert (config.nats.auth, config.nats.tls) == (None, None)

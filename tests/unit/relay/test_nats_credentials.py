"""Files with credentials: what is made of them, what is said of those that are of no use, and when they changed."""

import asyncio
import ssl
import traceback
from pathlib import Path
from typing import Any

import pytest

from streamset_api.secret_files import AuthFiles, TlsFiles
from streamset_relay.errors import NatsError, SecretInvalid, SecretMissing
from streamset_relay.nats_credentials import CredentialFiles, Credentials
from tests.support.certificates import Authority, authority_in
from tests.support.mounted_secret import MountedSecret
from tests.support.nats_accounts import USER, Accounts, KeyPair

SECRET = "s3cret-0123456789"


async def test_without_files_there_is_nothing_to_read() -> None:
    files = CredentialFiles()

    assert await files.read() == Credentials()
    assert not await files.changed(1e9)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
async def test_user_and_password(tmp_path: Path, end: str) -> None:
    mounted = MountedSecret(tmp_path / "nats-login")
    mounted.write(username=f"relay{end}", password=f" {SECRET}\t{end}")

    assert await answer(login_files(mounted)) == {"user": "relay", "pass": f" {SECRET}\t"}


async def test_token(tmp_path: Path) -> None:
    mounted = MountedSecret(tmp_path / "nats-login")
    mounted.write(token=f"{SECRET}\n")

    assert await answer(AuthFiles(token_file=mounted.path("token"))) == {"auth_token": SECRET}


async def test_nkey_and_credentials_file(tmp_path: Path) -> None:
    pair, user = KeyPair(USER), Accounts().user()
    mounted = MountedSecret(tmp_path / "nats-login")
    mounted.write(seed=pair.seed, creds=user.creds())

    assert (await answer(AuthFiles(nkey_file=mounted.path("seed"))))["nkey"] == pair.public
    assert (await answer(AuthFiles(creds_file=mounted.path("creds"))))["jwt"] == user.jwt


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"\n", "it is empty"),
        (b"\xff\xfe" + SECRET.encode(), "it is no UTF-8 text"),
        (SECRET.encode(), "the seed is not base32"),
    ],
)
async def test_a_file_of_no_use_is_named_and_not_shown(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    mounted = MountedSecret(tmp_path / "nats-login")
    mounted.write(seed=content)

    with pytest.raises(SecretInvalid) as refused:
        await CredentialFiles(AuthFiles(nkey_file=mounted.path("seed"))).read()
    assert str(refused.value) == f"nats-login/seed is of no use: {reason}"
    assert SECRET not in "".join(traceback.format_exception(refused.value))


async def test_a_folder_in_place_of_a_file_is_of_no_use(tmp_path: Path) -> None:
    with pytest.raises(SecretInvalid, match="cannot be read"):
        await CredentialFiles(AuthFiles(token_file=str(tmp_path))).read()


async def test_a_missing_secret_and_a_missing_key_are_named(tmp_path: Path) -> None:
    mounted = MountedSecret(tmp_path / "nats-login")
    files = CredentialFiles(login_files(mounted))

    with pytest.raises(SecretMissing, match="nats-login/username is missing"):
        await files.read()
    mounted.write(username="relay")
    with pytest.raises(SecretMissing, match="nats-login/password is missing"):
        await files.read()
    mounted.write(username="relay", password=SECRET)
    assert (await files.read()).login is not None


async def test_certificates(tmp_path: Path, authority: Authority) -> None:
    credentials = await CredentialFiles(None, tls_files(tmp_path, authority)).read()

    assert credentials.login is None
    assert credentials.tls is not None
    context = credentials.tls.context
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert [ca["subject"] for ca in context.get_ca_certs()] == [
        ((("commonName", "test authority"),),)
    ]


@pytest.mark.parametrize(
    ("newest", "name", "spoken"),
    [
        (ssl.TLSVersion.TLSv1_3, "DNS:nats", "TLSv1.3"),
        (ssl.TLSVersion.TLSv1_2, "DNS:nats", "TLSv1.2"),
        (ssl.TLSVersion.TLSv1_1, "DNS:nats", None),
        (ssl.TLSVersion.TLSv1_3, "DNS:other", None),
    ],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_who_is_spoken_to_and_how(
    tmp_path: Path, authority: Authority, newest: ssl.TLSVersion, name: str, spoken: str | None
) -> None:
    """TLS 1.1 and older are not spoken at all, whatever the security level of the system is."""
    server = authority.server_context(name)
    server.set_ciphers("ALL:@SECLEVEL=0")
    server.minimum_version, server.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED, newest
    credentials = await CredentialFiles(None, tls_files(tmp_path, authority)).read()
    assert credentials.tls is not None
    credentials.tls.context.set_ciphers("ALL:@SECLEVEL=0")

    if spoken is None:
        with pytest.raises(ssl.SSLError):
            handshake(credentials.tls.context, server)
    else:
        assert handshake(credentials.tls.context, server) == spoken


async def test_without_authorities_those_of_the_system_are_trusted() -> None:
    credentials = await CredentialFiles(None, TlsFiles(handshake_first=True)).read()

    assert credentials.tls is not None
    assert credentials.tls.handshake_first
    assert credentials.tls.context.cert_store_stats() == (
        ssl.create_default_context().cert_store_stats()
    )


@pytest.mark.parametrize(
    ("key", "content", "blamed", "reason"),
    [
        ("ca.crt", b"", "ca.crt", "no certificate"),
        ("ca.crt", b"nonsense", "ca.crt", "no certificate"),
        ("ca.crt", b"-----BEGIN CERTIFICATE-----\nAAAA\n", "ca.crt", ""),
        ("tls.crt", b"nonsense", "tls.crt", ""),
        ("tls.key", b"nonsense", "tls.crt", ""),
    ],
)
async def test_certificates_of_no_use(
    tmp_path: Path, authority: Authority, key: str, content: bytes, blamed: str, reason: str
) -> None:
    """An empty list of authorities, above all, is not that of the system."""
    files = tls_files(tmp_path, authority, **{key: content})

    with pytest.raises(SecretInvalid, match=f"nats-tls/{blamed} is of no use: .*{reason}"):
        await CredentialFiles(None, files).read()


async def test_a_bundle_of_authorities_may_hold_comments_in_any_language(
    tmp_path: Path, authority: Authority
) -> None:
    comment = "# Autorité de test\n\ufeff".encode()
    bundle = comment + authority.certificate.read_bytes() * 2
    credentials = await CredentialFiles(
        None, tls_files(tmp_path, authority, **{"ca.crt": bundle})
    ).read()

    assert credentials.tls is not None
    assert len(credentials.tls.context.get_ca_certs()) == 1


async def test_another_certificates_key_is_of_no_use(tmp_path: Path, authority: Authority) -> None:
    _, other = authority.issue("other")
    files = tls_files(tmp_path, authority, **{"tls.key": other.read_bytes()})

    with pytest.raises(SecretInvalid, match="key values mismatch"):
        await CredentialFiles(None, files).read()


async def test_nobody_is_asked_for_the_password_of_a_key(
    tmp_path: Path, authority: Authority
) -> None:
    _, key = authority.issue("client")
    files = tls_files(tmp_path, authority, **{"tls.key": authority.encrypted(key).read_bytes()})

    async with asyncio.timeout(5):
        with pytest.raises(SecretInvalid, match="the key is encrypted"):
            await CredentialFiles(None, files).read()


@pytest.mark.parametrize("missing", ["ca.crt", "tls.crt", "tls.key"])
async def test_a_missing_certificate_is_named(
    tmp_path: Path, authority: Authority, missing: str
) -> None:
    files = tls_files(tmp_path, authority, **{missing: None})

    with pytest.raises(SecretMissing, match=f"nats-tls/{missing} is missing"):
        await CredentialFiles(None, files).read()


async def test_a_change_is_seen_and_the_same_content_is_none(tmp_path: Path) -> None:
    mounted = MountedSecret(tmp_path / "nats-login")
    mounted.write(username="relay", password=SECRET)
    files = CredentialFiles(login_files(mounted), interval=0)
    await files.read()
    assert not await files.changed(1.0)

    mounted.write(username="relay", password=SECRET)  # the kubelet's files are new, and the same
    assert not await files.changed(2.0)

    mounted.write(username="relay", password=SECRET.upper())
    assert await files.changed(3.0)
    await files.read()
    assert not await files.changed(4.0)

    mounted.remove()
    assert await files.changed(5.0)


async def test_a_file_written_in_place_has_changed_too(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(SECRET)
    files = CredentialFiles(AuthFiles(token_file=str(file)), interval=0)
    await files.read()
    file.write_text(SECRET.swapcase())

    assert await files.changed(1.0)


async def test_what_moves_from_one_file_to_the_next_has_changed(tmp_path: Path) -> None:
    mounted = MountedSecret(tmp_path / "nats-login")
    mounted.write(username="ab", password="c")
    files = CredentialFiles(login_files(mounted), interval=0)
    await files.read()
    mounted.write(username="a", password="bc")

    assert await files.changed(1.0)


async def test_files_are_looked_at_once_per_interval(tmp_path: Path) -> None:
    mounted = MountedSecret(tmp_path / "nats-login")
    mounted.write(token="a")
    files = CredentialFiles(AuthFiles(token_file=mounted.path("token")), interval=5)
    await files.read()
    assert not await files.changed(10.0)
    mounted.write(token="b")

    assert not await files.changed(14.9)
    assert await files.changed(15.0)


async def test_a_failed_read_is_forgotten_when_the_files_are_mended(tmp_path: Path) -> None:
    mounted = MountedSecret(tmp_path / "nats-login")
    mounted.write(seed="junk")
    files = CredentialFiles(AuthFiles(nkey_file=mounted.path("seed")), interval=0)
    with pytest.raises(NatsError):
        await files.read()
    mounted.write(seed=KeyPair(USER).seed)

    assert await files.changed(1.0)
    assert (await files.read()).login is not None
    assert not await files.changed(2.0)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return authority_in(tmp_path / "authority")


def login_files(mounted: MountedSecret) -> AuthFiles:
    return AuthFiles(username_file=mounted.path("username"), password_file=mounted.path("password"))


def tls_files(tmp_path: Path, authority: Authority, **changes: Any) -> TlsFiles:
    """A complete set of good files, but for the changes; None leaves one out."""
    certificate, key = authority.issue("client")
    contents: dict[str, bytes | None] = {
        "ca.crt": authority.certificate.read_bytes(),
        "tls.crt": certificate.read_bytes(),
        "tls.key": key.read_bytes(),
        **changes,
    }
    mounted = MountedSecret(tmp_path / "nats-tls")
    mounted.write(**{name: content for name, content in contents.items() if content is not None})
    return TlsFiles(
        ca_file=mounted.path("ca.crt"),
        cert_file=mounted.path("tls.crt"),
        key_file=mounted.path("tls.key"),
    )


def handshake(client: ssl.SSLContext, server: ssl.SSLContext) -> str | None:
    """Let the two shake hands in memory; the version that they agree on."""
    here, there = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(here, there, server_hostname="nats"),
        server.wrap_bio(there, here, server_side=True),
    ]
    while sides:
        for side in list(sides):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            sides.remove(side)
            version = side.version()
    return version


async def answer(auth: AuthFiles) -> dict[str, str]:
    credentials = await CredentialFiles(auth).read()
    assert credentials.login is not None
    return credentials.login.answer("nonce")

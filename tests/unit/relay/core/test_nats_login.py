import json
import time
import traceback
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamset_relay.core import nats_login
from streamset_relay.core.nats_login import NonceMissingError
from tests.support.nats_accounts import ACCOUNT, USER, Accounts, KeyPair, User

ACCOUNTS = Accounts()
CREDS = ACCOUNTS.user().creds()
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(TEXTS, TEXTS)
def test_credentials_of_an_address_are_decoded(user: str, secret: str) -> None:
    both = nats_login.of_url(urlsplit(f"nats://{quote(user, '')}:{quote(secret, '')}@host:4222"))
    alone = nats_login.of_url(urlsplit(f"nats://{quote(secret, '')}@host:4222"))

    assert both is not None
    assert both.answer("") == {"user": user, "pass": secret}
    assert alone is not None
    assert alone.answer("") == {"auth_token": secret}


def test_an_address_without_credentials_is_no_login() -> None:
    assert nats_login.of_url(urlsplit("nats://host:4222")) is None


def test_an_nkey_signs_the_nonce() -> None:
    pair = KeyPair(USER)
    login = nats_login.nkey(f"\n{pair.seed}\r\n")

    assert login.answer("nonce").keys() == {"nkey", "sig"}
    assert login.answer("nonce")["nkey"] == pair.public
    assert login.answer("nonce")["sig"] != login.answer("other")["sig"]


def test_without_a_nonce_there_is_no_answer() -> None:
    with pytest.raises(NonceMissingError):
        nats_login.nkey(KeyPair(USER).seed).answer("")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_credentials_file_holds_a_jwt_and_its_key(end: str) -> None:
    user = ACCOUNTS.user()
    login = nats_login.creds(user.creds().replace("\n", end))

    assert login.answer("nonce")["jwt"] == user.jwt
    assert login.answer("nonce").keys() == {"jwt", "sig"}
    assert login.expires is None


def test_when_a_jwt_ends_is_known() -> None:
    login = nats_login.creds(ACCOUNTS.user(lifetime=600).creds())

    assert login.expires is not None
    assert 500 < login.expires - time.time() <= 600


@pytest.mark.parametrize("expires", [0, -1, "soon", None, True, [1]])
def test_an_end_that_is_none_is_ignored(expires: object) -> None:
    key, account = KeyPair(USER), KeyPair(ACCOUNT)
    user = User(account.sign({"sub": key.public, "exp": expires}), key)

    assert nats_login.creds(user.creds()).expires is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no line with BEGIN NATS USER JWT"),
        ("nonsense\n" * 100, "no line with BEGIN NATS USER JWT"),
        (CREDS[:100], "breaks off after the line with BEGIN NATS USER JWT"),
        (CREDS.replace("USER NKEY", "NKEY"), "no line with BEGIN USER NKEY SEED"),
        (CREDS[: CREDS.index("------END USER NKEY")], "breaks off after .* BEGIN USER NKEY SEED"),
        (CREDS.replace("\nS", "\nS\nS"), "not one line"),
        (CREDS.replace("JWT-----\ney", "JWT-----\n\n------END\ney"), "not one line"),
        (CREDS.replace("\nSU", "\nSA"), "seed"),
        (CREDS.replace("JWT-----\ney", "JWT-----\ney."), "JWT"),
        (User("a.W10.b", KeyPair(USER)).creds(), "not of the same user"),
        (User("a.b.c", KeyPair(USER)).creds(), "cannot be read"),
        (User(f"a.{'W1tb' * 99_999}.c", KeyPair(USER)).creds(), "cannot be read"),
        (User("no jwt", KeyPair(USER)).creds(), "cannot be read"),
        (User(ACCOUNTS.user().jwt, KeyPair(USER)).creds(), "not of the same user"),
    ],
)
def test_a_file_of_no_use_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        nats_login.creds(text)


@given(st.integers(0, len(CREDS)), st.integers(0, len(CREDS)), st.text(max_size=30))
def test_a_damaged_file_never_hangs_never_breaks_and_is_never_repeated(
    start: int, end: int, scrap: str
) -> None:
    jwt, seed = CREDS.splitlines()[1], CREDS.splitlines()[8]
    assert seed.startswith("SU")
    text = CREDS[:start] + scrap + CREDS[end:]
    try:
        told = json.dumps(list(nats_login.creds(text).answer("nonce")))
    except ValueError as error:
        told = "".join(traceback.format_exception(error))
    assert seed not in told
    assert jwt not in told


def test_a_login_never_shows_itself() -> None:
    login = nats_login.password("relay", "s3cret-password")

    assert "s3cret" not in f"{login!r} {login} {[login]}"

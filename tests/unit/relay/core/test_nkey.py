import base64
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from streamset_relay.core.nkey import Nkey
from tests.support.nats_accounts import ACCOUNT, OPERATOR, USER, KeyPair

#: Printed in the documentation of NATS.
SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
PUBLIC = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"
BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def test_the_documented_pair() -> None:
    assert Nkey.from_seed(SEED).public == PUBLIC


def test_a_signature_is_that_of_the_public_key() -> None:
    pair = KeyPair(USER)
    signature = Nkey.from_seed(pair.seed).sign("nonce")

    raw = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    verify = VerifyKey(base64.b32decode(pair.public)[1:33])
    assert verify.verify(b"nonce", raw) == b"nonce"
    with pytest.raises(BadSignatureError):
        verify.verify(b"n0nce", raw)


@given(st.integers(0, len(SEED) - 1), st.sampled_from(BASE32))
def test_a_mistyped_character_is_noticed(place: int, character: str) -> None:
    mistyped = SEED[:place] + character + SEED[place + 1 :]
    try:
        key = Nkey.from_seed(mistyped)
    except ValueError:
        return
    assert key.public == PUBLIC  # the same seed, or but the two bits that fill the last character


@given(st.text() | st.text(BASE32, min_size=50, max_size=60))
def test_anything_else_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError) as refused:
        Nkey.from_seed(text)
    assert len(text) < 20 or text not in "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize("role", [OPERATOR, ACCOUNT])
def test_a_seed_of_another_role_is_refused(role: int) -> None:
    with pytest.raises(ValueError, match="not that of a user"):
        Nkey.from_seed(KeyPair(role).seed)


def test_it_shows_its_public_half_only() -> None:
    assert repr(Nkey.from_seed(SEED)) == f"Nkey({PUBLIC})"


def test_two_of_one_seed_are_equal() -> None:
    assert Nkey.from_seed(SEED) == Nkey.from_seed(SEED)
    assert len({Nkey.from_seed(SEED), Nkey.from_seed(SEED)}) == 1
    assert Nkey.from_seed(SEED) != Nkey.from_seed(KeyPair(USER).seed)

"""Secrets that a set names, and where a relay finds them.

The operator reads no Secret: it mounts the named keys, and the relay reads the files. Every mount
is optional, so that a missing Secret keeps no pod from starting: the relay says what it misses and
takes the file up when it appears.
"""

from typing import Any

from streamset_api.nats import Tls
from streamset_api.secret_files import FOLDER
from streamset_api.spec import BinanceStreamSetSpec


def references(spec: BinanceStreamSetSpec) -> dict[str, tuple[str, ...]]:
    """Return each Secret that the set names, with the keys that are meant, in a stable order."""
    auth, tls = spec.nats.auth, spec.nats.tls or Tls()
    one_key = (
        auth.creds_secret_ref,
        auth.nkey_secret_ref,
        auth.token_secret_ref,
        tls.ca_secret_ref,
    )
    keys = [(ref.name, ref.key) for ref in one_key if ref is not None]
    if auth.user_password_secret_ref is not None:
        keys += ((auth.user_password_secret_ref.name, key) for key in ("username", "password"))
    if tls.cert_secret_ref is not None:
        keys += ((tls.cert_secret_ref.name, key) for key in ("tls.crt", "tls.key"))
    return {
        name: tuple(sorted({key for owner, key in keys if owner == name}))
        for name in sorted({owner for owner, _ in keys})
    }


def volumes(spec: BinanceStreamSetSpec) -> list[dict[str, Any]]:
    """Return a volume for each Secret, with nothing in it but the keys that are meant."""
    return [
        {
            "name": f"secret-{index}",
            "secret": {
                "secretName": name,
                "optional": True,
                "items": [{"key": key, "path": key} for key in keys],
            },
        }
        for index, (name, keys) in enumerate(references(spec).items())
    ]


def mounts(spec: BinanceStreamSetSpec) -> list[dict[str, Any]]:
    """Return where those volumes appear."""
    return [
        {"name": f"secret-{index}", "mountPath": f"{FOLDER}/{name}", "readOnly": True}
        for index, name in enumerate(references(spec))
    ]

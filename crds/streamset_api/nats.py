"""`spec.nats`: servers, subjects, JetStream, credentials and TLS."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from streamset_api.fields import Server, Subject, SubjectTemplate, matching
from streamset_api.model import Model, Rule

WINDOW_MARGIN = 30
"""Seconds that JetStream's duplicate window exceeds the buffer's TTL by, at least."""

ObjectName = Annotated[
    str,
    Field(min_length=1, max_length=253),
    matching(r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", "the name of an object, such as nats-creds"),
]
SecretKey = Annotated[
    str,
    Field(min_length=1, max_length=253),
    matching(r"^[A-Za-z0-9._-]+$", "a key of a Secret, such as nats.creds"),
]
PlainServer = Annotated[
    Server,
    Rule(
        "!self.contains('@')",
        "an address without credentials; those belong in a Secret that nats.auth names",
        lambda url: "@" not in url,
    ),
]


class SecretKeyRef(Model):
    """One key of a Secret in the namespace of the resource."""

    name: ObjectName
    """Name of the Secret."""
    key: SecretKey
    """Key whose value is meant."""


class SecretRef(Model):
    """A Secret in the namespace of the resource."""

    name: ObjectName
    """Name of the Secret."""


class Auth(Model):
    """How the relays prove who they are. At most one way; none for an open server."""

    creds_secret_ref: SecretKeyRef | None = None
    """A credentials file (JWT and seed), as `nsc` writes it."""
    nkey_secret_ref: SecretKeyRef | None = None
    """The seed of a user nkey."""
    token_secret_ref: SecretKeyRef | None = None
    """A token."""
    user_password_secret_ref: SecretRef | None = None
    """A Secret of type kubernetes.io/basic-auth: keys `username` and `password`."""

    RULES = (
        Rule(
            "[has(self.credsSecretRef), has(self.nkeySecretRef), has(self.tokenSecretRef), "
            "has(self.userPasswordSecretRef)].filter(given, given).size() <= 1",
            "at most one of credsSecretRef, nkeySecretRef, tokenSecretRef, userPasswordSecretRef",
            lambda auth: sum(value is not None for _, value in auth) <= 1,
        ),
    )


class Tls(Model):
    """TLS to the NATS servers: required where this is given. Certificates are always verified."""

    ca_secret_ref: SecretKeyRef | None = None
    """Certificates to trust, PEM; without it those of the system."""
    cert_secret_ref: SecretRef | None = None
    """A Secret of type kubernetes.io/tls (keys `tls.crt` and `tls.key`) as client certificate."""
    handshake_first: bool = False
    """Start TLS before the server speaks, as its option `handshake_first` demands."""


class Storage(StrEnum):
    """Where a JetStream stream keeps its messages."""

    FILE = "File"
    MEMORY = "Memory"


class Discard(StrEnum):
    """What a full JetStream stream does with the next message."""

    OLD = "Old"
    NEW = "New"


class JetStreamCreate(Model):
    """How to make the stream where it does not exist. An existing one is left as it is."""

    subjects: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=255)], ...], Field(max_length=32)
    ] = ()
    """Subjects it listens to; empty for those that `nats.subject` renders, and `eventsSubject`."""
    storage: Storage = Storage.FILE
    """Where messages are kept."""
    replicas: Annotated[int, Field(ge=1, le=5)] = 1
    """Copies of each message."""
    max_age_seconds: Annotated[int, Field(ge=0, le=315_360_000)] = 86_400
    """Older messages are removed; 0 keeps them."""
    max_bytes: Annotated[int, Field(ge=-1, le=2**50)] = -1
    """Size at which `discard` applies; -1 is no limit."""
    discard: Discard = Discard.OLD
    """What happens when the stream is full."""


class JetStream(Model):
    """Publish into a JetStream stream, with acknowledgements and `Nats-Msg-Id`."""

    stream: Annotated[
        str,
        Field(min_length=1, max_length=255),
        matching(r"^[A-Za-z0-9_-]+$", "letters, digits, - and _"),
    ]
    """Name of the stream."""
    create: JetStreamCreate | None = None
    """How to make the stream where it does not exist; without it, it has to exist."""
    ordered: bool = False
    """Keep one message of each Binance stream in flight, so that a retry never inverts two."""
    duplicate_window_seconds: Annotated[int, Field(ge=31, le=86_400)] = 120
    """Window in which the stream drops a repeated message; at least buffer.ttlSeconds + 30."""


class Nats(Model):
    """Where messages go."""

    servers: Annotated[tuple[PlainServer, ...], Field(min_length=1, max_length=16)]
    """Addresses of one NATS system, `nats://` or `tls://`."""
    subject: SubjectTemplate = "binance.websocket.data"
    """Subject, or a template of {market} {symbol} {channel} {stream}. In a value, @ becomes =,
    other characters than ASCII letters, digits, - and _ become %XX; no symbol becomes _all."""
    events_subject: Subject | None = None
    """Subject of records of gaps, sequence resets, disconnects and rotations; none without it. With
    jetStream, one that the stream listens to."""
    jet_stream: JetStream | None = None
    """Publish with JetStream; without it, core NATS."""
    auth: Auth = Auth()
    """Credentials."""
    tls: Tls | None = None
    """TLS. Given, if only as {}, it is required of every server; without it, of `tls://` ones."""

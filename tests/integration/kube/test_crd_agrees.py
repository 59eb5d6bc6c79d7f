"""Whatever the manifest: the models take it if and only if the API server does, and mean the same by it."""

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamset_api.crd_schema import INT_OR_STRING, PRESERVE, Schema
from streamset_api.errors import ConfigError
from tests.integration.kube.bounds import SPEC
from tests.integration.kube.sets import dry_run, parsed
from tests.support.kube_client import KubeClient, KubeError
from tests.unit.api.documents import manifest, nats
from tests.unit.api.strategies import names, symbols

# Text that a rule somewhere in the schema has an opinion on.
TELLING = st.sampled_from(
    [
        *(
            "",
            " ",
            "a",
            "A",
            "_x",
            "a.b",
            "-a",
            "a-",
            "a\n",
            "\na",
            "a\x00",
            "a\u00a0",
            "\u3000a",
            "é",
            "İ",
        ),
        *("trade", "depth20@100ms", "kline_1d@+08:00", "@trade", "btcusdt@trade", "a@b@", "a@@b"),
        *("!ticker@arr", "!bookTicker", "!miniTicker@arr", "tradingSession", "a@indexPrice@1s"),
        *("a" * 59, "a" * 60, "a" * 61, "a" * 60 + "\n"),
        *(
            "nats://h",
            "nats://h:0",
            "nats://h:65535",
            "nats://h:65536",
            "nats://[::1]:4222/",
            "tls://h/p",
        ),
        *(
            "nats://u:p@h",
            "nats://u:p%40@h",
            "nats://h-",
            "nats://",
            "NATS://h",
            "http://h",
            "https://h/x",
        ),
        *(
            "wss://h",
            "ws://h:1/ws?x=1",
            "wss://h?streams=a",
            "wss://u@h#f",
            "wss://u@v@h",
            "wss://h/\u2028",
        ),
        *(
            "a.{market}",
            "{symbol}.{stream}",
            "{nope}",
            "{{market}}",
            "$a",
            "a.$b",
            "a..b",
            "a.*",
            "a.>",
            "a b",
        ),
        *(
            "500m",
            "1.5Gi",
            ".5",
            "5.",
            "+1",
            "-1",
            "1e3",
            "1E-2",
            "1e",
            "1Ki",
            "1ki",
            "1e400",
            "Ki",
            "+",
        ),
    ]
)
TEXT = TELLING | symbols | names | st.text(max_size=6)
NUMBERS = st.integers(-2, 130) | st.sampled_from([0, 5.0, 3600, 2**31, 2**53, 2**63 - 1, 2**70])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=5,
)
JUNK = JSON | st.sampled_from([0.5, 5.0, 1e30, "5", []])


def values(schema: Schema) -> st.SearchStrategy[Any]:
    """Mostly what fits the schema, and now and then anything."""
    return st.integers(0, 15).flatmap(lambda dice: JUNK if dice == 0 else fitting(schema))


def fitting(schema: Schema) -> st.SearchStrategy[Any]:
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if INT_OR_STRING in schema:
        return NUMBERS | TEXT
    match schema["type"]:
        case "boolean":
            return st.booleans()
        case "integer":
            least, most = schema["minimum"], schema["maximum"]
            return NUMBERS | st.integers(least, most) | st.sampled_from([least - 1, most + 1])
        case "array":
            return st.lists(values(schema["items"]), max_size=3)
        case "object" if schema.get(PRESERVE):
            return st.dictionaries(TEXT, JSON, max_size=2)
        case "object" if "additionalProperties" in schema:
            return st.dictionaries(TEXT, values(schema["additionalProperties"]), max_size=3)
        case "object":
            return objects(schema)
    return TEXT


def objects(schema: Schema) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with what is required (nearly always), a few other fields, and rarely an unknown one."""
    properties: dict[str, Schema] = schema["properties"]
    required = schema.get("required", [])
    names = st.lists(st.sampled_from(sorted(properties)), max_size=3)
    unknown = st.integers(0, 30).map(lambda dice: ["unknownField"] if dice == 0 else [])
    missing = st.integers(0, 30).map(lambda dice: [] if dice == 0 else required)
    return st.builds(
        lambda *lists: {name for some in lists for name in some}, names, unknown, missing
    ).flatmap(
        lambda chosen: st.fixed_dictionaries(
            {
                name: values(properties[name]) if name in properties else JSON
                for name in sorted(chosen)
            }
        )
    )


@st.composite
def manifests(draw: st.DrawFn) -> dict[str, Any]:
    """A valid manifest in which a few fields are drawn anew, so that about half are still valid."""
    document = manifest()
    drawn = draw(objects(SPEC))
    for name in draw(st.lists(st.sampled_from(["nats", "symbols", "channels"]), max_size=1)):
        document["spec"].pop(name)
    document["spec"] |= {
        name: value for name, value in drawn.items() if name != "nats" or draw(st.booleans())
    }
    return document


async def agree(admin: KubeClient, document: dict[str, Any]) -> bool:
    """Fail where the two differ; return whether they take the manifest."""
    by_server, by_models = await dry_run(admin, copy.deepcopy(document)), parsed(document)

    if isinstance(by_server, KubeError) or isinstance(by_models, ConfigError):
        both = isinstance(by_server, KubeError) and isinstance(by_models, ConfigError)
        assert both, f"API server: {by_server}\nmodels: {by_models}"
        return False
    stored = parsed(by_server)
    assert not isinstance(stored, ConfigError), stored
    assert stored.spec == by_models.spec
    return True


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(document=manifests())
async def test_on_any_manifest(admin: KubeClient, document: dict[str, Any]) -> None:
    await agree(admin, document)


@pytest.mark.parametrize(
    ("spec", "taken"),
    [
        ({}, True),
        ({"nats": None}, False),
        ({"suspend": None, "buffer": None, "pod": {"affinity": None}}, True),
        ({"streams": [None]}, False),
        ({"pod": {"env": [None]}}, False),
        ({"pod": {"nodeSelector": {"a": None}, "affinity": {"a": None, "b": 1.5}}}, True),
        ({"maxStreamsPerRelay": 5.0, "reconnect": {"initialDelaySeconds": 6.0}}, True),
        ({"maxStreamsPerRelay": 5.5}, False),
        ({"buffer": {"ttlSeconds": 91.0}, "nats": nats(jetStream={"stream": "S"})}, False),
        ({"buffer": {"maxBytes": 1e30}}, False),
        ({"resources": {"limits": {"cpu": 2, "memory": None}}}, True),
        ({"resources": {"limits": {"cpu": 0.5}}}, False),
        ({"resources": {"limits": {"cpu": 1.0}}}, True),
        ({"resources": {"limits": {"cpu": -1}}}, False),
        ({"resources": {"limits": {"cpu": 2**63 - 1}}}, True),
        ({"resources": {"limits": {"cpu": 2**70}}}, False),
        ({"resources": {"limits": {"cpu": "+"}}}, False),  # zero to Kubernetes, but surely a slip
        ({"symbols": ["btcusdt\n"]}, False),
        ({"symbols": ["a\u00a0"]}, False),
        ({"symbols": ["a\u2028b"]}, True),
    ],
)
async def test_on_corners(admin: KubeClient, spec: dict[str, Any], taken: bool) -> None:
    assert await agree(admin, manifest(**spec)) is taken

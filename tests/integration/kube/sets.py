"""Sets as the API server and the models see them."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from streamset_api.errors import ConfigError
from streamset_api.resource import BinanceStreamSet, parse
from tests.support.kube_client import KubeClient, KubeError
from tests.unit.api.documents import manifest

DEADLINE = 60.0
REFUSED = {400, 422}
"""Undecodable, and invalid."""


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    """Poll until it is so."""
    deadline = time.monotonic() + DEADLINE
    while not await holds():
        assert time.monotonic() < deadline, f"not so within {DEADLINE} s"
        await asyncio.sleep(0.05)


async def is_served(client: KubeClient) -> bool:
    """Tell whether the API server serves sets already."""
    try:
        await client.list(manifest())
    except KubeError as error:
        if error.code not in {404, 429}:  # not there yet; being set up
            raise
        return False
    return True


async def dry_run(client: KubeClient, document: Mapping[str, Any]) -> dict[str, Any] | KubeError:
    """Return the object as the API server would store it, or its refusal. Unknown fields are refused."""
    document = {**document, "metadata": {**document["metadata"], "namespace": "default"}}
    try:
        return await client.create(_sent(document), dryRun="All", fieldValidation="Strict")
    except KubeError as error:
        if error.code not in REFUSED:
            raise
        return error


def parsed(document: Mapping[str, Any]) -> BinanceStreamSet | ConfigError:
    """Return the set as the models read it, or their refusal. Unknown fields are refused."""
    try:
        return parse(document, strict=True)
    except ConfigError as error:
        return error


def _sent(value: Any) -> Any:
    """Return the document as `kubectl` sends it: it writes 5.0 as 5."""
    match value:
        case float() if value.is_integer() and abs(value) < 1e21:
            return int(value)
        case dict():
            return {key: _sent(inner) for key, inner in value.items()}
        case list():
            return [_sent(inner) for inner in value]
    return value

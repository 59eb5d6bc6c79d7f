"""Choose a client and open a connection with it."""

import asyncio
import functools
import importlib.util
import ssl
from collections.abc import Awaitable, Callable

from ..errors import ConnectFailed
from .interface import MAX_MESSAGE, Transport

Opener = Callable[[str, ssl.SSLContext | None, int], Awaitable[Transport]]

_OPENERS: dict[str, Opener] = {}  # the preferred client first
if importlib.util.find_spec("picows"):
    from .picows_client import open_picows

    _OPENERS["picows"] = open_picows
if importlib.util.find_spec("websockets"):
    from .websockets_client import open_websockets

    _OPENERS["websockets"] = open_websockets


def available() -> list[str]:
    """Names of the clients whose library is installed, the preferred one first."""
    return list(_OPENERS)


async def connect(
    url: str,
    *,
    client: str = "auto",
    open_timeout: float,
    max_message: int = MAX_MESSAGE,
    ssl_context: ssl.SSLContext | None = None,
) -> Transport:
    """Open a WebSocket connection to `url` within `open_timeout` seconds.

    `client` is one of `available`, or `auto` for the first of them. Redirects are not followed,
    proxies are not used, compression is not offered. For `wss` the certificate is checked against
    the authorities of the system, or as `ssl_context` says.

    Raises:
        ConnectFailed: name resolution, TCP, TLS or the upgrade failed, or took too long.
        UpgradeRejected: the answer to the upgrade was an HTTP status other than 101.
        ValueError: there is no such client here.
    """
    if client == "auto":
        client = next(iter(_OPENERS), client)
    if client not in _OPENERS:
        raise ValueError(f"no WebSocket client {client!r} here, only {available()}")
    tls = None
    if url[:4].lower() == "wss:":
        tls = ssl_context or await asyncio.to_thread(_default_context)
    try:
        async with asyncio.timeout(open_timeout):
            return await _OPENERS[client](url, tls, max_message)
    except TimeoutError as exc:
        raise ConnectFailed(url, f"not open after {open_timeout:g} s") from exc


@functools.cache
def _default_context() -> ssl.SSLContext:
    """Load the authorities of the system once: it takes tens of milliseconds of reading files."""
    return ssl.create_default_context()

"""Ways in which an exchange can fail a client, as scripts of a server that writes what it likes.

`MINUTE` is what a minute lasts here: the scripts and the relay's times are scaled alike.
"""

import asyncio
import json
import ssl
from collections.abc import Mapping
from functools import partial
from typing import Final

from tests.support.raw_websocket import BINARY, PING, TEXT, Peer, Script, close, frame, text

SCALE: Final = 50.0
MINUTE: Final = 60 / SCALE
PAUSE: Final = MINUTE / 30
"""Seconds between two events of a connection that brings some."""

WRAPPED: Final = b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}'
BARE: Final = b'{"e":"serverShutdown","E":1770123456789}'


async def _hang(peer: Peer) -> None:
    """Take the connection, and say nothing."""
    await peer.receive_end()


async def _vanish(peer: Peer) -> None:
    """End it before anything was said."""
    del peer


async def _reset(peer: Peer) -> None:
    peer.reset()


async def _answer(peer: Peer, answer: tuple[str, ...]) -> None:
    """Refuse the upgrade: status, and headers."""
    await peer.read_request()
    status, *headers = answer
    lines = [f"HTTP/1.1 {status}", "Content-Length: 0", *headers, "", ""]
    await peer.write("\r\n".join(lines).encode())


async def _babble(peer: Peer) -> None:
    """No HTTP, and no TLS either."""
    await peer.reader.read(1)
    await peer.write(b"SSH-2.0-OpenSSH_9.7\r\n")


async def _distrusted(peer: Peer, context: ssl.SSLContext) -> None:
    """TLS with a certificate that nobody trusts."""
    await peer.writer.start_tls(context)
    await peer.receive_end()


async def _accept_then(peer: Peer, last: bytes) -> None:
    """Take the upgrade, say one thing and end the connection."""
    await peer.upgrade(then=last)


async def _accept_then_reset(peer: Peer) -> None:
    await peer.upgrade()
    peer.reset()


async def _violate(peer: Peer, violation: bytes) -> None:
    """Break the protocol, and see what the client does."""
    await peer.upgrade(then=violation)
    await peer.finish()


async def _close_after(peer: Peer, seconds: float) -> None:
    """Bring data for so long, at least once, and end the connection."""
    event = await _subscribed(peer)
    await _flow(peer, event, seconds)
    await peer.write(close(1001))


async def _announce(peer: Peer, notice: bytes, seconds: float) -> None:
    """Announce the end at once; it comes some time later, and data until then."""
    event = await _subscribed(peer)
    await peer.write(event + text(notice))
    await _flow(peer, event, seconds)
    await peer.write(close(1001))


async def _only(peer: Peer, frames: tuple[bytes, ...]) -> None:
    """Acknowledge, and bring something else than data for ever."""
    await _subscribed(peer)
    await _flow(peer, b"".join(frames), 60 * MINUTE)


async def _refuse_subscriptions(peer: Peer) -> None:
    await peer.upgrade()
    await peer.receive()
    await peer.write(text(b'{"error":{"code":2,"msg":"Invalid request"},"id":1}'))
    await peer.finish()


async def _subscribed(peer: Peer) -> bytes:
    """Take upgrade and subscription; gives an event of the stream that was asked for."""
    await peer.upgrade()
    _, request = await peer.receive()
    await peer.write(text(b'{"result":null,"id":1}'))
    stream = json.loads(request)["params"][0]
    return text(b'{"stream":"%b","data":{"x":1}}' % stream.encode())


async def _flow(peer: Peer, frames: bytes, seconds: float) -> None:
    """Write again and again, until the client ends the connection or the time is over."""
    ending = asyncio.create_task(peer.finish())
    until = asyncio.get_running_loop().time() + seconds
    try:
        while not ending.done():
            await peer.write(frames)
            if asyncio.get_running_loop().time() >= until:
                return
            await asyncio.wait({ending}, timeout=PAUSE)
    finally:
        ending.cancel()
        await asyncio.gather(ending, return_exceptions=True)


_HTTP: Final = (
    ("403 Forbidden",),
    ("418 I'm a teapot",),
    ("418 I'm a teapot", "Retry-After: 1"),
    ("429 Too Many Requests",),
    ("429 Too Many Requests", "Retry-After: 0"),
    ("429 Too Many Requests", "Retry-After: 1"),
    ("451 Unavailable For Legal Reasons",),
    ("500 Internal Server Error",),
    ("503 Service Unavailable",),
    ("302 Found", "Location: /elsewhere"),
)
FAULTS: Final[Mapping[str, Script]] = {
    "reset": _reset,
    "closed before the upgrade": _vanish,
    "no answer to the upgrade": _hang,
    "no HTTP": _babble,
    **{", ".join(answer): partial(_answer, answer=answer) for answer in _HTTP},
    "accepted, then 1001": partial(_accept_then, last=close(1001)),
    "accepted, then 1008": partial(_accept_then, last=close(1008, "Too many requests")),
    "accepted, then FIN": partial(_accept_then, last=b""),
    "accepted, then RST": _accept_then_reset,
    "accepted, then a masked frame": partial(_violate, violation=frame(TEXT, b"{}", mask=True)),
    "accepted, then 17 MiB": partial(_violate, violation=text(bytes(17 << 20))[:1000]),
    "closed after the first event": partial(_close_after, seconds=0),
    "closed after 30 s of data": partial(_close_after, seconds=MINUTE / 2),
    "closed after 70 s of data": partial(_close_after, seconds=MINUTE * 7 / 6),
    "serverShutdown, never closed": partial(_announce, notice=WRAPPED, seconds=60 * MINUTE),
    "serverShutdown, closed at once": partial(_announce, notice=WRAPPED, seconds=0),
    "bare serverShutdown, closed after 10 s": partial(_announce, notice=BARE, seconds=MINUTE / 6),
    "subscription refused": _refuse_subscriptions,
    "acknowledged, only pings": partial(_only, frames=(frame(PING),)),
    "acknowledged, only nonsense": partial(_only, frames=(text(b"nonsense"), frame(BINARY, b"?"))),
    "acknowledged, then nothing": partial(_only, frames=()),
}
"""Name to script, one run of it for each connection."""


def tls_faults(context: ssl.SSLContext) -> Mapping[str, Script]:
    """What can go wrong before the upgrade on `wss://`; the certificate of `context` is nobody's."""
    return {
        "TLS, distrusted": partial(_distrusted, context=context),
        "TLS, nobody speaks it": _babble,
        "TLS, no answer": _hang,
    }

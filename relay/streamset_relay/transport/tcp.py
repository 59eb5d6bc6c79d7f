"""The TCP half of opening a connection, the same for both clients."""

import asyncio
import contextlib
import socket
from typing import Final

RECEIVE_BUFFER: Final = 512 * 1024
"""Bytes the kernel may hold for us (Linux doubles it). One read brings no more than that: it bounds a batch to what
fits the processor's cache, and picows' read buffer, which grows with the largest read and never shrinks. At 4 MB/s,
twice what a full connection of books brings, it holds 125 ms."""


async def dial(host: str, port: int) -> socket.socket:
    """Connect to the first address of `host` that answers; returns a non-blocking socket.

    Raises:
        OSError: the name has no address, or none took the connection. Of several failures the
            last is raised.
    """
    loop = asyncio.get_running_loop()
    addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    failure = OSError(f"no address for {host}")
    for family, kind, protocol, _, address in addresses:
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            # Before the connect: the window scale is agreed on then (tcp(7)).
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            await loop.sock_connect(sock, address)
        except OSError as exc:
            sock.close()
            failure = exc
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failure


def hang_up(sock: socket.socket) -> None:
    """End the TCP connection of a socket that a library has taken over.

    A library that is cancelled between TCP connect and upgrade may leave its connection open, and
    an answer that comes late would then complete an upgrade nobody waits for: a connection that
    counts against the exchange's limits and is never read. After a shutdown the library sees the
    end of the stream and cleans up itself; closing the descriptor under it would not be safe.
    """
    with contextlib.suppress(OSError):  # not connected any more, or already closed
        sock.shutdown(socket.SHUT_RDWR)

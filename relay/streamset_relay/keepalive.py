"""A TCP connection whose dead peer is noticed by the kernel."""

import socket
from typing import Final

USER_TIMEOUT: Final = 10.0
"""Seconds after which the kernel gives up on sent and unacknowledged bytes (RFC 5482)."""


def keep_alive(sock: socket.socket) -> None:
    """Let the kernel notice a dead peer by itself, whether or not data is waiting for it."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        milliseconds = int(USER_TIMEOUT * 1000)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)

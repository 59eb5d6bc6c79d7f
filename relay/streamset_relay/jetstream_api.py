"""Requests to JetStream's own API: is the stream there, and as it should be?"""

import asyncio
from collections.abc import Iterable
from itertools import count
from typing import Any

from .ack_inbox import AckInbox, Reply
from .core.stream_info import (
    Right,
    Wanted,
    Wrong,
    create_request,
    create_subject,
    info_subject,
    judge,
)
from .core.trouble import Trouble
from .errors import NatsLost
from .nats_connection import NatsConnection


class JetStreamApi:
    """Asks on a connection that listens to the inbox; whoever reads that hands over what comes."""

    def __init__(self, inbox: AckInbox, timeout: float) -> None:
        self._inbox = inbox
        self._timeout = timeout
        self._numbers = count(1)
        self._requests: dict[str, asyncio.Future[Reply]] = {}

    def take(self, reply: Reply) -> bool:
        """Take a reply to a request of ours, also one that comes too late; False for any other."""
        if reply.token.isdecimal():
            return False
        request = self._requests.get(reply.token)
        if request is not None and not request.done():
            request.set_result(reply)
        return True

    async def check(
        self, connection: NatsConnection, wanted: Wanted, subjects: Iterable[str]
    ) -> Right | Wrong:
        """Ask for the stream, and create it where it is missing and wanted.

        Subscribes anew each time: a subscription that was not allowed may be by now, and the server
        ignores one that it has.

        Raises NatsLost when the connection ends; anything else that may happen is a `Wrong`.
        """
        connection.write(self._inbox.subscription)
        try:
            reply = await self._request(connection, info_subject(wanted.name), b"")
            verdict = _judge(reply, wanted, subjects)
            missing = isinstance(verdict, Wrong) and verdict.trouble is Trouble.STREAM_MISSING
            if missing and wanted.create is not None:
                request = create_request(wanted, wanted.create)
                reply = await self._request(connection, create_subject(wanted.name), request)
                verdict = _judge(reply, wanted, subjects)
        except TimeoutError:
            return self._unanswered(connection)
        return verdict

    def _unanswered(self, connection: NatsConnection) -> Wrong:
        """Permissions show only as a word of the server on the side, and as silence."""
        if "$js.api" in connection.denial or self._inbox.prefix.lower() in connection.denial:
            return Wrong(Trouble.API_DENIED, connection.denial)
        return Wrong(Trouble.UNAVAILABLE, f"no answer in {self._timeout:g} s")

    async def _request(self, connection: NatsConnection, subject: str, payload: bytes) -> Reply:
        """Raises TimeoutError, and NatsLost when the connection ends."""
        token = f"r{next(self._numbers)}"
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._requests[token] = reply
        either: set[asyncio.Future[Any]] = {reply, connection.lost}
        try:
            line = f"PUB {subject} {self._inbox.prefix}{token} {len(payload)}\r\n".encode()
            connection.write(line + payload + b"\r\n")
            await asyncio.wait(either, timeout=self._timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            del self._requests[token]
        if reply.done():
            return reply.result()
        if connection.lost.done():
            raise NatsLost(connection.lost.result().cause)
        raise TimeoutError


def _judge(reply: Reply, wanted: Wanted, subjects: Iterable[str]) -> Right | Wrong:
    if not reply.payload:  # status 503: nobody listens to the API
        return Wrong(
            Trouble.UNAVAILABLE, "no responders: JetStream is not enabled, or has no leader"
        )
    return judge(reply.payload, wanted, subjects)

"""Pushes the relay's metrics to an OpenTelemetry collector, over HTTP, until it is cancelled.

Counters are cumulative: what one request did not bring, the next one does. So nothing is sent again, and a collector
that is away costs the relay nothing and its log one line.
"""

import asyncio
import importlib.metadata
import json
import logging
import ssl
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from prometheus_client.metrics_core import Metric

from streamset_api.redact import MASK

from .metrics import with_process
from .otel import Collector
from .otlp import request_of

log = logging.getLogger(__name__)

SCOPE = {"name": "streamset_relay", "version": importlib.metadata.version("binance-streamset")}
LARGEST = 65_536
"""Bytes of an answer that are read."""

LONGEST = 300
"""Characters of a refusal that are logged."""


class Pusher:
    """Pushes what `collect` takes, every `collector.interval` seconds."""

    def __init__(self, collector: Collector, collect: Callable[[], Sequence[Metric]]) -> None:
        self._collector = collector
        self._collect = collect
        self._clock = asyncio.get_running_loop().time
        self._started_ns = time.time_ns()
        self._trouble = ""

    async def run(self) -> None:
        """Push for ever. Trouble is logged when it begins, when it becomes another, and when it ends."""
        url, interval = self._collector.url, self._collector.interval
        log.info("Pushing metrics", extra={"url": url, "interval": interval})
        due = self._clock()
        while True:
            due = max(due + interval, self._clock())
            await asyncio.sleep(due - self._clock())
            why = self._without_keys(await self._push())
            if why and why != self._trouble:
                log.warning("Metrics could not be pushed", extra={"url": url, "why": why})
            elif self._trouble and not why:
                log.info("Metrics are pushed again", extra={"url": url})
            self._trouble = why

    async def _push(self) -> str:
        """Push once. Returns what went wrong, or nothing."""
        to = self._collector
        try:
            body, tls = await asyncio.to_thread(self._prepare, self._collect(), time.time_ns())
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=to.timeout)) as session,
                session.post(
                    to.url,
                    data=body,
                    headers={
                        "Content-Type": "application/json",
                        "User-Agent": f"{SCOPE['name']}/{SCOPE['version']}",
                        **to.headers,
                    },
                    compress="gzip" if to.gzip else None,
                    allow_redirects=False,  # a key in the headers is for this address only
                    ssl=tls,
                ) as answer,
            ):
                return refusal(answer.status, await _text(answer.content))
        except TimeoutError:
            return f"no answer within {to.timeout:g} s"
        except MemoryError:
            raise
        except Exception as error:  # whatever it is, it concerns the metrics and not the data
            return str(error) or type(error).__name__

    def _prepare(
        self, families: Sequence[Metric], now_ns: int
    ) -> tuple[bytes, ssl.SSLContext | bool]:
        """Write the request, and read certificates, anew each time: both may have been replaced. Reads files."""
        to = self._collector
        request = request_of(
            with_process(families), to.resource, SCOPE, started_ns=self._started_ns, now_ns=now_ns
        )
        body = json.dumps(request, separators=(",", ":")).encode()
        if urlsplit(to.url).scheme != "https":
            return body, True
        context = ssl.create_default_context(cafile=to.certificate)
        if to.client_certificate is not None:
            # Without a password OpenSSL would ask for one on the terminal.
            context.load_cert_chain(to.client_certificate, to.client_key, password="")
        return body, context

    def _without_keys(self, why: str) -> str:
        """A collector may repeat what it was sent."""
        for value in self._collector.headers.values():
            for secret in (value, value.rpartition(" ")[2]):
                why = why.replace(secret, MASK) if secret else why
        return why


def refusal(status: int, text: str) -> str:
    """Return what a collector's answer says is wrong, or nothing. A part may be refused, too (`partialSuccess`)."""
    if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return f"HTTP status {status}: {text[:LONGEST]}".strip(": ")
    try:
        answer: Any = json.loads(text or "{}")
        part = answer.get("partialSuccess") or {}
        refused = int(part.get("rejectedDataPoints", 0))
        words = f"{refused} data points refused: {part.get('errorMessage', '')}"
    except (ValueError, ArithmeticError, AttributeError, TypeError, RecursionError):
        return ""  # accepted, in words that are not OTLP's
    return words[:LONGEST] if refused else ""


async def _text(body: aiohttp.StreamReader) -> str:
    try:
        read = await body.readexactly(LARGEST)
    except asyncio.IncompleteReadError as all_of_it:
        read = all_of_it.partial
    return read.decode(errors="replace")

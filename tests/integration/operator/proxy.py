"""A proxy before the API server that answers in its stead as a test says."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import yaml
from aiohttp import web

from tests.support.kube import ControlPlane

HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "content-encoding", "host"}

Fault = Callable[[web.Request], str | web.Response | None]
"""What happens to a request: nothing, an answer, `drop` (the connection), or `silent` (a watch)."""


def no_fault(_: web.Request) -> None:
    """Pass everything on."""


class Proxy:
    """Passes requests on, unless `fault` has something else for them. Counts them by method."""

    def __init__(self, plane: ControlPlane) -> None:
        self.fault: Fault = no_fault
        self.requests: Counter[str] = Counter()
        self._plane = plane
        self._watches = set[asyncio.Transport | None]()
        self._session: aiohttp.ClientSession

    @contextlib.asynccontextmanager
    async def running(self, port: int) -> AsyncIterator[None]:
        """Listen while the block runs."""
        app = web.Application(client_max_size=2**22)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1)
        connector = aiohttp.TCPConnector(ssl=self._plane.tls(), limit=0)
        async with aiohttp.ClientSession(
            connector=connector, auto_decompress=True
        ) as self._session:
            await runner.setup()
            try:
                await web.TCPSite(runner, "127.0.0.1", port).start()
                yield
            finally:
                self.drop_watches()
                await runner.cleanup()

    def drop_watches(self) -> None:
        """End every watch in the middle of its stream."""
        for transport in list(self._watches):
            if transport is not None:
                transport.abort()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.requests[request.method] += 1
        fault = self.fault(request)
        if isinstance(fault, web.Response):
            return fault
        if fault == "drop":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        headers = {k: v for k, v in request.headers.items() if k.lower() not in HOP_BY_HOP}
        async with self._session.request(
            request.method,
            self._plane.url + request.path_qs,
            headers=headers,
            data=await request.read() or None,
            skip_auto_headers=["Content-Type"],
            timeout=aiohttp.ClientTimeout(total=None),
        ) as upstream:
            return await self._pass_on(request, upstream)

    async def _pass_on(
        self, request: web.Request, upstream: aiohttp.ClientResponse
    ) -> web.StreamResponse:
        kept = {k: v for k, v in upstream.headers.items() if k.lower() not in HOP_BY_HOP}
        if not is_watch(request):
            body = await upstream.read()
            return web.Response(status=upstream.status, headers=kept, body=body)
        answer = web.StreamResponse(status=upstream.status, headers=kept)
        transport = request.transport
        try:
            await answer.prepare(request)
            self._watches.add(transport)
            async for chunk in upstream.content.iter_any():
                if self.fault(request) != "silent":
                    await answer.write(chunk)
        except (ConnectionError, aiohttp.ClientError):
            pass  # one of both sides has gone
        finally:
            self._watches.discard(transport)
        return answer


def is_watch(request: web.Request) -> bool:
    """Tell whether a request is a watch."""
    return "watch" in request.query


def refusal(code: int, reason: str, **headers: str) -> web.Response:
    """Return a refusal as the API server words it."""
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "code": code,
        "reason": reason,
        "message": reason,
    }
    return web.json_response(status | {"status": "Failure"}, status=code, headers=headers)


def through(kubeconfig: str, port: int) -> str:
    """Return the kubeconfig with the proxy in the place of the API server."""
    config: Any = yaml.safe_load(kubeconfig)
    config["clusters"][0]["cluster"] = {"server": f"http://127.0.0.1:{port}"}
    return yaml.safe_dump(config)

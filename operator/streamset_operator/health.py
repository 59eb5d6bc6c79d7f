"""The HTTP servers: probes on one port, metrics on another.

The probes answer from the first moment, before kopf runs: an operator that waits for its CRD is
alive. `/healthz` is about the work loop alone, because a restart mends nothing else.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

ANYWHERE = "0.0.0.0"  # noqa: S104 - a pod's probes come from outside


@dataclass
class Health:
    """What the probes say. `not_ready` is the reason, in one word; None when ready."""

    not_ready: str | None = "starting"
    alive: Callable[[], bool] = lambda: True

    async def healthz(self, _: web.Request) -> web.Response:
        """Liveness."""
        alive = self.alive()
        status = "healthy" if alive else "unhealthy"
        return web.json_response({"status": status}, status=200 if alive else 503)

    async def ready(self, _: web.Request) -> web.Response:
        """Readiness."""
        if self.not_ready is None:
            return web.json_response({"status": "ready"})
        body = {"status": "not_ready", "reason": self.not_ready}
        return web.json_response(body, status=503)


@asynccontextmanager
async def serve(
    health: Health, registry: CollectorRegistry, health_port: int, metrics_port: int
) -> AsyncIterator[None]:
    """Serve while the block runs."""

    async def metrics(_: web.Request) -> web.Response:
        # The process' own figures are read from files, so a thread does it.
        text = await asyncio.to_thread(generate_latest, registry)
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    probes = [web.get("/healthz", health.healthz), web.get("/ready", health.ready)]
    async with (
        _listen(probes, health_port),
        _listen([web.get("/metrics", metrics)], metrics_port),
    ):
        yield


@asynccontextmanager
async def _listen(routes: list[web.RouteDef], port: int) -> AsyncIterator[None]:
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, ANYWHERE, port).start()
        yield
    finally:
        await runner.cleanup()

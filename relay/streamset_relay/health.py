"""The HTTP server for probes, metrics and people: `/healthz`, `/ready`, `/metrics`, `/` and `/info`."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric

from streamset_api.errors import ConfigError, Problem


@dataclass(frozen=True)
class Endpoints:
    """What is answered, asked anew for each request.

    `alive` says whether the relay's own tasks run, never what Binance or NATS do: a restart would mend neither.
    `not_ready` is the reason, or None when ready; `info` the whole status. `collect` takes the metrics,
    `expose` writes them and the process' own as Prometheus text.
    """

    alive: Callable[[], bool]
    not_ready: Callable[[], str | None]
    info: Callable[[], Mapping[str, object]]
    collect: Callable[[], Sequence[Metric]]
    expose: Callable[[Sequence[Metric]], bytes]

    async def healthz(self, _: web.Request) -> web.Response:
        """Liveness."""
        if self.alive():
            return web.json_response({"status": "healthy"})
        return web.json_response({"status": "unhealthy"}, status=503)

    async def ready(self, _: web.Request) -> web.Response:
        """Readiness."""
        reason = self.not_ready()
        if reason is None:
            return web.json_response({"status": "ready"})
        return web.json_response({"status": "not_ready", "reason": reason}, status=503)

    async def metrics(self, _: web.Request) -> web.Response:
        """Prometheus text.

        The metrics are taken here, all at one moment: beside the running loop they would not add up. The
        process' own figures are read from files, so a thread does the rest.
        """
        text = await asyncio.to_thread(self.expose, self.collect())
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    async def describe(self, _: web.Request) -> web.Response:
        """The status as JSON."""
        return web.json_response(self.info())


@asynccontextmanager
async def serve(endpoints: Endpoints, host: str, port: int) -> AsyncIterator[int]:
    """Serve while the block runs; yields the port, which matters when `port` is 0.

    Raises `ConfigError` when nobody can listen there.
    """
    app = web.Application()
    app.add_routes(
        [
            web.get("/healthz", endpoints.healthz),
            web.get("/ready", endpoints.ready),
            web.get("/metrics", endpoints.metrics),
            web.get("/", endpoints.describe),
            web.get("/info", endpoints.describe),
        ]
    )
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            allowed = f"a port that is free on {host} ({error.strerror})"
            raise ConfigError([Problem("health.port", port, allowed)]) from None
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()

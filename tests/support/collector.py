"""A collector of OpenTelemetry metrics that keeps what it is sent, by OpenTelemetry's own schema."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from aiohttp import web
from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import NumberDataPoint


@dataclass(frozen=True)
class Push:
    """One request: headers, attributes of the resource, and sample (`name`, or `name{label=value}`) → value."""

    headers: Mapping[str, str]
    resource: Mapping[str, str]
    samples: Mapping[str, float]


class Collector:
    """Listens on `port`; answers with `status` and `pieces`, one after the other, or not at all while it is `mute`."""

    def __init__(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.pushes: list[Push] = []
        self.status = 200
        self.pieces: tuple[str, ...] = ("{}",)
        self.mute = False
        self.asked = 0
        self._tls = tls
        self._port = port
        self._ending = asyncio.Event()
        self._runner: web.AppRunner

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.add_routes([web.post("/v1/metrics", self._take)])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port, ssl_context=self._tls).start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ending.set()
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        scheme = "http" if self._tls is None else "https"
        return f"{scheme}://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _take(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        if self.mute:
            await self._ending.wait()
        if self.status == 200:
            parsed = Parse(await request.read(), ExportMetricsServiceRequest())
            self.pushes.append(_push(dict(request.headers), parsed))
        answer = web.StreamResponse(status=self.status)
        await answer.prepare(request)
        for piece in self.pieces:
            await answer.write(piece.encode())
            await asyncio.sleep(0.01)
        return answer


def _push(headers: Mapping[str, str], request: ExportMetricsServiceRequest) -> Push:
    (resource,) = request.resource_metrics
    attributes = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
    samples = {}
    for metric in resource.scope_metrics[0].metrics:
        for point in (*metric.sum.data_points, *metric.gauge.data_points):
            labels = ",".join(sorted(f"{p.key}={p.value.string_value}" for p in point.attributes))
            samples[f"{metric.name}{{{labels}}}" if labels else metric.name] = _value(point)
    return Push(headers, attributes, samples)


def _value(point: NumberDataPoint) -> float:
    return point.as_int if point.WhichOneof("value") == "as_int" else point.as_double

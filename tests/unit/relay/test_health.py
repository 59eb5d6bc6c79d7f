"""The health endpoints' answers are taken on the event loop, where the numbers stand still."""

import threading
from collections.abc import Sequence

import aiohttp
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from streamset_relay.health import Endpoints, serve
from streamset_relay.metrics import expose


async def test_metrics_are_taken_on_the_loop_and_written_beside_it() -> None:
    threads: dict[str, int] = {}

    def collect() -> Sequence[Metric]:
        threads["collect"] = threading.get_ident()
        return [GaugeMetricFamily("answer", "Of a test", value=42.0)]

    def write(families: Sequence[Metric]) -> bytes:
        threads["expose"] = threading.get_ident()
        return expose(families)

    endpoints = Endpoints(
        alive=lambda: True, not_ready=lambda: None, info=dict, collect=collect, expose=write
    )
    async with (
        serve(endpoints, "127.0.0.1", 0) as port,
        aiohttp.ClientSession() as http,
        http.get(f"http://127.0.0.1:{port}/metrics") as answer,
    ):
        text = await answer.text()

    assert "\nanswer 42.0\n" in text
    assert "process_resident_memory_bytes" in text
    assert threads["collect"] == threading.get_ident() != threads["expose"]

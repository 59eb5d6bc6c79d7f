"""The whole chain but for the kubelet: operator, its ConfigMap, a relay, the exchange, NATS, status."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from exchange_simulator import Simulator, SimulatorConfig
from streamset_relay import kube_status
from streamset_relay.settings import load
from tests.integration.operator.world import Object, World, account_token, document, eventually
from tests.support.kube import ControlPlane
from tests.support.mounted import Mounted
from tests.support.nats_server import NatsServer, free_ports
from tests.support.relay import LocalRelay
from tests.support.subscriber import Subscriber

MARKET = SimulatorConfig(rates={"*": 50})


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that a pod would have its token in."""
    folder = tmp_path / "account"
    folder.mkdir()
    monkeypatch.setattr(kube_status, "ACCOUNT", folder)
    return folder


@contextlib.asynccontextmanager
async def operating(world: World) -> AsyncIterator[None]:
    """An operator in a process of its own: it must not see the variables of the relay's pod."""
    process = await world.spawn(REPORT_INTERVAL="5")
    reading = asyncio.create_task(process.communicate())
    try:
        await eventually(world.is_ready)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        await reading


async def test_a_relay_runs_from_what_the_operator_wrote_and_the_set_streams(
    world: World,
    cluster: ControlPlane,
    nats_server: NatsServer,
    subscriber: Subscriber,
    account: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with operating(world), Simulator(MARKET) as exchange:
        where: dict[str, Any] = {"endpoint": exchange.url, "nats": {"servers": [nats_server.url]}}
        await world.apply_set(**where)
        await world.settles()
        await world.settle()
        (account / "ca.crt").write_bytes(cluster.certificate.read_bytes())
        token = await account_token(world.admin, world.namespace, "majors-relay")
        (account / "token").write_text(token)
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(cluster.port))
        monkeypatch.setenv("POD_NAME", "majors-0-pod")
        mounted = Mounted(tmp_path, await _file(world))
        [port] = free_ports(1)
        settings = await asyncio.to_thread(load, mounted.file, {"HEALTH_PORT": str(port)})

        async with LocalRelay(settings) as relay:
            ready = await world.becomes("Ready", "Streaming")
            assert ready["status"] == "True"
            await world.apply_set(symbols=["btcusdt", "ethusdt", "solusdt"], **where)
            await world.settles()
            assert (await world.condition("Ready"))["status"] == "False"
            mounted.replace(await _file(world))
            await world.becomes("Ready", "Streaming")
            await eventually(lambda: _counts(world, "3/3"))

            await nats_server.stop()
            delivering = await world.becomes("Delivering", "NatsUnreachable")
            assert delivering["status"] == "False"
            assert (await world.condition("Ready"))["status"] == "False"
            await nats_server.start()
            await world.becomes("Ready", "Streaming")
            await relay.stop()

    [entry] = (await world.set())["status"]["relays"]
    assert entry["pod"] == "majors-0-pod"
    assert subscriber.payloads


async def _counts(world: World, streams: str) -> bool:
    return bool((await world.set())["status"]["summary"]["streams"] == streams)


async def _file(world: World) -> str:
    """Return what the kubelet would mount."""
    config_map: Object = await world.admin.get(world.ref("ConfigMap", "majors-0"))
    assert document(config_map)["identity"]["relay"] == "majors-0"
    text: str = config_map["data"]["relay.yaml"]
    return text

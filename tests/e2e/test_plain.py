"""The relay's image without the operator: a plain Deployment with the ConfigMaps and variables of old."""

import aiohttp
import yaml

from tests.e2e.cluster import ROOT, Space, images
from tests.support.subscriber import Subscriber

EXAMPLE = ROOT / "examples" / "plain" / "deployment.yaml"


async def test_the_old_way_still_works(space: Space, consumer: Subscriber) -> None:
    documents = list(yaml.safe_load_all(EXAMPLE.read_text()))
    by_name = {(thing["kind"], thing["metadata"]["name"]): thing for thing in documents}
    by_name["ConfigMap", "petrosa-common-config"]["data"]["NATS_URL"] = "nats://nats:4222"
    by_name["ConfigMap", "socket-client-config"]["data"] |= {
        "BINANCE_WS_URL": "ws://simulator:9443/ws",
        "NATS_TOPIC": "binance.websocket.data",
    }
    deployment = by_name["Deployment", "socket-client"]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    [container["image"]] = images("relay")
    by_name["Service", "socket-client"]["spec"]["type"] = "NodePort"
    await space.apply(*documents)
    await space.rollout("socket-client")

    await consumer.wait_for(20, timeout=60)
    assert {message.subject for message in consumer.messages} == {"binance.websocket.data"}
    url = await space.url("socket-client", "http", 80)
    async with aiohttp.ClientSession(url) as session:
        async with session.get("/ready") as answer:
            assert await answer.json() == {"status": "ready"}
        async with session.get("/metrics") as answer:
            assert "socket_client_messages_processed_total" in await answer.text()
    log = await space.kubectl("logs", "deployment/socket-client")
    assert "Connected to Binance" in log

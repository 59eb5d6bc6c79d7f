"""What only a person can mend shows as the right condition and Event, with words that help."""

import aiohttp
import pytest

from tests.e2e.cluster import KubectlError, Object, Space, eventually


async def test_nats_that_is_nowhere(space: Space) -> None:
    await space.apply_set(nats={"servers": ["nats://nowhere:4222"]})
    delivering = await space.becomes("Delivering", "NatsUnreachable")
    assert delivering["status"] == "False"

    async def names_the_server() -> bool:
        return "nats://nowhere:4222" in (await space.condition("Delivering"))["message"]

    await eventually(names_the_server, "the message names the server")
    assert (await space.condition("Stalled"))["status"] == "False"
    await _event(space, "NatsUnreachable")
    await space.apply_set()
    await space.becomes("Ready", "Streaming")


async def test_an_exchange_that_refuses_the_region(space: Space) -> None:
    control = await space.url("simulator", "http", 9444)
    async with aiohttp.ClientSession() as session:
        body = {"status": 451}
        async with session.post(f"{control}/faults/reject_upgrades", json=body) as answer:
            assert answer.status == 200, await answer.text()
        await space.apply_set()
        ready = await space.becomes("Ready", "GeoBlocked")
        assert ready["status"] == "False"
        assert (await space.condition("Stalled"))["status"] == "True"
        assert "451" in (await space.condition("Connected"))["message"]
        await _event(space, "GeoBlocked")
        async with session.delete(f"{control}/faults") as answer:
            assert answer.status == 200


async def test_a_missing_secret(space: Space) -> None:
    reference = {"name": "nats-token", "key": "token"}
    servers = {"servers": ["nats://nats:4222"], "auth": {"tokenSecretRef": reference}}
    await space.apply_set(nats=servers)
    ready = await space.becomes("Ready", "SecretMissing")
    assert "nats-token/token" in ready["message"]
    await _event(space, "SecretMissing")
    [before] = await space.pods()

    secret: Object = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "nats-token"}}
    await space.apply(secret | {"stringData": {"token": "any: this server asks for none"}})
    await space.becomes("Ready", "Streaming", within=150)
    [after] = await space.pods()
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["status"]["containerStatuses"][0]["restartCount"] == 0


async def test_a_set_that_makes_no_sense_is_refused(space: Space) -> None:
    with pytest.raises(KubectlError, match="at least one stream"):
        await space.apply_set(symbols=[], channels=[])


async def _event(space: Space, reason: str) -> None:
    async def posted() -> bool:
        return any(event["reason"] == reason for event in await space.events())

    await eventually(posted, f"an Event {reason}")

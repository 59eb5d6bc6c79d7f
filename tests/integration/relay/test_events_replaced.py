"""Records of relays that replace each other: one account of the streams, whoever publishes them."""

from exchange_simulator import Simulator
from tests.integration.relay.test_events import MARKET, TRADES, Read, read, span, told
from tests.support.jetstream import content
from tests.support.nats_server import NatsServer
from tests.support.relay import LocalRelay
from tests.support.subscriber import Subscriber

IDENTITY = {"set": "majors", "relay": "majors-0", "namespace": "default", "setUid": "1234-5678"}


async def test_a_follower_tells_of_itself_when_the_streams_are_its_own(
    nats_server: NatsServer, subscriber: Subscriber
) -> None:
    async with Simulator(MARKET) as exchange:
        config = told(exchange.url, nats_server.url, TRADES) | {"identity": IDENTITY}
        async with LocalRelay(config) as owner:
            await owner.until(lambda s: s.ledger.published > 20)
            async with LocalRelay(config) as successor:
                await successor.until(lambda s: s.active == 1 and s.not_ready is None)
                await successor.until(lambda s: s.uptime > 1)  # nothing of it goes out meanwhile
                assert successor.status.event_records == {"connect": 1}
                assert len((await read("core", nats_server, subscriber)).records) == 1
                before = await owner.stop()
                await successor.until(lambda s: s.ledger.published > 50)
                after = await successor.stop()
        found = await read("core", nats_server, subscriber)

    assert [record["type"] for _, record in found.records] == ["connect", "connect"]
    assert found.holes() == []
    assert len(found.messages) == before.published + after.published
    assert (before.records, after.records) == (1, 1)


async def test_what_came_while_no_relay_ran_is_missing_and_told_of() -> None:
    """How far the last one came, the JetStream stream knows."""
    async with NatsServer(jetstream=True) as nats, Simulator(MARKET) as exchange:
        config = told(exchange.url, nats.url, TRADES, mode="jetstream")
        for _ in range(2):
            async with LocalRelay(config) as relay:
                await relay.until(lambda s: (s.ledger.acked or 0) > 20)
                await relay.stop()
            exchange.faults.skip(TRADES, 7)
        found = Read(await content(nats.url, "MD"))

    [gap] = found.of("gap")
    assert (gap["reason"], gap["since"], gap["until"]) == ("takeover", None, None)
    assert [span(gap)] == found.holes()
    assert gap["missing"] == gap["to"] - gap["from"] + 1 >= 7
    found.ahead()

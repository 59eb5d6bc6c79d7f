"""From nothing to data in NATS, as the README says: helm install, kubectl apply, kubectl get."""

import json

import yaml

from streamset_operator.app import ExitCode
from tests.e2e import parts
from tests.e2e.cluster import ROOT, Object, Space, eventually
from tests.e2e.release import Release

WITHIN = 30.0
"""Seconds from `kubectl apply` to Ready, the images being there."""

OWN_EXIT_CODES = set(ExitCode) - {ExitCode.OK}
"""Those of the operator; a node that makes a pod's sandbox anew restarts what runs well, too."""

CONSUME = """\
import asyncio, json, nats

async def main():
    client = await nats.connect("nats://nats:4222")
    seen = await client.subscribe("binance.>")
    for _ in range(50):
        message = await seen.next_msg(timeout=30)
        print(json.dumps({"subject": message.subject, "envelope": json.loads(message.data)}))
    await client.close()

asyncio.run(main())
"""


def example(name: str) -> Object:
    """Return an example's manifest, with the addresses of the test's namespace."""
    document: Object = yaml.safe_load((ROOT / "examples" / name).read_text())
    document["spec"]["endpoint"] = "ws://simulator:9443"
    document["spec"]["nats"]["servers"] = ["nats://nats:4222"]
    return document


async def test_an_example_streams_within_half_a_minute(space: Space) -> None:
    document = example("spot-majors.yaml")
    streams = len(document["spec"]["symbols"]) * len(document["spec"]["channels"])
    await space.apply(document)

    async def ready() -> bool:
        return (await space.condition("Ready", "spot-majors")).get("status") == "True"

    took = await eventually(ready, "the set is Ready", WITHIN)
    print(f"Ready after {took:.1f} s")

    async def all_active() -> bool:
        summary = (await space.set("spot-majors"))["status"]["summary"]
        return bool(summary["streams"] == f"{streams}/{streams}")

    await eventually(all_active, "every stream has delivered")
    header, row = (await space.kubectl("get", "bss")).splitlines()
    assert header.split() == ["NAME", "READY", "STREAMS", "RELAYS", "MSG/S", "REASON", "AGE"]
    name, is_ready, active, relays, rate, reason, _ = row.split()
    assert (name, is_ready, reason) == ("spot-majors", "True", "Streaming")
    assert (active, relays) == (f"{streams}/{streams}", "1/1")
    assert float(rate) > 0

    await space.apply(parts.script("consumer", CONSUME))
    await space.kubectl("wait", "pod/consumer", "--for=jsonpath={.status.phase}=Succeeded")
    lines = [json.loads(line) for line in (await space.kubectl("logs", "consumer")).splitlines()]
    assert len(lines) == 50
    for line in lines:
        envelope = line["envelope"]
        assert list(envelope) == [
            *("stream", "data", "timestamp", "message_id", "source", "version"),
        ]
        symbol = envelope["stream"].split("@")[0]
        assert line["subject"].startswith(f"binance.spot-data.{symbol}.")


async def test_the_operator_runs_as_little_as_it_can(release: Release) -> None:
    [pod] = await release.pods()
    security = pod["spec"]["securityContext"]
    [container] = pod["spec"]["containers"]
    assert security["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    ended = pod["status"]["containerStatuses"][0]["lastState"].get("terminated", {})
    own = ended.get("reason") == "OOMKilled" or ended.get("exitCode") in OWN_EXIT_CODES
    assert not own, f"the operator ended by itself: {ended}\n{await release.log('--previous')}"
    await release.helm("test", release.name)

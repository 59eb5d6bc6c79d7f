"""A NetworkPolicy that is enforced: a relay reaches what it needs, and nothing else reaches out or in."""

from tests.e2e import parts
from tests.e2e.cluster import Space

REACH = """\
import socket, sys
for host, port in {targets!r}:
    try:
        socket.create_connection((host, port), timeout=3).close()
        print(host, port, "reached")
    except OSError as error:
        print(host, port, "blocked")
"""


async def test_what_is_not_needed_is_blocked(space: Space) -> None:
    await space.apply_set(networkPolicy={"enabled": True})
    await space.becomes("Ready", "Streaming")
    labels = {"streams.petrosa.io/set": "majors"}
    targets = [("nats", 4222), ("simulator", 9443), ("simulator", 9444)]
    pod = parts.script("inside", REACH.format(targets=targets))
    await space.apply(pod | {"metadata": {"name": "inside", "labels": labels}})
    outside = parts.script("outside", REACH.format(targets=[("majors", 80)]))
    await space.apply(outside)
    for name in ("inside", "outside"):
        await space.kubectl("wait", f"pod/{name}", "--for=jsonpath={.status.phase}=Succeeded")

    assert (await space.kubectl("logs", "inside")).splitlines() == [
        "nats 4222 reached",
        "simulator 9443 reached",
        "simulator 9444 blocked",
    ]
    assert (await space.kubectl("logs", "outside")).splitlines() == ["majors 80 blocked"]

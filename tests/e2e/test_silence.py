"""A relay that hangs: nothing of it ends, it only says no more."""

import asyncio

from tests.e2e.cluster import Object, Space, eventually
from tests.e2e.release import REPORT_INTERVAL

FIND = "for p in /proc/[0-9]*; do grep -qE '{}' $p/cgroup 2>/dev/null && echo ${{p#/proc/}}; done"


async def test_ready_ends_three_missed_reports_after_a_relay_hangs(space: Space) -> None:
    await space.apply_set()
    await space.becomes("Ready", "Streaming")
    [pod] = await space.pods()
    await signal("STOP", pod)

    async def left() -> bool:
        return bool((await space.condition("Ready"))["status"] != "True")

    took = await eventually(left, "Ready leaves True", 3 * REPORT_INTERVAL + 10)
    print(f"Ready left True after {took:.1f} s, with a report every {REPORT_INTERVAL} s")
    await signal("CONT", pod)
    await space.becomes("Ready", "Streaming")


async def signal(name: str, pod: Object) -> None:
    """Send a signal to all processes of a pod, from its node."""
    uid = pod["metadata"]["uid"]
    find = FIND.format(f"{uid}|{uid.replace('-', '_')}")
    script = f"kill -{name} $({find})"
    process = await asyncio.create_subprocess_exec(
        *("docker", "exec", pod["spec"]["nodeName"], "bash", "-c", script)
    )
    assert await process.wait() == 0

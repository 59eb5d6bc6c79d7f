"""Three nats-servers that keep each stream three times."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from nats.js.errors import Error as JetStreamError

from tests.support.jetstream import administration
from tests.support.nats_server import NatsServer, free_ports

SIZE = 3
LAME_DUCK = 'lame_duck_duration: "30s"\nlame_duck_grace_period: "1s"\n'


@asynccontextmanager
async def cluster() -> AsyncIterator[list[NatsServer]]:
    """Run them; they find each other, and have a leader when somebody needs one."""
    ports = free_ports(SIZE)
    routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in ports)
    async with AsyncExitStack() as stack:
        servers = [
            NatsServer(
                f"server_name: node-{number}\n{LAME_DUCK}"
                f'cluster {{ name: c, listen: "127.0.0.1:{port}", routes: [{routes}] }}\n',
                jetstream=True,
            )
            for number, port in enumerate(ports)
        ]
        await asyncio.gather(*(stack.enter_async_context(server) for server in servers))
        yield servers


async def complete(server: NatsServer, stream: str, timeout: float = 60.0) -> None:
    """Wait until every copy of a stream is as good as the leader's."""
    async with asyncio.timeout(timeout), administration(server.url) as js:
        while True:
            try:
                found = (await js.stream_info(stream)).cluster
            except (JetStreamError, TimeoutError):  # no leader at the moment
                found = None
            replicas = found.replicas if found else None
            if replicas and len(replicas) == SIZE - 1 and all(r.current for r in replicas):
                return
            await asyncio.sleep(0.1)

"""What a nats-server says of its clients, through its monitoring endpoint.

monitor = Monitor()
async with NatsServer(monitor.config): ...
(client,) = await monitor.clients()
"""

import json
from typing import Any

from tests.support.nats_server import free_ports
from tests.support.relay import get


class Monitor:
    """The endpoint of one server; `config` is what that server needs to have it."""

    def __init__(self) -> None:
        self._port = free_ports(1)[0]
        self.config = f'http: "127.0.0.1:{self._port}"\n'

    async def clients(self) -> list[dict[str, Any]]:
        """Return the connected clients: `authorized_user`, `tls_version`, `in_msgs` and so on."""
        found: list[dict[str, Any]] = (await self._ask("connz?auth=true"))["connections"]
        return found

    async def connects(self) -> int:
        """Return how many connections the server has taken so far, good or bad."""
        return int((await self._ask("varz"))["total_connections"])

    async def _ask(self, what: str) -> dict[str, Any]:
        status, body = await get(f"http://127.0.0.1:{self._port}/{what}")
        assert status == 200, body
        answer: dict[str, Any] = json.loads(body)
        return answer

"""The straightforward client, written as anyone would: the peer that the relay is measured against.

asyncio, `websockets`, `json`, a pydantic envelope, `publish`. One process, nothing wasted on purpose: compression
is off, as the relay has it off, and the receive queue is deep enough never to pause the socket in a small burst.

    python -m benchmarks.peers.straightforward ENDPOINT NATS SUBJECT STREAM,STREAM,... [core|jetstream]
"""

import asyncio
import json
import sys
import uuid
from datetime import UTC, datetime
from typing import Any

import nats
import websockets
from pydantic import BaseModel

from benchmarks.peers.protocol import PENDING, subscribe


class Envelope(BaseModel):
    stream: str
    data: dict[str, Any]
    timestamp: str
    message_id: str
    source: str = "binance-websocket"
    version: str = "1.0"


async def relay(exchange: str, server: str, subject: str, streams: list[str], mode: str) -> None:
    client = await nats.connect(server)
    js = client.jetstream(publish_async_max_pending=PENDING)
    async with (
        websockets.connect(f"{exchange}/stream", compression=None, max_queue=1024) as socket,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(subscribe(socket, streams))
        async for message in socket:
            frame = json.loads(message)
            if "stream" not in frame:
                continue
            envelope = Envelope(
                stream=frame["stream"],
                data=frame["data"],
                timestamp=datetime.now(UTC).isoformat(),
                message_id=str(uuid.uuid4()),
            )
            body = envelope.model_dump_json().encode()
            if mode == "core":
                await client.publish(subject, body)
            else:
                headers = {"Nats-Msg-Id": envelope.message_id}
                await js.publish_async(subject, body, headers=headers)


if __name__ == "__main__":
    asyncio.run(relay(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4].split(","), sys.argv[5]))

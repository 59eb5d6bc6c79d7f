"""The straightforward client, written as anyone would: the peer that the relay is measured against.

asyncio, `websockets`, `json`, a pydantic envelope, `publish`. One process, nothing wasted on purpose: compression
is off, as the relay has it off, and the receive queue is deep enough never to pause the socket in a small burst.
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


class Envelope(BaseModel):
    stream: str
    data: dict[str, Any]
    timestamp: str
    message_id: str
    source: str = "binance-websocket"
    version: str = "1.0"


async def relay(exchange: str, server: str, subject: str, streams: list[str]) -> None:
    client = await nats.connect(server)
    async with websockets.connect(f"{exchange}/stream", compression=None, max_queue=1024) as socket:
        await socket.send(json.dumps({"method": "SUBSCRIBE", "params": streams, "id": 1}))
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
            await client.publish(subject, envelope.model_dump_json().encode())


if __name__ == "__main__":
    asyncio.run(relay(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4].split(",")))

"""The least that makes the same envelope with the same libraries: no look at the JSON, a counter for an id.

`websockets`, bytes put into the envelope as they came, `publish`, on uvloop as the relay.

    python -m benchmarks.peers.spliced ENDPOINT NATS SUBJECT STREAM,STREAM,...
"""

import asyncio
import sys
import uuid
from datetime import UTC, datetime

import nats
import uvloop
import websockets

from benchmarks.peers.protocol import subscribe


async def relay(exchange: str, server: str, subject: str, streams: list[str]) -> None:
    client = await nats.connect(server)
    prefix, number = str(uuid.uuid4()).encode(), 0
    async with (
        websockets.connect(f"{exchange}/stream", compression=None, max_queue=1024) as socket,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(subscribe(socket, streams))
        while True:
            frame = await socket.recv(decode=False)
            if not frame.startswith(b'{"stream":"'):
                continue
            number += 1
            body = b'%b,"timestamp":"%b","message_id":"%b-%d","source":"%b","version":"1.0"}' % (
                *(frame[:-1], datetime.now(UTC).isoformat().encode()),
                *(prefix, number, b"binance-websocket"),
            )
            await client.publish(subject, body)


if __name__ == "__main__":
    uvloop.run(relay(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4].split(",")))

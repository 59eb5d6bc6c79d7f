"""The exchange of measurements: a process that sends frames encoded beforehand, and does nothing else meanwhile.

It serves one client at a time, on as many connections as that opens, plain and with TLS. On standard output it says,
a line of JSON each, where it listens and when all streams are subscribed to; on standard input it takes commands:

    {"flood": 100000}                          all at once, as fast as the client reads
    {"pace": [[to, rate, seconds], ...],       so many messages per second; `to` is `client`, or `nats`:
     "nats": [host, port], "subject": ...}     the control, published by this process itself

A command is answered by `ready` when all is encoded, and carried out at the next line; then comes the result.

Sockets block. Paced messages carry the time at which they were sent (`CLOCK_MONOTONIC`, the same for all processes of
a machine). What is due within a millisecond goes out with one write, and one stamp.
"""

import argparse
import gc
import json
import os
import select
import socket
import ssl
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from websockets.frames import DATA_OPCODES
from websockets.frames import Frame as WebSocketFrame
from websockets.http11 import Request
from websockets.server import ServerProtocol

from benchmarks.frames import (
    FRAME_END,
    PUBLICATION_END,
    Events,
    stamped,
    stream_names,
)
from benchmarks.pacing import GAP, SECOND, Write, send
from benchmarks.plan import Frame
from benchmarks.timeline import CLIENT

PIECE: Final = 256 * 1024
"""Bytes of a write when flooding."""


class Connection:
    """One connection of the client; the library holds no socket."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.streams: set[str] = set()
        self.announced = False
        self.open = True
        self._protocol = ServerProtocol()
        self._text = b""
        """Fragments of a request: some libraries cut what exceeds their buffer."""

    def receive(self) -> None:
        """Take what has come, and answer it."""
        protocol = self._protocol
        try:
            data = self.socket.recv(1 << 16)
            if data:
                protocol.receive_data(data)
            else:
                protocol.receive_eof()
                self.open = False
            for event in protocol.events_received():
                if isinstance(event, Request):
                    protocol.send_response(protocol.accept(event))
                elif isinstance(event, WebSocketFrame) and event.opcode in DATA_OPCODES:
                    self._text += event.data
                    if event.fin:
                        text, self._text = self._text, b""
                        self._obey(text)
            for answer in protocol.data_to_send():
                if answer:
                    self.socket.sendall(answer)
                else:
                    self.socket.shutdown(socket.SHUT_WR)
        except OSError:  # the client was killed
            self.open = False
        if not self.open:
            self.socket.close()

    def _obey(self, text: bytes) -> None:
        request: dict[str, Any] = json.loads(text)
        if request["method"] == "SUBSCRIBE":
            self.streams.update(request["params"])
        self._protocol.send_text(json.dumps({"result": None, "id": request["id"]}).encode())


class Feed:
    """The streams, their frames, and the connections of the client."""

    def __init__(self, frame: Frame, streams: int, messages: int) -> None:
        self._names = stream_names(frame, streams)
        self._events = Events(self._names)
        self._frames = self._events.frames(range(messages))
        self._connections: list[Connection] = []

    def serve(self, listeners: dict[socket.socket, ssl.SSLContext | None]) -> None:
        """Serve clients and obey commands until standard input ends."""
        commands = sys.stdin.fileno()
        unread = b""
        while True:
            sockets = {each.socket: each for each in self._connections}
            readable, _, _ = select.select([commands, *listeners, *sockets], [], [])
            for listener in listeners.keys() & set(readable):
                self._accept(listener, listeners[listener])
            for sock in sockets.keys() & set(readable):
                sockets[sock].receive()
            if commands in readable:
                if not (data := os.read(commands, 1 << 16)):
                    return
                unread += data
            self._connections = [each for each in self._connections if each.open]
            self._announce()
            while b"\n" in unread:
                line, _, unread = unread.partition(b"\n")
                self._obey(json.loads(line))

    def _accept(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        sock, _ = listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            sock = tls.wrap_socket(sock, server_side=True)
        self._connections.append(Connection(sock))

    def _announce(self) -> None:
        """Say when a client has subscribed to everything."""
        fresh = [each for each in self._connections if not each.announced]
        if set(self._names) <= {name for each in fresh for name in each.streams}:
            for each in fresh:
                each.announced = True
            say({"subscribed": len(fresh)})

    def _obey(self, command: dict[str, Any]) -> None:
        if "flood" in command:
            self._flood(command["flood"])
        else:
            self._pace(command["pace"], command["nats"], command["subject"])

    def _owners(self) -> list[Connection]:
        """Return the connection of each stream."""
        of = {name: each for each in self._connections for name in each.streams}
        return [of[name] for name in self._names]

    def _flood(self, messages: int) -> None:
        """Send the first so many messages; connections take turns."""
        owners, count = self._owners(), len(self._names)
        parts: dict[Connection, list[bytes]] = {each: [] for each in owners}
        for message in range(messages):
            parts[owners[message % count]].append(self._frames[message])
        wires = {each: memoryview(b"".join(own)) for each, own in parts.items()}
        go()
        for start in range(0, max(map(len, wires.values())), PIECE):
            for each, wire in wires.items():
                each.socket.sendall(wire[start : start + PIECE])
        say({"sent": messages})

    def _pace(self, phases: list[list[Any]], nats: list[Any], subject: str) -> None:
        """Send phase by phase, to the client or to NATS; each goes on in the events where it stopped."""
        control = connect(nats[0], nats[1])
        sent = Counter[str]()
        prepared: list[tuple[str, int, list[bytes], Write]] = []
        for to, rate, seconds in phases:
            messages = range(sent[to], sent[to] + int(rate * seconds))
            sent[to] = messages.stop
            if to == CLIENT:
                begun = self._events.stampable_frames(messages)
                prepared.append((to, rate, begun, self._writer(messages.start)))
            else:
                begun = self._events.stampable_publications(messages, subject)
                prepared.append((to, rate, begun, publisher(control)))
        go()
        told = [
            {"to": to, "rate": rate, **send(begun, rate, write)}
            for to, rate, begun, write in prepared
        ]
        time.sleep(GAP / SECOND)
        control.close()
        say({"phases": told})

    def _writer(self, start: int) -> Write:
        """Return what writes messages to the connections of their streams; the first has this number."""
        owners, count = self._owners(), len(self._names)

        def write(first: int, begun: Sequence[bytes], now: int) -> None:
            shares: dict[Connection, list[bytes]] = {}
            for message, part in enumerate(begun, start + first):
                shares.setdefault(owners[message % count], []).append(part)
            for each, share in shares.items():
                each.socket.sendall(stamped(share, FRAME_END, now))

        return write


def publisher(sock: socket.socket) -> Write:
    """Return what writes messages to a NATS server."""

    def write(_first: int, begun: Sequence[bytes], now: int) -> None:
        sock.sendall(stamped(begun, PUBLICATION_END, now))

    return write


def connect(host: str, port: int) -> socket.socket:
    """Open a connection to a NATS server, for publishing only."""
    sock = socket.create_connection((host, port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(b'CONNECT {"verbose":false,"pedantic":false}\r\nPING\r\n')
    heard = b""
    while b"PONG\r\n" not in heard:
        heard += sock.recv(1 << 16)
    return sock


def say(what: dict[str, Any]) -> None:
    """Tell the parent."""
    print(json.dumps(what), flush=True)


def go() -> None:
    """Wait for the parent's word."""
    say({"ready": True})
    os.read(sys.stdin.fileno(), 1 << 16)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.feed")
    parser.add_argument("--frame", type=Frame, required=True)
    parser.add_argument("--streams", type=int, required=True)
    parser.add_argument("--messages", type=int, default=0, help="how many flood can send")
    parser.add_argument("--certificate", help="with --key, serves TLS too")
    parser.add_argument("--key")
    given = parser.parse_args()
    feed = Feed(given.frame, given.streams, given.messages)
    listeners: dict[socket.socket, ssl.SSLContext | None] = {
        socket.create_server(("127.0.0.1", 0)): None
    }
    if given.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(given.certificate, given.key)
        listeners[socket.create_server(("127.0.0.1", 0))] = context
    gc.freeze()
    gc.disable()
    say({"ports": [listener.getsockname()[1] for listener in listeners]})
    feed.serve(listeners)


if __name__ == "__main__":
    main()

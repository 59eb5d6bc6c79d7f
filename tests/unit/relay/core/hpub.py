"""HPUB frames read as a NATS server reads them; shares no code with the encoder."""

from typing import NamedTuple


class Hpub(NamedTuple):
    """One frame."""

    subject: str
    reply: str
    headers: dict[str, str]
    body: bytes
    size: int
    """Bytes of headers and body, which `max_payload` bounds."""

    @property
    def number(self) -> int:
        return int(self.reply.rpartition(".")[2])


def parse(wire: bytes) -> list[Hpub]:
    """Every byte has to belong to a frame (https://docs.nats.io, client protocol, HPUB)."""
    found = []
    while wire:
        line, end, rest = wire.partition(b"\r\n")
        verb, subject, reply, header_size, total = line.decode().split(" ")
        assert (verb, end) == ("HPUB", b"\r\n")
        head, size = int(header_size), int(total)
        first, *fields = rest[:head].decode().split("\r\n")
        assert (first, fields[-2:]) == ("NATS/1.0", ["", ""])
        headers = dict(field.split(": ", 1) for field in fields[:-2])
        assert rest[size : size + 2] == b"\r\n"
        found.append(Hpub(subject, reply, headers, rest[head:size], size))
        wire = rest[size + 2 :]
    return found

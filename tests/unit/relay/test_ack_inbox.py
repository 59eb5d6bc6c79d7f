"""The inbox in front of nats-py's own parser: together they miss no answer, however the reads are cut."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st
from nats.protocol.parser import Parser

from streamset_relay.ack_inbox import SID, AckInbox, Reply, Sieve


class Client:
    """What nats-py's parser talks to."""

    def __init__(self, inbox: AckInbox) -> None:
        self._inbox = inbox
        self.pongs = 0
        self.errors: list[str] = []

    async def _process_msg(
        self, sid: int, subject: bytes, _: bytes, data: bytes, headers: bytes | None
    ) -> None:
        assert sid == SID
        self._inbox.put(bytes(subject), headers or b"", data)

    async def _process_pong(self) -> None:
        self.pongs += 1

    async def _process_err(self, text: str) -> None:
        self.errors.append(text)


def message(inbox: AckInbox, token: object, payload: bytes, headers: bytes = b"") -> bytes:
    subject = f"{inbox.prefix}{token} {SID}".encode()
    if headers:
        sizes = b"%d %d" % (len(headers), len(headers) + len(payload))
        return b"HMSG %b %b\r\n%b%b\r\n" % (subject, sizes, headers, payload)
    return b"MSG %b %d\r\n%b\r\n" % (subject, len(payload), payload)


KINDS = st.sampled_from(
    ["stored", "stored", "stored", "domain", "duplicate", "error", "503", "api"]
)


def wire_of(inbox: AckInbox, kinds: list[str]) -> tuple[bytes, set[int], list[Reply]]:
    """What a server would send, the numbers of plain answers, and the other messages."""
    wire, numbers, replies = b"", set(), []
    for number, kind in enumerate(kinds):
        headers, token = b"", str(number)
        match kind:
            case "stored":
                payload = b'{"stream":"S", "seq":%d}' % (number + 9)
            case "domain":
                payload = b'{"stream":"S","domain":"hub","seq":%d}' % (number + 9)
            case "duplicate":
                payload = b'{"stream":"S","seq":1,"duplicate": true}'
            case "error":
                payload = b'{"error":{"code":503,"err_code":10077},"stream":"S","seq":0}'
            case "503":
                payload, headers = b"", b"NATS/1.0 503\r\n\r\n"
            case _:
                payload, token = b'{"type":"x\\r\\n"}', f"r{number}"
        wire += message(inbox, token, payload, headers)
        if kind in ("stored", "domain"):
            numbers.add(number)
        else:
            replies.append(Reply(token, headers, payload))
        if number % 3 == 1:
            wire += b"PONG\r\n"
    return wire, numbers, replies


@settings(deadline=None, max_examples=100)
@given(st.lists(KINDS, max_size=30), st.lists(st.integers(1, 60), max_size=40))
def test_every_answer_arrives_once_however_the_reads_are_cut(
    kinds: list[str], sizes: list[int]
) -> None:
    inbox = AckInbox()
    client = Client(inbox)
    sieve = Sieve(inbox, Parser(client))
    wire, numbers, replies = wire_of(inbox, kinds)

    async def read() -> None:
        rest = wire
        for size in sizes:
            await sieve.parse(rest[:size])
            rest = rest[size:]
        await sieve.parse(rest)

    asyncio.run(read())

    assert inbox.take() == (sorted(numbers), replies)
    assert client.pongs == len(kinds) // 3 + (len(kinds) % 3 == 2)
    assert client.errors == []


def test_a_read_of_plain_answers_never_reaches_the_parser() -> None:
    inbox = AckInbox()
    wire, numbers, _ = wire_of(inbox, ["stored"])

    assert inbox.sift(wire * 3) == b""
    assert inbox.arrived.is_set()
    assert inbox.take() == ([*numbers] * 3, [])
    assert not inbox.arrived.is_set()


def test_answers_to_another_inbox_are_not_taken() -> None:
    inbox, other = AckInbox(), AckInbox()
    wire, _, _ = wire_of(other, ["stored"])

    assert inbox.sift(wire) == wire
    assert inbox.prefix != other.prefix


def test_it_subscribes_to_all_its_subjects() -> None:
    inbox = AckInbox()

    assert inbox.subscription == f"SUB {inbox.prefix}* {SID}\r\n".encode()


def test_a_message_to_an_odd_subject_is_a_reply_to_nothing() -> None:
    """The inbox's name travels with every message, and the server lets any bytes through."""
    inbox = AckInbox()
    inbox.put(inbox.prefix.encode() + b"\xff", b"", b'{"stream":"S","seq":1}')
    assert inbox.take() == ([], [Reply("\ufffd", b"", b'{"stream":"S","seq":1}')])

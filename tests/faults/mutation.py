"""Text messages as no exchange should send them, made from real ones: the same seed gives the same messages.

Most are real frames, mutated once to three times: bits, bytes, cuts, splices of two, numbers, types, keys, names,
nesting, encodings. Some only look like answers of the control protocol or like `serverShutdown`.
"""

import re
from collections.abc import Callable, Iterator
from itertools import accumulate
from random import Random
from typing import Final, TypeAlias

from tests.unit.relay.core.frames import RECORDED, recorded_frames, samples, wrap

Mutation: TypeAlias = Callable[[Random, bytes], bytes]

STREAMS: Final = (
    *RECORDED,
    "btcusdt@aggTrade",
    "btcusdt@depth20@100ms",
    "btcusdt@kline_1m",
    "!forceOrder@arr",
    "币安人生usdt@trade",
)
"""What a relay under test is subscribed to; none of them ticks by the clock, so that silence is no fault."""

REAL: Final = (
    *recorded_frames()[:400],
    *(sample.frame.encode() for sample in samples()),
    *(wrap(name, sample.frame.encode()) for sample in samples() for name in STREAMS),
    wrap(STREAMS[-1], '{"e":"trade","E":1672515782136,"s":"币安人生USDT","t":12345}'.encode()),
)

NAMES: Final = (
    *STREAMS,
    *(
        "ethusdt@trade",
        "btcusdt@nosuch",
        "BTCUSDT@TRADE",
        "btcusdt",
        "@",
        "@trade",
        "btcusdt@",
        "!",
    ),
    *("!miniTicker@arr", "!serverShutdown", "!serverShutdown@arr", "", " ", "*", ">", "a.b@c.>"),
    *("a b@trade", "a\r\nPUB x 1\r\n1@trade", "a\x00@trade", 'a"@trade', "a\\@trade", "币" * 40),
    *("😀@trade", "s" * 128, "s" * 129, "币" * 128, "😀" * 128, "s" * 5_000, "\x7f\x85\xa0@trade"),
)
VALUES: Final = (
    *(b"null", b"true", b"false", b"0", b"-0", b"-1", b"1.5", b"0.1e-7", b'""', b'"5"', b"[]"),
    *(b"{}", b"[1]", b'{"t":1}', b'"\\u0000"', b'"\\ud83d\\ude00"', b'"\\ud83d"', b'"\xc3\xa9"'),
    *(b"NaN", b"Infinity", b"-Infinity", b"nan", b"undefined", b"01", b"1.", b".5", b"+1", b"0x10"),
    *(b"1e5", b"1E400", b"-1e400", b"1e-400", b"'5'", b"'", b'"\\q"', b'"\\u12"', b'"\n"', b""),
)
NUMBERS: Final = (
    *(str(2**power + more).encode() for power in (31, 53, 62, 63, 64, 128) for more in (-1, 0, 1)),
    *(b"-9223372036854775809", b"9" * 30, b"9" * 300, b"-" + b"9" * 300, b"9" * 6_000),
)
KEYS: Final = ("t", "a", "u", "U", "pu", "E", "e", "lastUpdateId", "stream", "data", "id", "result")
NOISE: Final = (
    *(bytes([character]) for character in b'{}[]",:\\-.0 \n\t\x00\x1f\x7f\x80\xff\xc3'),
    *(b'","data":', b'{"stream":"', b"}}", b'"}', b"\\u0040", b"\xef\xbb\xbf", b"\xe5\xb8"),
    *(b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x80\xa8", b"\r\n", b"//", b"/**/"),
)
CONTROLS: Final = (
    b'{"result":null,"id":%b}',
    b'{"result":["btcusdt@trade"],"id":%b}',
    b'{"id":%b,"error":{"code":2,"msg":"Invalid request"}}',
    b'{"error":{"code":%b,"msg":7},"id":1}',
    b'{"error":%b,"id":1}',
    b'{"code":%b,"msg":"Invalid JSON"}',
    b'{"code":2,"msg":%b,"id":1}',
    b'{"result":%b}',
    b'{"id":%b}',
    b'{"method":"SUBSCRIBE","params":%b,"id":1}',
    b'{"stream":"btcusdt@trade","data":{"result":null,"id":%b}}',
    b'{"stream":%b,"result":null,"id":1}',
    b'{"data":%b,"result":null,"id":1}',
)
SHUTDOWNS: Final = (
    b'{"e":"serverShutdown","E":%b}',
    b'{"E":1770123456789,"e":"serverShutdown","x":%b}',
    b'{"stream":"!serverShutdown","data":%b}',
    b'{"stream":"btcusdt@trade","data":{"e":"serverShutdown","E":%b}}',
    b'{"event":{"e":"serverShutdown","E":%b}}',
    b'[{"e":"serverShutdown","E":%b}]',
    b'{"e":["serverShutdown"],"E":%b}',
    b'{"e":"ServerShutdown","E":%b}',
)
SHALLOW: Final = 200
DEEP: Final = 100_000
"""Levels that every JSON parser takes, and levels that none takes; how many in between, the stack decides."""
ENORMOUS: Final = (20_000, 200_000, 2_000_000)
"""Characters of an enormous string; the last make a message that NATS would refuse."""

_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
_SCALAR = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null')
_NAME = re.compile(rb'"stream":"[^"]*"')
_MEMBER = re.compile(rb"[{,](?=\")")


def messages(random: Random, count: int) -> Iterator[bytes]:
    """So many messages, each of them made anew."""
    mutations, weights = tuple(_WEIGHTS), tuple(accumulate(_WEIGHTS.values()))
    for _ in range(count):
        frame = random.choice(REAL)
        for mutate in random.choices(mutations, cum_weights=weights, k=random.choice(_TIMES)):
            frame = mutate(random, frame)
        yield frame


_TIMES = (0, 1, 1, 1, 1, 1, 2, 2, 3)


def flip(random: Random, frame: bytes) -> bytes:
    """Change up to eight bits."""
    changed = bytearray(frame)
    for _ in range(random.randint(1, 8) if frame else 0):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def cut(random: Random, frame: bytes) -> bytes:
    """Leave out the end, the beginning, or something in between."""
    start, end = sorted((random.randint(0, len(frame)), random.randint(0, len(frame))))
    return random.choice((frame[:start], frame[end:], frame[:start] + frame[end:]))


def splice(random: Random, frame: bytes) -> bytes:
    """Go on with another message, from the same place or from any."""
    other = random.choice(REAL)
    at = random.randint(0, len(frame))
    return frame[:at] + other[random.choice((0, at, random.randint(0, len(other)))) :]


def join(random: Random, frame: bytes) -> bytes:
    """Two messages in one, with something between them, or one twice."""
    return frame + random.choice((b"", b"\n", b",", b" ")) + random.choice((frame, *REAL[:50]))


def insert(random: Random, frame: bytes) -> bytes:
    """Put something where it does not belong, or in place of what does."""
    start = random.randint(0, len(frame))
    return frame[:start] + random.choice(NOISE) + frame[start + random.choice((0, 1, 2)) :]


def overwrite(random: Random, frame: bytes) -> bytes:
    """Random bytes over some of the message."""
    start, size = random.randint(0, len(frame)), random.randint(1, 16)
    return frame[:start] + random.randbytes(size) + frame[start + size :]


def retype(random: Random, frame: bytes) -> bytes:
    """Another type in place of a value, or of a key."""
    return _replaced(random, _SCALAR, frame, random.choice(VALUES))


def renumber(random: Random, frame: bytes) -> bytes:
    """A number that is too large for something."""
    return _replaced(random, _NUMBER, frame, random.choice(NUMBERS))


def rename(random: Random, frame: bytes) -> bytes:
    """The name of another stream, of none, or of one that no exchange has; escaped or not."""
    name = random.choice(NAMES)
    quoted = wrap(name, b"") if random.random() < 0.7 else _escaped(name)
    return _NAME.sub(lambda _: quoted[1 : quoted.rindex(b",")], frame, count=1)


def repeat_key(random: Random, frame: bytes) -> bytes:
    """Add a member, likely one that there is already."""
    key = random.choice(KEYS)
    if random.random() < 0.2:
        key = f"\\u{ord(key[0]):04x}{key[1:]}"
    value = random.choice((*VALUES, b"7", b"8", b'"btcusdt@trade"', b'{"t":9}'))
    member = b'"%b":%b,' % (key.encode(), value)
    return _at(random, _MEMBER, frame, lambda found: found + member)


def respell(random: Random, frame: bytes) -> bytes:
    """The same JSON with white space between tokens, and sometimes in the wrong place."""
    space = random.choice((b" ", b"\n", b"\t", b"\r\n ", b"\x0b", b"\xc2\xa0"))
    token = random.choice((b":", b",", b"{", b"}", b'"data":'))
    return frame.replace(token, token + space if random.random() < 0.5 else space + token)


def swap_members(random: Random, frame: bytes) -> bytes:
    """The payload ahead of the name, which is legal."""
    head, separator, tail = frame.partition(b',"data":')
    if not separator or not head.startswith(b'{"stream"'):
        return cut(random, frame)
    return b'{"data":' + tail[:-1] + b"," + head[1:] + b"}"


def nest(random: Random, frame: bytes) -> bytes:
    """A value inside many others."""
    levels = DEEP if random.random() < 0.01 else random.randint(1, SHALLOW)
    opening, closing = random.choice(((b"[", b"]"), (b'{"":', b"}"), (b'{"data":', b"}")))
    if random.random() < 0.3:
        closing = b""
    return _at(random, _SCALAR, frame, lambda found: opening * levels + found + closing * levels)


def enlarge(random: Random, frame: bytes) -> bytes:
    """An enormous string in place of a value."""
    size = random.choices(ENORMOUS, cum_weights=(100, 110, 112))[0]
    return _replaced(random, _SCALAR, frame, b'"' + b"x" * size + b'"')


def recode(random: Random, frame: bytes) -> bytes:
    """Another encoding, a byte order mark, or no text at all."""
    text = frame.decode(errors="replace")
    encoded = (
        frame.decode("latin-1").encode("utf-8"),
        text.encode("utf-16", "replace"),
        text.encode("utf-8-sig", "replace"),
        text.encode("latin-1", "replace"),
        text.encode("ascii", "backslashreplace"),
        b"\x1f\x8b\x08" + frame,
        random.randbytes(random.randint(0, 200)),
    )
    return random.choice(encoded)


def reply(random: Random, frame: bytes) -> bytes:
    """Something like an answer of the control protocol."""
    del frame
    return random.choice(CONTROLS) % random.choice((*VALUES, *NUMBERS, b"1", b"2", b"3"))


def announce(random: Random, frame: bytes) -> bytes:
    """Something like the announcement of the connection's end."""
    del frame
    return random.choice(SHUTDOWNS) % random.choice((*VALUES, b"1770123456789"))


_WEIGHTS: Final[dict[Mutation, float]] = {
    flip: 14,
    cut: 8,
    splice: 8,
    join: 3,
    insert: 12,
    overwrite: 5,
    retype: 12,
    renumber: 9,
    rename: 8,
    repeat_key: 8,
    respell: 4,
    swap_members: 3,
    nest: 2,
    enlarge: 0.4,
    recode: 2,
    reply: 5,
    announce: 1.6,
}


def _replaced(random: Random, pattern: re.Pattern[bytes], frame: bytes, by: bytes) -> bytes:
    return _at(random, pattern, frame, lambda _: by)


def _at(
    random: Random, pattern: re.Pattern[bytes], frame: bytes, change: Callable[[bytes], bytes]
) -> bytes:
    """Change one occurrence, any of them."""
    found = pattern.search(frame, random.randint(0, len(frame))) or pattern.search(frame)
    if found is None:
        return frame
    return frame[: found.start()] + change(found[0]) + frame[found.end() :]


def _escaped(name: str) -> bytes:
    """A wrapper whose name is written with escapes that JSON does not need."""
    text = "".join(f"\\u{unit:04x}" for unit in _units(name))
    return b'{"stream":"%b","data":}' % text.encode()


def _units(name: str) -> Iterator[int]:
    encoded = name.encode("utf-16-be")
    return (int.from_bytes(encoded[at : at + 2], "big") for at in range(0, len(encoded), 2))

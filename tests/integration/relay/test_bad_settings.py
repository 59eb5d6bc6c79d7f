"""A wrong setting: an error that names it, what was given and what is allowed; exit code 2; no traceback.

A process takes a second to start, so one is given many wrong settings and has to name them all.
"""

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.nats_server import free_ports
from tests.support.relay_process import RelayProcess

SECRET = "hunter2"


@dataclass(frozen=True)
class Wrong:
    """What is wrong, as variables, `.env` and file, and the words of the line that names each."""

    named: Mapping[str, tuple[str, ...]]
    environ: Mapping[str, str] = field(default_factory=dict)
    file: str | None = None
    dotenv: str = ""


CASES = {
    "texts that cannot be read": Wrong(
        {
            "BINANCE_WS_URL": ("https://binance.com", "wss://"),
            "BINANCE_STREAMS": ("stream names",),
            "NATS_URL": ("nats://***@host:x", "nats://"),
            "LOG_LEVEL": ("LOUD", "WARNING"),
            "WEBSOCKET_RECONNECT_DELAY": ("soon", "a number"),
            "WEBSOCKET_MAX_RECONNECT_ATTEMPTS": ("ten", "a whole number"),
            "WEBSOCKET_PING_INTERVAL": ("nan", "a number"),
            "MESSAGE_TTL_SECONDS": ("1e3", "a number"),
            "MAX_QUEUE_SIZE": ("5.5", "a whole number"),
            "ENABLE_HEARTBEAT": ("maybe", "true or false"),
            "HEARTBEAT_INTERVAL": ("30s", "a number"),
            "HEALTH_PORT": ("http", "a whole number"),
        },
        environ={
            "BINANCE_WS_URL": "https://binance.com",
            "BINANCE_STREAMS": " , ",
            "NATS_URL": f"nats://me:{SECRET}@host:x",
            "LOG_LEVEL": "LOUD",
            "WEBSOCKET_RECONNECT_DELAY": "soon",
            "WEBSOCKET_MAX_RECONNECT_ATTEMPTS": "ten",
            "WEBSOCKET_PING_INTERVAL": "nan",
            "MESSAGE_TTL_SECONDS": "1e3",
            "MAX_QUEUE_SIZE": "5.5",
            "ENABLE_HEARTBEAT": "maybe",
            "HEARTBEAT_INTERVAL": "30s",
            "HEALTH_PORT": "http",
        },
    ),
    "values out of bounds": Wrong(
        {
            "BINANCE_STREAMS": ("btcusdt", "@"),
            "NATS_TOPIC": ("a..b", "dots"),
            "WEBSOCKET_RECONNECT_DELAY": ("-1", "0"),
            "WEBSOCKET_MAX_RECONNECT_ATTEMPTS": ("-1", "0"),
            "WEBSOCKET_PING_INTERVAL": ("0", "greater than 0"),
            "MESSAGE_TTL_SECONDS": ("0", "greater than 0"),
            "MAX_QUEUE_SIZE": ("0", "1"),
            "HEARTBEAT_INTERVAL": ("100000", "86400"),
            "HEALTH_PORT": ("65536", "65535"),
        },
        environ={
            "BINANCE_STREAMS": "ethusdt@trade,btcusdt",
            "NATS_TOPIC": "a..b",
            "WEBSOCKET_RECONNECT_DELAY": "-1",
            "WEBSOCKET_MAX_RECONNECT_ATTEMPTS": "-1",
            "WEBSOCKET_PING_INTERVAL": "0",
            "MESSAGE_TTL_SECONDS": "0",
            "MAX_QUEUE_SIZE": "0",
            "HEARTBEAT_INTERVAL": "100000",
            "HEALTH_PORT": "65536",
        },
    ),
    "a stream that was retired": Wrong(
        {"BINANCE_STREAMS": ("!ticker@arr", "retired", "use !miniTicker@arr")},
        environ={"BINANCE_STREAMS": "btcusdt@trade,!ticker@arr"},
    ),
    "fields of the file": Wrong(
        {
            "market": ("moon", "usdm"),
            "streams[0]": ("btcusdt",),
            "nats.servers[0]": ("nats://***@host:x",),
            "buffer.maxMessages": ('"5"', "integer"),
            "timing.confirmInterval": ("5", "1"),
        },
        file=f"""
            market: moon
            streams: [btcusdt]
            nats: {{servers: ["nats://me:{SECRET}@host:x"]}}
            buffer: {{maxMessages: "5"}}
            timing: {{confirmInterval: 5}}
            """,
    ),
    "a file without streams": Wrong({"streams": ("nothing", "required")}, file="market: spot\n"),
    "a file that is no YAML": Wrong({"": ("line 1", "YAML")}, file="streams: {"),
    "an empty file": Wrong({"": ("nothing", "a mapping of fields")}, file=""),
    "the .env file": Wrong({"HEALTH_PORT": ("eighty",)}, dotenv="HEALTH_PORT=eighty\n"),
}


@pytest.mark.parametrize("case", CASES)
async def test_a_wrong_setting_is_named_and_ends_the_process_with_code_2(
    case: str, tmp_path: Path
) -> None:
    wrong = CASES[case]
    file = tmp_path / "relay.yaml"
    if wrong.file is not None:
        file.write_text(wrong.file)
    (tmp_path / ".env").write_text(wrong.dotenv)
    config = None if wrong.file is None else file

    ended = await (await RelayProcess(tmp_path, config, environ=wrong.environ).start()).wait()

    assert ended.code == 2
    assert ended.lines == []
    assert "Traceback" not in ended.stderr
    assert SECRET not in ended.stderr
    lines = ended.stderr.splitlines()
    assert len(lines) == len(wrong.named), ended.stderr
    for where, words in wrong.named.items():
        place = where if config is None else f"{file}: {where}".removesuffix(": ")
        (line,) = [line for line in lines if line.startswith(f"{place}: given ")]
        assert "; allowed: " in line
        assert all(word in line for word in words), line


async def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    ended = await (await RelayProcess(tmp_path, tmp_path / "missing.yaml").start()).wait()
    assert ended.code == 2
    assert ended.stderr.startswith("configuration file: given ")
    assert "missing.yaml" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


async def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        environ = {"HEALTH_PORT": port}
        ended = await (await RelayProcess(tmp_path, environ=environ).start()).wait()
    assert ended.code == 2
    assert ended.stderr.startswith(f"health.port: given {port}; allowed: ")
    assert len(ended.stderr.splitlines()) == 1
    assert not [line for line in ended.lines if "exc_info" in line]


async def test_defaults_alone_are_right(tmp_path: Path) -> None:
    """Without file and variables it starts; the exchange and NATS it then looks for need not be there."""
    exchange, nats, port = free_ports(3)
    environ = {
        "BINANCE_WS_URL": f"ws://127.0.0.1:{exchange}",
        "NATS_URL": f"nats://127.0.0.1:{nats}",
        "HEALTH_PORT": str(port),
    }
    async with RelayProcess(tmp_path, environ=environ) as relay:
        assert relay.url == f"http://127.0.0.1:{port}"
        assert (await relay.stop()).code == 0

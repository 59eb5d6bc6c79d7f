"""A wrong setting: one error that names it, what was given and what is allowed; exit code 2; no traceback."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.support.relay_process import RelayProcess

GOOD = "streams: [btcusdt@trade]\n"

#: What is given as variables and as file → what the error says.
WRONG: dict[str, tuple[Mapping[str, str], str | None, Sequence[str]]] = {
    "address": ({"BINANCE_WS_URL": "https://binance.com"}, None, ["BINANCE_WS_URL", "wss://"]),
    "stream": ({"BINANCE_STREAMS": "btcusdt"}, None, ["BINANCE_STREAMS", "btcusdt", "@trade"]),
    "no stream": ({"BINANCE_STREAMS": " , "}, None, ["BINANCE_STREAMS"]),
    "retired": ({"BINANCE_STREAMS": "!ticker@arr"}, None, ["BINANCE_STREAMS", "retired"]),
    "nats": ({"NATS_URL": "http://localhost"}, None, ["NATS_URL", "nats://"]),
    "secret": ({"NATS_URL": "nats://me:hunter2@host:x"}, None, ["NATS_URL", "***"]),
    "topic": ({"NATS_TOPIC": "a..b"}, None, ["NATS_TOPIC", "a..b"]),
    "level": ({"LOG_LEVEL": "LOUD"}, None, ["LOG_LEVEL", "LOUD", "WARNING"]),
    "delay": ({"WEBSOCKET_RECONNECT_DELAY": "-1"}, None, ["WEBSOCKET_RECONNECT_DELAY", "-1"]),
    "attempts": (
        {"WEBSOCKET_MAX_RECONNECT_ATTEMPTS": "ten"},
        None,
        ["WEBSOCKET_MAX_RECONNECT_ATTEMPTS", "ten", "whole number"],
    ),
    "ping": ({"WEBSOCKET_PING_INTERVAL": "0"}, None, ["WEBSOCKET_PING_INTERVAL"]),
    "ttl": ({"MESSAGE_TTL_SECONDS": "1e3"}, None, ["MESSAGE_TTL_SECONDS", "1e3"]),
    "queue": ({"MAX_QUEUE_SIZE": "0"}, None, ["MAX_QUEUE_SIZE"]),
    "heartbeat": ({"ENABLE_HEARTBEAT": "maybe"}, None, ["ENABLE_HEARTBEAT", "true or false"]),
    "interval": ({"HEARTBEAT_INTERVAL": "nan"}, None, ["HEARTBEAT_INTERVAL", "nan"]),
    "port": ({"HEALTH_PORT": "65536"}, None, ["HEALTH_PORT", "65536", "65535"]),
    "several": (
        {"HEALTH_PORT": "x", "LOG_LEVEL": "LOUD"},
        None,
        ["HEALTH_PORT", "LOG_LEVEL"],
    ),
    "no YAML": ({}, "streams: {", ["relay.yaml", "YAML"]),
    "empty": ({}, "", ["relay.yaml", "mapping"]),
    "field": ({}, GOOD + "market: moon\n", ["relay.yaml", "market", "moon", "usdm"]),
    "type": ({}, GOOD + 'buffer: {maxMessages: "5"}\n', ["relay.yaml", "buffer.maxMessages"]),
    "no streams": ({}, "market: spot\n", ["relay.yaml", "streams", "required"]),
}


async def test_a_wrong_setting_is_named_and_ends_with_code_2(tmp_path: Path) -> None:
    limit = asyncio.Semaphore(2)

    async def run(name: str) -> tuple[int, str, list[bytes]]:
        environ, file, _ = WRONG[name]
        folder = tmp_path / name
        folder.mkdir()
        if file is not None:
            (folder / "relay.yaml").write_text(file)
        config = None if file is None else folder / "relay.yaml"
        async with limit:
            relay = await RelayProcess(folder, config, environ=environ).start()
            ended = await relay.wait(60)
        return ended.code, ended.stderr, relay.output

    outcomes = await asyncio.gather(*map(run, WRONG))
    for (_, _, named), (code, stderr, stdout) in zip(WRONG.values(), outcomes, strict=True):
        assert code == 2, stderr
        assert all(word in stderr for word in named), stderr
        assert "given" in stderr
        assert "allowed" in stderr
        assert "Traceback" not in stderr
        assert "hunter2" not in stderr
        assert len(stderr.splitlines()) <= 2, stderr
        assert stdout == []


@pytest.mark.parametrize("name", ["missing.yaml", "."])
async def test_a_file_that_cannot_be_read_is_named(name: str, tmp_path: Path) -> None:
    relay = await RelayProcess(tmp_path, tmp_path / name).start()
    ended = await relay.wait()
    assert ended.code == 2
    assert ended.stderr.startswith("configuration file: given ")
    assert len(ended.stderr.splitlines()) == 1


async def test_a_wrong_line_of_the_env_file_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("HEALTH_PORT=eighty\n")
    relay = await RelayProcess(tmp_path).start()
    ended = await relay.wait()
    assert ended.code == 2
    assert "HEALTH_PORT" in ended.stderr
    assert "eighty" in ended.stderr

"""Settings: each variable's default, value and refusal; precedence; where errors point."""

from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

from streamset_api.errors import ConfigError
from streamset_relay.settings import ENVIRONMENT, load

# Variable, field, default without a file, text, value, wrong text, what the error says is allowed.
TABLE: list[tuple[str, str, Any, str, Any, str, str]] = [
    (
        "BINANCE_WS_URL",
        "endpoint",
        "wss://stream.binance.com:9443",
        "ws://127.0.0.1:9000/ws",
        "ws://127.0.0.1:9000/ws",
        "stream.binance.com",
        "wss://",
    ),
    (
        "BINANCE_STREAMS",
        "streams",
        ("btcusdt@trade", "btcusdt@ticker", "btcusdt@depth20@100ms"),
        " ETHUSDT@trade, !miniTicker@arr,,ethusdt@trade ",
        ("ethusdt@trade", "!miniTicker@arr"),
        "btcusdt@trade,btcusdt",
        "<symbol>@<channel>",
    ),
    (
        "NATS_URL",
        "nats.servers",
        ("nats://localhost:4222",),
        "nats://u:p@a:4222, tls://b,c:1",
        ("nats://u:p@a:4222", "tls://b", "nats://c:1"),
        "http://localhost",
        "nats://",
    ),
    (
        "NATS_TOPIC",
        "nats.subject",
        "binance.websocket.data",
        "b.{symbol}",
        "b.{symbol}",
        "b.*",
        "wildcards",
    ),
    ("LOG_LEVEL", "log_level", "INFO", "debug", "DEBUG", "loud", "DEBUG, INFO"),
    (
        "WEBSOCKET_RECONNECT_DELAY",
        "reconnect.initial_delay_seconds",
        5,
        "0.05",
        0.05,
        "-1",
        "greater than or equal to 0",
    ),
    (
        "WEBSOCKET_MAX_RECONNECT_ATTEMPTS",
        "reconnect.max_attempts",
        10,
        "0",
        0,
        "1.5",
        "a whole number",
    ),
    (
        "WEBSOCKET_PING_INTERVAL",
        "reconnect.ping_interval_seconds",
        30,
        "20",
        20,
        "nan",
        "a number",
    ),
    ("MESSAGE_TTL_SECONDS", "buffer.ttl_seconds", 60, "1.5", 1.5, "0", "greater than 0"),
    ("MAX_QUEUE_SIZE", "buffer.max_messages", 5000, "1", 1, "0", "equal to 1"),
    ("ENABLE_HEARTBEAT", "heartbeat.enabled", True, "OFF", False, "maybe", "true or false"),
    ("HEARTBEAT_INTERVAL", "heartbeat.interval_seconds", 30, "5", 5, "soon", "a number"),
    ("HEALTH_PORT", "health.port", 8080, "9090", 9090, "65536", "equal to 65535"),
    ("ENVIRONMENT", "environment", "production", "staging", "staging", "x" * 200, "128"),
]
BY_NAME = pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])


def problems(environ: dict[str, str], file: Path | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load(file, environ)
    return str(caught.value)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "relay.yaml"
    path.write_text("market: usdm\nstreams: [solusdt@trade]\nnats: {subject: from.file}\n")
    return path


def test_the_table_is_the_whole_list_of_variables() -> None:
    assert [row[0] for row in TABLE] == list(ENVIRONMENT)


@BY_NAME
def test_default(row: Any) -> None:
    _, field, default, *_ = row

    assert attrgetter(field)(load(None, {}).config) == default


@BY_NAME
def test_value(row: Any) -> None:
    name, field, _, text, value, *_ = row

    assert attrgetter(field)(load(None, {name: text}).config) == value


@BY_NAME
def test_the_environment_wins_over_the_file(row: Any, file: Path) -> None:
    name, field, _, text, value, *_ = row

    assert attrgetter(field)(load(file, {name: text}).config) == value


@BY_NAME
def test_a_wrong_value_is_refused_by_the_variables_name(row: Any) -> None:
    name, *_, wrong, allowed = row

    [line] = problems({name: wrong}).splitlines()
    assert line.startswith(f"{name}: given ")
    assert allowed in line.partition("; allowed: ")[2]


@BY_NAME
def test_an_empty_variable_is_not_set(row: Any) -> None:
    name, field, default, *_ = row

    assert attrgetter(field)(load(None, {name: " "}).config) == default


def test_wrong_values_come_at_once() -> None:
    lines = problems({"MAX_QUEUE_SIZE": "x", "HEALTH_PORT": "y"}).splitlines()

    assert [line.partition(":")[0] for line in lines] == ["MAX_QUEUE_SIZE", "HEALTH_PORT"]


def test_what_was_given_is_shown_as_it_was_written() -> None:
    assert 'MESSAGE_TTL_SECONDS: given "-1";' in problems({"MESSAGE_TTL_SECONDS": "-1"})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("true", True), ("True", True), ("1", True), ("YES", True), ("on", True)),
        *(("false", False), ("FALSE", False), ("0", False), ("no", False), ("Off", False)),
    ],
)
def test_booleans(text: str, value: bool) -> None:
    assert load(None, {"ENABLE_HEARTBEAT": text}).config.heartbeat.enabled is value


@pytest.mark.parametrize("text", ["1_000", "٣", "1e3", "0x10", "inf", "5s", "--5", "9" * 5000])
def test_a_number_is_what_it_looks_like(text: str) -> None:
    assert "WEBSOCKET_RECONNECT_DELAY: given" in problems({"WEBSOCKET_RECONNECT_DELAY": text})
    assert "MAX_QUEUE_SIZE: given" in problems({"MAX_QUEUE_SIZE": text})


def test_common_names_of_log_levels() -> None:
    assert load(None, {"LOG_LEVEL": "warn"}).config.log_level == "WARNING"


def test_defaults_of_the_file_where_there_is_one(file: Path) -> None:
    settings = load(file, {})

    assert settings.file == file
    assert settings.config.streams == ("solusdt@trade",)
    assert settings.config.endpoint is None
    assert settings.config.reconnect.max_attempts == 0
    assert settings.config.nats.subject == "from.file"


def test_streams_of_the_environment_replace_those_of_the_file(file: Path) -> None:
    settings = load(file, {"BINANCE_STREAMS": "btcusdt@trade"})

    assert settings.streams_from_environment
    assert settings.config.streams == ("btcusdt@trade",)
    assert not load(file, {}).streams_from_environment
    assert not load(None, {}).streams_from_environment


@pytest.mark.parametrize(
    ("url", "market", "address"),
    [
        ("wss://stream.binance.com:9443", "spot", "wss://stream.binance.com:9443/stream"),
        ("wss://stream.binance.com:9443/ws/", "spot", "wss://stream.binance.com:9443/stream"),
        ("wss://fstream.binance.com/stream", "usdm", "wss://fstream.binance.com/public/stream"),
        ("wss://dstream.binance.com/ws", "coinm", "wss://dstream.binance.com/stream"),
        ("wss://stream.binance.us:9443/", "us", "wss://stream.binance.us:9443/stream"),
        ("ws://127.0.0.1:9000/ws", "spot", "ws://127.0.0.1:9000/stream"),
    ],
)
def test_the_market_is_that_of_the_host(url: str, market: str, address: str) -> None:
    config = load(None, {"BINANCE_WS_URL": url}).config

    assert config.market == market
    assert config.url_of(config.route_of("btcusdt@trade")) == address


def test_a_file_that_names_no_market_has_that_of_its_endpoint(tmp_path: Path) -> None:
    file = tmp_path / "relay.yaml"
    for endpoint, given, market in [
        ("wss://fstream.binance.com", "", "usdm"),
        ("wss://fstream.binance.com", "market: spot", "spot"),
        ("ws://127.0.0.1:9000", "", "spot"),
    ]:
        file.write_text(f"streams: [btcusdt@trade]\nendpoint: {endpoint}\n{given}\n")
        assert load(file, {}).config.market == market


def test_the_file_decides_the_market_of_an_unknown_host(file: Path) -> None:
    assert load(file, {"BINANCE_WS_URL": "ws://127.0.0.1:9000"}).config.market == "usdm"
    assert load(file, {"BINANCE_WS_URL": "wss://stream.binance.us"}).config.market == "us"


def test_retired_streams_are_refused_with_the_reason_of_the_market() -> None:
    assert "retired on spot in March 2026" in problems({"BINANCE_STREAMS": "!ticker@arr"})
    assert "listen key" in problems({"BINANCE_STREAMS": "a" * 64})
    futures = {"BINANCE_STREAMS": "!ticker@arr", "BINANCE_WS_URL": "wss://fstream.binance.com"}
    assert load(None, futures).config.streams == ("!ticker@arr",)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "nats://u:hush@h:x",
            "u:hush@h:x",
            "nats://u:hush/w@h",
            "nats://u:hush,x@h",
            "http://hush@h",
        ),
        *("nats://ok:hush@h,nats://u:hush@", "nats://hush@h:99999", "nats://u:hu sh@hush@h"),
        "nats://u:hush@h," * 40,
    ],
)
def test_credentials_are_never_shown(url: str) -> None:
    message = problems({"NATS_URL": url})

    assert message.startswith("NATS_URL: given ")
    assert "hush" not in message


def test_bytes_that_are_no_utf8_are_refused() -> None:
    assert problems({"NATS_TOPIC": "a\udcff"}).endswith("allowed: UTF-8")


def test_opentelemetry_variables_are_handed_on(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("OTEL_SERVICE_NAME=md\nOTEL_SDK_DISABLED=true\n")

    settings = load(None, {"OTEL_SDK_DISABLED": "whatever"}, dotenv)

    assert settings.opentelemetry == {"OTEL_SERVICE_NAME": "md", "OTEL_SDK_DISABLED": "whatever"}
    assert settings.config == load(None, {}).config
    assert "whatever" not in repr(settings)


def test_dotenv_is_read_and_the_environment_wins(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("NATS_TOPIC=from.dotenv\nexport MAX_QUEUE_SIZE='7' # small\nEMPTY\n")

    config = load(None, {"MAX_QUEUE_SIZE": "8"}, dotenv).config

    assert config.nats.subject == "from.dotenv"
    assert config.buffer.max_messages == 8


def test_dotenv_wins_over_the_file_and_may_be_missing(tmp_path: Path, file: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("NATS_TOPIC=from.dotenv\n")

    assert load(file, {}, dotenv).config.nats.subject == "from.dotenv"
    assert load(file, {}, tmp_path / "none").config.nats.subject == "from.file"


def test_a_dotenv_that_is_no_text_is_refused(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_bytes(b"A=\xff\n")

    with pytest.raises(ConfigError, match=r"\.env: given .*; allowed: a file of UTF-8 text"):
        load(None, {}, dotenv)


@pytest.mark.parametrize(
    ("content", "where", "allowed"),
    [
        (b"a: [", "relay.yaml: given", "YAML"),
        (b"\xff", "relay.yaml: given", "UTF-8"),
        (b"", "relay.yaml: given nothing", "a mapping of fields"),
        (b"[1]", "relay.yaml: given [1]", "a mapping of fields"),
        (b"nats: {}", "relay.yaml: streams: given nothing", "required"),
        (b"streams: [a@trade]\nnats: 5", "relay.yaml: nats: given 5", "object"),
        (b"streams: ['!ticker@arr']", "relay.yaml: streams[0]: given", "March 2026"),
    ],
)
def test_a_wrong_file_is_refused_by_field(
    tmp_path: Path, content: bytes, where: str, allowed: str
) -> None:
    path = tmp_path / "relay.yaml"
    path.write_bytes(content)

    [line] = problems({"NATS_TOPIC": "fine", "MAX_QUEUE_SIZE": "5"}, path).splitlines()
    assert where in line
    assert allowed in line.partition("; allowed: ")[2]


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    message = problems({}, tmp_path / "none.yaml")

    assert message.startswith("configuration file: given ")
    assert "No such file" in message


def test_a_variable_mends_a_wrong_field_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "relay.yaml"
    path.write_text("streams: [a@trade]\nbuffer: {maxMessages: many}\n")

    assert "relay.yaml: buffer.maxMessages" in problems({}, path)
    assert load(path, {"MAX_QUEUE_SIZE": "9"}).config.buffer.max_messages == 9

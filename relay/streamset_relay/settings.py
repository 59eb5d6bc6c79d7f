"""Settings: defaults, the configuration file, `.env`, the environment; the later one wins.

`ENVIRONMENT` is the whole list of variables. A wrong value is a `ConfigError` that names the
variable, or the field of the file, that it came from. The standard `OTEL_*` variables are
OpenTelemetry's own: handed on, neither read nor refused here.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from streamset_api import fields, market, stream
from streamset_api.enums import LogLevel
from streamset_api.errors import ABSENT, ConfigError, InvalidValueError, Problem
from streamset_api.redact import redact
from streamset_api.relay_config import RelayConfig, config_hash, relay_document
from streamset_api.validation import validate

DEFAULT_STREAMS = ("btcusdt@trade", "btcusdt@ticker", "btcusdt@depth20@100ms")
DEFAULT_URL = "wss://stream.binance.com:9443"
DEFAULT_ATTEMPTS = 10


@dataclass(frozen=True)
class Variable:
    """One environment variable.

    `path` is the field of the configuration file that it stands in for. `parse` turns the text into
    that field's value and raises `InvalidValueError`; bounds are the field's own. `default` applies
    where there is neither the variable nor a file; None leaves it to the field.
    """

    path: str
    parse: Callable[[str], Any]
    default: Any = None


@dataclass(frozen=True)
class Settings:
    """The configuration and where it came from.

    With `streams_from_environment` the file's streams, and later changes to them, are ignored.
    `config_hash` stands for what the file says, as the operator hashes it; "" without a file. `given`
    are the variables that were set, `opentelemetry` those named `OTEL_*`.
    """

    config: RelayConfig
    streams_from_environment: bool
    file: Path | None
    config_hash: str = ""
    given: Mapping[str, str] = field(default_factory=dict)
    opentelemetry: Mapping[str, str] = field(default_factory=dict, repr=False)  # may hold a key


def load(file: Path | None, environ: Mapping[str, str], dotenv: Path | None = None) -> Settings:
    """Read and check all settings. Reads files, so a coroutine calls it in a thread.

    Raises `ConfigError`. The configuration file has to exist, `dotenv` need not.
    """
    document = _read_file(file)
    hashed = config_hash(document) if file is not None else ""
    variables = _read_variables(environ, dotenv)
    given = {name: variables[name] for name in ENVIRONMENT if name in variables}
    config = _combine(document, given, file)
    return Settings(
        config,
        streams_from_environment="BINANCE_STREAMS" in given,
        file=file,
        config_hash=hashed,
        given=given,
        opentelemetry={n: text for n, text in variables.items() if n.startswith("OTEL_")},
    )


def read_again(settings: Settings, text: str) -> tuple[RelayConfig, str]:
    """Return what a changed file makes of the configuration, and the file's hash.

    The variables have their word as they had at the start. Raises `ConfigError`.
    """
    document = _as_mapping(text, settings.file)
    hashed = config_hash(document)
    return _combine(document, settings.given, settings.file), hashed


def _combine(document: dict[str, Any], given: Mapping[str, str], file: Path | None) -> RelayConfig:
    """Put the variables over the file's document, which is changed by it."""
    values = _parse_variables(given)
    if file is None:
        defaults = {name: variable.default for name, variable in ENVIRONMENT.items()}
        values = {name: value for name, value in defaults.items() if value is not None} | values
    # The host decides the market; the file does where it names one, or the host is not one of Binance's.
    by_file = None if "market" in document else document.get("endpoint")
    endpoint = values["BINANCE_WS_URL"] if "BINANCE_WS_URL" in given else by_file
    known = market.market_of_host(endpoint) if isinstance(endpoint, str) else None
    document |= {"market": known.value} if known else {}
    for name, value in values.items():
        _put(document, ENVIRONMENT[name].path, value)
    try:
        return validate(RelayConfig, document)
    except ConfigError as error:
        raise ConfigError([_blame(problem, given, file) for problem in error.problems]) from None


def _text(value: str) -> str:
    return value


def _number(value: str) -> float:
    # float() also takes nan, 1_0 and digits of other scripts; a setting means what it looks like.
    if re.fullmatch(r"[+-]?([0-9]{1,15}\.?[0-9]{0,15}|\.[0-9]{1,15})", value) is None:
        raise InvalidValueError(value, "a number, such as 5 or 0.5")
    return float(value)


def _integer(value: str) -> int:
    if re.fullmatch(r"[+-]?[0-9]{1,15}", value) is None:
        raise InvalidValueError(value, "a whole number")
    return int(value)


def _boolean(value: str) -> bool:
    known = dict.fromkeys(("true", "1", "yes", "on"), True)
    known |= dict.fromkeys(("false", "0", "no", "off"), False)
    if value.lower() not in known:
        raise InvalidValueError(value, "true or false (also 1, 0, yes, no, on, off)")
    return known[value.lower()]


def _level(value: str) -> str:
    level = {"WARN": "WARNING", "FATAL": "CRITICAL"}.get(value.upper(), value.upper())
    if level not in set(LogLevel):
        raise InvalidValueError(value, ", ".join(LogLevel))
    return level


def _streams(value: str) -> list[str]:
    names = _parts(value)
    if not names:
        raise InvalidValueError(value, "stream names joined by commas")
    return names


def _servers(value: str) -> list[str]:
    # nats-py takes an address without a scheme for nats://, and so did the variable always.
    servers = [part if "://" in part else f"nats://{part}" for part in _parts(value)]
    if not servers or any(not fields.is_server(server) for server in servers):
        raise InvalidValueError(
            redact(value), f"{fields.SERVER_ALLOWED}; several are joined by commas"
        )
    return servers


def _parts(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


ENVIRONMENT: dict[str, Variable] = {
    "BINANCE_WS_URL": Variable("endpoint", market.check_endpoint, DEFAULT_URL),
    "BINANCE_STREAMS": Variable("streams", _streams, list(DEFAULT_STREAMS)),
    "NATS_URL": Variable("nats.servers", _servers),
    "NATS_TOPIC": Variable("nats.subject", _text),
    "LOG_LEVEL": Variable("logLevel", _level),
    "WEBSOCKET_RECONNECT_DELAY": Variable("reconnect.initialDelaySeconds", _number),
    "WEBSOCKET_MAX_RECONNECT_ATTEMPTS": Variable(
        "reconnect.maxAttempts", _integer, DEFAULT_ATTEMPTS
    ),
    "WEBSOCKET_PING_INTERVAL": Variable("reconnect.pingIntervalSeconds", _number),
    "MESSAGE_TTL_SECONDS": Variable("buffer.ttlSeconds", _number),
    "MAX_QUEUE_SIZE": Variable("buffer.maxMessages", _integer),
    "ENABLE_HEARTBEAT": Variable("heartbeat.enabled", _boolean),
    "HEARTBEAT_INTERVAL": Variable("heartbeat.intervalSeconds", _number),
    "HEALTH_PORT": Variable("health.port", _integer),
    "ENVIRONMENT": Variable("environment", _text),
}


def _read_file(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        allowed = f"a file that can be read ({error.strerror})"
        raise ConfigError([Problem("configuration file", str(file), allowed)]) from None
    except UnicodeDecodeError as error:
        raise ConfigError([Problem(str(file), str(error), "a file of UTF-8 text")]) from None
    return _as_mapping(text, file)


def _as_mapping(text: str, file: Path | None) -> dict[str, Any]:
    document = relay_document(text, str(file))
    if not isinstance(document, dict):
        given = ABSENT if document is None else document
        raise ConfigError([Problem(str(file), given, "a mapping of fields")])
    return document


def _read_variables(environ: Mapping[str, str], dotenv: Path | None) -> dict[str, str]:
    """Return the variables that hold something: an empty one is one that is not set."""
    merged: dict[str, str | None] = {}
    try:
        if dotenv is not None and dotenv.is_file():
            merged |= dotenv_values(dotenv)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Problem(str(dotenv), str(error), "a file of UTF-8 text")]) from None
    merged |= {name: text for name, text in environ.items() if text.strip()}
    return {name: text.strip() for name, text in merged.items() if text and text.strip()}


def _parse_variables(given: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    problems = []
    for name, text in given.items():
        try:
            if not stream.is_unicode(text):
                raise InvalidValueError(ascii(redact(text)), "UTF-8")
            values[name] = ENVIRONMENT[name].parse(text)
        except InvalidValueError as error:
            problems.append(Problem(name, error.given, error.allowed))
    if problems:
        raise ConfigError(problems)
    return values


def _put(document: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for parent in parents:
        if document.get(parent) is None:
            document[parent] = {}
        if not isinstance(document[parent], dict):
            return  # the file is wrong here, and the check of the whole says so
        document = document[parent]
    document[last] = value


def _blame(problem: Problem, given: Mapping[str, str], file: Path | None) -> Problem:
    """Name the variable that a wrong field came from, else the file."""
    for name, text in given.items():
        path = ENVIRONMENT[name].path
        if problem.where == path:
            shown = problem.given if isinstance(problem.given, list) else text
            return Problem(name, shown, problem.allowed)
        if problem.where.startswith(f"{path}["):
            return Problem(name, problem.given, problem.allowed)
    where = f"{file}: {problem.where}" if file is not None else problem.where
    return Problem(where, problem.given, problem.allowed)

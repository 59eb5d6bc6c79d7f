"""The operator's settings: defaults, the environment, flags; the later one wins.

`TABLE` is the whole list. A variable `RELAY_IMAGE` has the flag `--relay-image`. A wrong value is a
`ConfigError` that names where it came from, what was given and what is allowed.
"""

import argparse
import importlib.metadata
import ipaddress
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from streamset_api.enums import LogLevel
from streamset_api.errors import ConfigError, InvalidValueError, Problem

NONE = "none"
"""How a list that has a default is emptied."""


def _version() -> str:
    return importlib.metadata.version("binance-streamset")


def built_in_image(version: str) -> str:
    """Return the image of the relays where nobody names one: that of the operator's own version."""
    return f"binance-streamset-relay:{version}"


@dataclass(frozen=True)
class Settings:
    """What the operator runs with. Times are in seconds; `TABLE` says what each field means."""

    version: str = field(default_factory=_version)
    relay_image: str = ""
    relay_image_pull_secrets: tuple[str, ...] = ()
    report_interval: float = 30.0
    watch_namespaces: tuple[str, ...] = ()
    api_server_ports: tuple[int, ...] = (443, 6443, 16443)
    api_server_cidrs: tuple[str, ...] = ()
    ingress_namespaces: tuple[str, ...] = ("ingress-nginx",)
    monitoring_namespaces: tuple[str, ...] = ("monitoring",)
    move_patience: float = 60.0
    resync_interval: float = 300.0
    retry_initial_delay: float = 1.0
    retry_max_delay: float = 300.0
    workers: int = 5
    watch_timeout: float = 300.0
    request_timeout: float = 30.0
    health_port: int = 8080
    metrics_port: int = 9090
    log_level: LogLevel = LogLevel.INFO

    @property
    def default_image(self) -> str:
        """Image of the relays whose set names none."""
        return self.relay_image or built_in_image(self.version)


@dataclass(frozen=True)
class Setting:
    """One setting: the field that it fills, how its text is read, and what it means.

    `parse` raises `InvalidValueError`.
    """

    field: str
    parse: Callable[[str], Any]
    meaning: str


def load(environ: Mapping[str, str], flags: Mapping[str, str | None] | None = None) -> Settings:
    """Return the settings. Raises `ConfigError` with every problem; an empty variable is none."""
    values: dict[str, Any] = {}
    problems = []
    for variable, setting in TABLE.items():
        flag = (flags or {}).get(setting.field)
        text = environ.get(variable, "").strip() if flag is None else flag.strip()
        if not text:
            continue
        try:
            values[setting.field] = setting.parse(text)
        except InvalidValueError as error:
            where = variable if flag is None else flag_of(variable)
            problems.append(Problem(where, error.given, error.allowed))
    if not problems:
        settings = Settings(**values)
        problems = list(_contradictions(settings))
    if problems:
        raise ConfigError(problems)
    return settings


def add_arguments(
    parser: argparse.ArgumentParser | argparse._ArgumentGroup, only: Collection[str] = ()
) -> None:
    """Describe the flags, or `only` those of some variables, to argparse.

    `load` takes `vars()` of what it returns.
    """
    defaults = Settings(version="<version>")
    for variable, setting in TABLE.items():
        if only and variable not in only:
            continue
        default = _shown(getattr(defaults, setting.field))
        parser.add_argument(
            flag_of(variable),
            dest=setting.field,
            metavar="VALUE",
            help=f"{setting.meaning} ({variable}; default: {default})",
        )


def flag_of(variable: str) -> str:
    """Return the flag that stands for a variable."""
    return "--" + variable.lower().replace("_", "-")


def _contradictions(settings: Settings) -> list[Problem]:
    if settings.retry_max_delay < settings.retry_initial_delay:
        given = settings.retry_max_delay
        return [Problem("RETRY_MAX_DELAY", given, "at least RETRY_INITIAL_DELAY")]
    if settings.health_port == settings.metrics_port:
        return [Problem("METRICS_PORT", settings.metrics_port, "another port than HEALTH_PORT")]
    return []


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or NONE
    return (
        f"{value:g}"
        if isinstance(value, float)
        else str(value) or "binance-streamset-relay:<version>"
    )


def _text(value: str) -> str:
    if re.search(r"\s", value):
        raise InvalidValueError(value, "text without spaces")
    return value


def _seconds(value: str) -> float:
    if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", value) is None or not 0 < float(value) <= 86_400:
        raise InvalidValueError(value, "seconds, more than 0 and at most 86400")
    return float(value)


def _between(low: int, high: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if re.fullmatch(r"[0-9]{1,9}", value) is None or not low <= int(value) <= high:
            raise InvalidValueError(value, f"a whole number from {low} to {high}")
        return int(value)

    return parse


def _each(parse: Callable[[str], Any]) -> Callable[[str], tuple[Any, ...]]:
    def parse_all(value: str) -> tuple[Any, ...]:
        if value == NONE:
            return ()
        parts = [part.strip() for part in value.split(",")]
        return tuple(dict.fromkeys(parse(part) for part in parts if part))

    return parse_all


def _object_name(value: str) -> str:
    if len(value) > 253 or re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", value) is None:
        raise InvalidValueError(value, "names of objects, joined by commas")
    return value


def _namespace(value: str) -> str:
    if len(value) > 63 or re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", value) is None:
        raise InvalidValueError(value, "names of namespaces, joined by commas")
    return value


def _cidr(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value))
    except ValueError:
        raise InvalidValueError(
            value, "address ranges such as 10.0.0.1/32, joined by commas"
        ) from None


def _level(value: str) -> LogLevel:
    if value.upper() not in set(LogLevel):
        raise InvalidValueError(value, ", ".join(LogLevel))
    return LogLevel(value.upper())


_port = _between(1, 65_535)

TABLE: dict[str, Setting] = {
    "RELAY_IMAGE": Setting("relay_image", _text, "image of relays whose set names none"),
    "RELAY_IMAGE_PULL_SECRETS": Setting(
        "relay_image_pull_secrets",
        _each(_object_name),
        "Secrets that pull it, in the namespace of the set; added to the set's own",
    ),
    "REPORT_INTERVAL": Setting(
        "report_interval",
        _seconds,
        "seconds between two reports of a relay that has nothing new; after three it is silent",
    ),
    "WATCH_NAMESPACES": Setting(
        "watch_namespaces", _each(_namespace), "namespaces to look after; none are all"
    ),
    "API_SERVER_PORTS": Setting(
        "api_server_ports", _each(_port), "ports of the API server, as a NetworkPolicy sees them"
    ),
    "API_SERVER_CIDRS": Setting(
        "api_server_cidrs", _each(_cidr), "addresses of the API server; none are any"
    ),
    "INGRESS_NAMESPACES": Setting(
        "ingress_namespaces",
        _each(_namespace),
        "namespaces of ingress controllers, which a NetworkPolicy lets in",
    ),
    "MONITORING_NAMESPACES": Setting(
        "monitoring_namespaces",
        _each(_namespace),
        "namespaces of the monitoring, which a NetworkPolicy lets in",
    ),
    "MOVE_PATIENCE": Setting(
        "move_patience",
        _seconds,
        "seconds after which a quiet stream counts as arrived on its new relay",
    ),
    "RESYNC_INTERVAL": Setting(
        "resync_interval", _seconds, "seconds after which everything is looked at again"
    ),
    "RETRY_INITIAL_DELAY": Setting(
        "retry_initial_delay", _seconds, "seconds before the first retry; doubles with each"
    ),
    "RETRY_MAX_DELAY": Setting("retry_max_delay", _seconds, "the most that it grows to"),
    "WORKERS": Setting("workers", _between(1, 100), "sets that are worked on at a time"),
    "WATCH_TIMEOUT": Setting("watch_timeout", _seconds, "seconds after which a watch is renewed"),
    "REQUEST_TIMEOUT": Setting(
        "request_timeout", _seconds, "seconds that a request to the API server may take"
    ),
    "HEALTH_PORT": Setting("health_port", _port, "port of the probes"),
    "METRICS_PORT": Setting("metrics_port", _port, "port of the metrics"),
    "LOG_LEVEL": Setting("log_level", _level, "least severe log line that is written"),
}
"""Variable → setting."""

SHAPING = (
    "RELAY_IMAGE",
    "RELAY_IMAGE_PULL_SECRETS",
    "API_SERVER_PORTS",
    "API_SERVER_CIDRS",
    "INGRESS_NAMESPACES",
    "MONITORING_NAMESPACES",
)
"""Variables of those settings that shape the objects of a set."""

"""Which collector the relay's metrics are pushed to: the standard `OTEL_*` variables, then the configuration.

Names, units and defaults: OpenTelemetry specification, "Environment Variable Specification" and "OpenTelemetry
Protocol Exporter". As it demands, a value that cannot be used is told and ignored: a cluster may inject these
variables, and telemetry never keeps data from flowing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from streamset_api.errors import Problem
from streamset_api.fields import OTLP_PATTERN
from streamset_api.relay_config import RelayConfig

SERVICE = "binance-streamset-relay"
PATH = "/v1/metrics"
SPOKEN = ("http/json", "http/protobuf")
"""Protocols whose receivers take what is sent here; OTLP over HTTP has one address for both."""

INTERVAL = 60.0
TIMEOUT = 10.0


@dataclass(frozen=True)
class Collector:
    """Where metrics are pushed to, how, and as whom. Times in seconds.

    `resource` are the attributes of the relay. `headers` go with each request; they may carry a key, so nothing
    shows them. `certificate` is a file of authorities in place of the system's.
    """

    url: str
    resource: Mapping[str, str]
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    interval: float = INTERVAL
    timeout: float = TIMEOUT
    gzip: bool = False
    certificate: Path | None = None
    client_certificate: Path | None = None
    client_key: Path | None = None


@dataclass(frozen=True)
class Telemetry:
    """The collector, None where metrics are pushed to none; and the variables that could not be used."""

    collector: Collector | None
    ignored: tuple[Problem, ...] = ()


def telemetry_of(config: RelayConfig, variables: Mapping[str, str], instance: str) -> Telemetry:
    """Return what the configuration and the `OTEL_*` variables ask for. `instance` is this relay's name among all."""
    read = _Variables(variables)
    url = _url(config, read)
    exporters = [name.strip() for name in read.text("OTEL_METRICS_EXPORTER", "otlp").split(",")]
    off = read.text("OTEL_SDK_DISABLED").lower() == "true" or "otlp" not in exporters
    if url is None or off:
        return Telemetry(None, tuple(read.ignored))
    protocol = read.choice("PROTOCOL", SPOKEN, "http/json")
    if protocol is None:
        return Telemetry(None, tuple(read.ignored))
    collector = Collector(
        url,
        resource=_resource(config, read, instance),
        headers=read.pairs("HEADERS"),
        interval=read.milliseconds("OTEL_METRIC_EXPORT_INTERVAL", INTERVAL),
        timeout=read.milliseconds(read.nearest("TIMEOUT"), TIMEOUT),
        gzip=read.choice("COMPRESSION", ("gzip", "none"), "none") == "gzip",
        certificate=read.path("CERTIFICATE"),
        client_certificate=read.path("CLIENT_CERTIFICATE"),
        client_key=read.path("CLIENT_KEY"),
    )
    return Telemetry(collector, tuple(read.ignored))


def _url(config: RelayConfig, read: "_Variables") -> str | None:
    """The address of metrics is taken as it is; that of all signals is a base."""
    if url := read.address("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"):
        return url
    base = read.address("OTEL_EXPORTER_OTLP_ENDPOINT") or config.telemetry.otlp_endpoint
    if base is None:
        return None
    parts = urlsplit(base)
    path = parts.path.rstrip("/")
    return urlunsplit(parts._replace(path=path if path.endswith(PATH) else path + PATH))


def _resource(config: RelayConfig, read: "_Variables", instance: str) -> dict[str, str]:
    """Attributes by OpenTelemetry's semantic conventions; what a variable says wins over what the relay knows."""
    who = config.identity
    known = {
        "service.name": SERVICE,
        "service.instance.id": instance,
        "deployment.environment.name": config.environment,
        "k8s.namespace.name": who.namespace,
        "streamset.name": who.set,
        "streamset.relay": who.relay,
        "streamset.market": config.market.value,
    }
    given = {name: value for name, value in known.items() if value}
    given |= read.attributes("OTEL_RESOURCE_ATTRIBUTES")
    if service := read.text("OTEL_SERVICE_NAME"):
        given["service.name"] = service
    return given


class _Variables:
    """Reads variables, and keeps what could not be used. An empty one is one that is not set."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self.ignored: list[Problem] = []

    def text(self, name: str, default: str = "") -> str:
        return self._variables.get(name, "").strip() or default

    def nearest(self, name: str) -> str:
        """The exporter's variable for metrics where it is set, else the one for all signals."""
        own = f"OTEL_EXPORTER_OTLP_METRICS_{name}"
        return own if self.text(own) else f"OTEL_EXPORTER_OTLP_{name}"

    def address(self, name: str) -> str | None:
        url = self.text(name)
        if url and re.fullmatch(OTLP_PATTERN, url) is None:
            self._ignore(name, url, "an http:// or https:// address such as http://collector:4318")
            return None
        return url or None

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str | None:
        """One of the allowed words; None for another."""
        name = self.nearest(name)
        value = self.text(name, default)
        if value not in allowed:
            self._ignore(name, value, ", ".join(allowed))
            return None
        return value

    def milliseconds(self, name: str, default: float) -> float:
        """Seconds of a variable that counts milliseconds."""
        value = self.text(name)
        if not value:
            return default
        if re.fullmatch(r"[0-9]{1,9}", value) is None or int(value) == 0:
            self._ignore(name, value, "milliseconds, a whole number above 0")
            return default
        return int(value) / 1000

    def path(self, name: str) -> Path | None:
        value = self.text(self.nearest(name))
        return Path(value) if value else None

    def pairs(self, name: str) -> dict[str, str]:
        return self.attributes(self.nearest(name))

    def attributes(self, name: str) -> dict[str, str]:
        """`key=value` joined by commas, values percent-encoded (W3C Baggage); all or nothing, and never shown."""
        text = self.text(name)
        parts = [part.partition("=") for part in text.split(",") if part.strip()]
        found = {key.strip(): unquote(value.strip()) for key, _, value in parts}
        if not all(key.strip() and equals for key, equals, _ in parts) or _breaks(found):
            self._ignore(name, "something else", "key=value, several joined by commas")
            return {}
        return found

    def _ignore(self, name: str, given: str, allowed: str) -> None:
        self.ignored.append(Problem(name, given, allowed))


def _breaks(pairs: Mapping[str, str]) -> bool:
    """Whether a name or value would end the line of a header."""
    return any(not text.isprintable() for pair in pairs.items() for text in pair)

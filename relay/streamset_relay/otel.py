"""Which collector the relay's metrics are pushed to: the standard `OTEL_*` variables, then the configuration.

Names, units and defaults: OpenTelemetry specification, "Environment Variable Specification" and "OpenTelemetry
Protocol Exporter". As it demands, a value that cannot be used is told and ignored: a cluster may inject these
variables, and telemetry never keeps data from flowing.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from streamset_api.errors import Problem
from streamset_api.fields import OTLP_ALLOWED, is_collector
from streamset_api.relay_config import RelayConfig
from streamset_api.stream import is_unicode

SERVICE = "binance-streamset-relay"
PATH = "/v1/metrics"
PROTOCOLS = ("http/json", "http/protobuf", "grpc")
"""OTLP over HTTP has one address for both of its encodings, so whoever asks for the binary one gets JSON."""

EXPORTERS = ("otlp", "none", "console", "prometheus", "logging")

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
    off = read.text("OTEL_SDK_DISABLED").lower() == "true" or not read.exports()
    if url is None or off or not read.speaks_http():
        return Telemetry(None, tuple(read.ignored))
    collector = Collector(
        url,
        resource=_resource(config, read, instance),
        headers=read.headers(),
        interval=read.milliseconds("OTEL_METRIC_EXPORT_INTERVAL", INTERVAL),
        timeout=read.milliseconds(read.nearest("TIMEOUT"), TIMEOUT),
        gzip=read.choice(read.nearest("COMPRESSION"), ("none", "gzip")) == "gzip",
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
    """Attributes by OpenTelemetry's semantic conventions; what a variable says wins over what the relay knows.

    A pod's host name is its own; elsewhere relays may share a host, but not a port.
    """
    who = config.identity
    alone = who.relay is None
    known = {
        "service.name": SERVICE,
        "service.instance.id": f"{instance}:{config.health.port}" if alone else instance,
        "deployment.environment.name": config.environment,
        "k8s.namespace.name": who.namespace,
        "streamset.name": who.set,
        "streamset.relay": who.relay,
        "streamset.market": config.market.value,
    }
    given = {name: value for name, value in known.items() if value}
    given |= read.pairs("OTEL_RESOURCE_ATTRIBUTES", lambda name, _: bool(name))
    if service := read.text("OTEL_SERVICE_NAME"):
        given["service.name"] = service
    return given


class _Variables:
    """Reads variables, and keeps what could not be used. An empty one is one that is not set."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self.ignored: list[Problem] = []

    def text(self, name: str) -> str:
        text = self._variables.get(name, "").strip()
        if not is_unicode(text):
            self._ignore(name, "UTF-8")
            return ""
        return text

    def nearest(self, name: str) -> str:
        """The exporter's variable for metrics where it is set, else the one for all signals."""
        own = f"OTEL_EXPORTER_OTLP_METRICS_{name}"
        return own if self.text(own) else f"OTEL_EXPORTER_OTLP_{name}"

    def address(self, name: str) -> str | None:
        url = self.text(name)
        if url and not is_collector(url):
            self._ignore(name, OTLP_ALLOWED)
            return None
        return url or None

    def choice(self, name: str, allowed: Sequence[str]) -> str:
        """One of the allowed words, in any case; the first where there is none or another."""
        value = self.text(name).lower()
        if value and value not in allowed:
            self._ignore(name, ", ".join(allowed), value)
        return value if value in allowed else allowed[0]

    def exports(self) -> bool:
        """Whether OTLP is among the exporters of metrics."""
        name = "OTEL_METRICS_EXPORTER"
        words = [word.strip().lower() for word in self.text(name).split(",")]
        known = [word for word in words if word in EXPORTERS]
        if any(word and word not in EXPORTERS for word in words):
            self._ignore(name, ", ".join(EXPORTERS), ",".join(words))
        return "otlp" in known or not known

    def speaks_http(self) -> bool:
        name = self.nearest("PROTOCOL")
        http = self.choice(name, PROTOCOLS) != "grpc"
        if not http:
            self._ignore(name, "http/json and http/protobuf: no metrics are pushed", "grpc")
        return http

    def milliseconds(self, name: str, default: float) -> float:
        """Seconds of a variable that counts milliseconds."""
        value = self.text(name)
        if not value:
            return default
        if re.fullmatch(r"[0-9]{1,9}", value) is None or int(value) == 0:
            self._ignore(name, "milliseconds, a whole number above 0", value)
            return default
        return int(value) / 1000

    def path(self, name: str) -> Path | None:
        value = self.text(self.nearest(name))
        return Path(value) if value else None

    def headers(self) -> dict[str, str]:
        return self.pairs(self.nearest("HEADERS"), _is_header)

    def pairs(self, name: str, fits: Callable[[str, str], bool]) -> dict[str, str]:
        """`key=value` joined by commas, both percent-encoded (W3C Baggage); all of it or nothing."""
        parts = [part for part in self.text(name).split(",") if part.strip()]
        try:
            return dict(_pair(part, fits) for part in parts)
        except ValueError:
            self._ignore(name, "key=value, several joined by commas, percent-encoded")
            return {}

    def _ignore(self, name: str, allowed: str, given: str = "something else") -> None:
        """`given` is shown only where it cannot hold a key."""
        self.ignored.append(Problem(name, given, allowed))


def _pair(text: str, fits: Callable[[str, str], bool]) -> tuple[str, str]:
    name, equals, value = (unquote(part.strip(), errors="strict") for part in text.partition("="))
    if not equals or not fits(name, value):
        raise ValueError(name)
    return name, value


def _is_header(name: str, value: str) -> bool:
    """A token, and a value that ends no line (RFC 9110, 5.5 and 5.6.2)."""
    return re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) is not None and value.isprintable()
